// The HTTP API: requests to inputs and questions, answers to JSON. docs in `openapi.json`.
#pragma once

#include <map>
#include <string>

#include "api/views.h"
#include "control/controller.h"
#include "control/file_workers.h"
#include "net/server.h"

namespace mohona {

struct ApiParts {
  Controller& controller;
  std::map<std::string, Engine*> engines;
  SecretStore& secrets;
  std::function<void()> shutdown;  // what POST /v1/shutdown does
  std::string name = {};           // the controller's, where others share its store
};

class Api {
 public:
  explicit Api(ApiParts parts) : parts_(std::move(parts)) {}

  // Answers one request of somebody who may ask (`refuse_stranger`); from any thread.
  void handle(HttpRequest request, Reply reply);

 private:
  using Segments = std::vector<std::string_view>;

  void jobs(const HttpRequest& request, const Segments& path, Reply reply);
  void one_job(const HttpRequest& request, const Segments& path, Reply reply);
  void pools(const HttpRequest& request, const Segments& path, Reply reply);
  void declare_lost(const std::string& pool, Reply reply);
  using Submitting = void (Api::*)(const HttpRequest& request, Reply reply);
  void on_files(Submitting handler, const HttpRequest& request, Reply reply);
  void submit(const HttpRequest& request, Reply reply);
  void submit_with_files(const HttpRequest& request, Reply reply);
  bool try_submit(const HttpRequest& request, const Reply& reply, bool with_files);
  void submit_batch(const HttpRequest& request, Reply reply);
  // `notes`: what the author should know of a file that has no mistake.
  void submit_jobs(Submit input, Reply reply, std::vector<std::string> notes = {});
  void list_jobs(const HttpRequest& request, Reply reply);
  void logs(const HttpRequest& request, const std::string& which, Reply reply);
  void cancel(const std::string& which, Reply reply);
  void cancel_all(Reply reply);
  void read_log(std::vector<Engine*> engines, const AttemptId& id, std::int64_t rank, Json json,
                Reply reply);
  void cost(const HttpRequest& request, Reply reply);
  void status(Reply reply);
  void audit_state(Reply reply);
  void change(Input input, Reply reply);

  ApiParts parts_;
  FileWorkers files_;  // the last: what they do uses the rest
};

// The API's description, OpenAPI 3.1, as JSON text.
const std::string& openapi();

}  // namespace mohona
