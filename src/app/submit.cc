#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <iterator>

#include "app/commands.h"
#include "app/complain.h"
#include "app/follow.h"
#include "app/screen.h"
#include "app/up.h"
#include "spec/job_file.h"

namespace mohona {
namespace {

// KEY=VALUE, or KEY alone for what our own environment says.
Result<Variables> variables(const std::vector<std::string>& given, const char* option) {
  Variables out;
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) {
      out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    } else if (const char* value = ::getenv(text.c_str())) {
      out.emplace_back(text, value);
    } else {
      return fail(Code::invalid,
                  fmt::format("{} {}: it has no value here; write {}=VALUE or export it", option,
                              text, text));
    }
  }
  return out;
}

Json as_object(const Variables& variables) {
  Json json = Json::object();
  for (const auto& [key, value] : variables) json[key] = value;
  return json;
}

// Reads the file ("-": standard input) and looks for mistakes before anything is sent.
Result<Json> submission(const SubmitOptions& options) {
  std::string text;
  std::string directory = std::filesystem::current_path();
  if (options.file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    auto read = read_file(options.file);
    if (!read) return fail(Code::invalid, read.error().message);
    text = std::move(*read);
    directory = std::filesystem::absolute(options.file).parent_path().lexically_normal();
  }
  // A batch script runs where its author stands, as with sbatch.
  const bool script = text.starts_with("#!");
  if (script) directory = std::filesystem::current_path();
  const std::string name = options.file == "-" ? "stdin" : options.file;
  auto envs = variables(options.envs, "--env");
  if (!envs) return fail(envs.error());
  auto secrets = variables(options.secrets, "--secret");
  if (!secrets) return fail(secrets.error());
  const auto parsed = parse_job_file({name, text, directory}, {*envs, *secrets});
  if (!parsed) return fail(parsed.error());
  return Json{{"file", name},
              {"text", text},
              {"directory", directory},
              {"envs", as_object(*envs)},
              {"secrets", as_object(*secrets)}};
}

void say_what_is_next(const Json& jobs) {
  for (const Json& job : jobs) {
    for (const Json& endpoint : job.at("endpoints")) {
      fmt::print("{} answers at {}; end it with: mohona cancel {}\n",
                 job.at("name").get<std::string>(), endpoint.get<std::string>(),
                 job.at("id").get<std::uint64_t>());
    }
    if (job.at("state") == "failed") {
      fmt::print("see why {} failed: mohona show {id}; mohona logs {id}\n",
                 job.at("name").get<std::string>(),
                 fmt::arg("id", job.at("id").get<std::uint64_t>()));
    }
  }
}

}  // namespace

int submit(const Home& home, const SubmitOptions& options) {
  const auto body = submission(options);
  if (!body) return complain(body.error());
  Remote remote(home);
  const auto answer = remote.post("/v1/jobs", *body, options.key);
  if (!answer) return complain(answer.error());
  if (options.json) {
    fmt::print("{}\n", answer->dump());
    return exit_ok;
  }
  for (const Json& job : answer->at("jobs")) {
    fmt::print("job {}: {}\n", job.at("id").get<std::uint64_t>(),
               job.at("name").get<std::string>());
  }
  return exit_ok;
}

int run(const Home& home, const SubmitOptions& options) {
  // The file's mistakes first: nothing is started for a file that cannot run.
  const auto body = submission(options);
  if (!body) return complain(body.error());
  if (!Remote(home).get("/v1/status")) {
    // Another `run` may have been quicker; its controller is as good.
    const auto ok = up_detached(home, {"--home", home.path(), "up"});
    if (!ok && !Remote(home).get("/v1/status")) return complain(ok.error());
    if (!options.json) {
      fmt::print("started a control plane in {}; stop it with: mohona down\n", home.path());
    }
  }
  Remote remote(home);
  const auto answer = remote.post("/v1/jobs", *body, options.key);
  if (!answer) return complain(answer.error());
  std::vector<std::uint64_t> ids;
  for (const Json& job : answer->at("jobs")) ids.push_back(job.at("id"));
  Json last = Json::array();
  const int status = follow(remote, ids, {!options.json, {}}, &last);
  if (options.json) {
    fmt::print("{}\n", Json{{"jobs", last}}.dump());
  } else {
    say_what_is_next(last);
  }
  return status;
}

}  // namespace mohona
