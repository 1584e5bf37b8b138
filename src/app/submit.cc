#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "app/commands.h"
#include "app/complain.h"
#include "app/follow.h"
#include "app/screen.h"
#include "app/terminal.h"
#include "app/up.h"
#include "base/text.h"
#include "spec/job_file.h"
#include "spec/node.h"

namespace mohona {
namespace {

constexpr std::size_t value_bytes_max = 64 << 10;  // half of what Linux takes in one variable

Result<std::string> from_environment(const std::string& name, const char* option) {
  if (const char* value = ::getenv(name.c_str())) return std::string(value);
  return fail(Code::invalid, fmt::format("{} {}: it has no value here; write {}=VALUE or export it",
                                         option, name, name));
}

// KEY=VALUE, or KEY alone for what our own environment says.
Result<Variables> envs_of(const std::vector<std::string>& given) {
  Variables out;
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) {
      out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
      continue;
    }
    auto value = from_environment(text, "--env");
    if (!value) return fail(value.error());
    out.emplace_back(text, std::move(*value));
  }
  return out;
}

// As much of a stream as a job file may hold, and a byte more by which that is noticed.
std::string read_some(std::istream& stream) {
  std::string text(text_bytes_max + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

// All of a stream, without the end of its last line. Pipes too: a shell's <(COMMAND) is one.
Result<std::string> read_value(std::istream& stream, const std::string& from) {
  std::string value(value_bytes_max + 1, '\0');
  stream.read(value.data(), static_cast<std::streamsize>(value.size()));
  value.resize(static_cast<std::size_t>(stream.gcount()));
  if (value.size() > value_bytes_max) {
    return fail(Code::invalid, fmt::format("{} holds more than {} bytes, too much for a secret",
                                           from, value_bytes_max));
  }
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

Result<std::string> value_of_secret(const std::string& name, const std::string& said) {
  if (said == "-") return read_value(std::cin, "standard input");
  if (said.starts_with("@@")) return said.substr(1);
  if (said.starts_with('@')) {
    const std::string path = said.substr(1);
    std::ifstream file(path, std::ios::binary);
    std::error_code error;
    if (!file || std::filesystem::is_directory(path, error)) {
      return fail(Code::invalid, fmt::format("--secret {}: cannot read {}{}", name, path,
                                             path.empty() ? "; expected @FILE" : ""));
    }
    return read_value(file, path);
  }
  return said;
}

// KEY alone: from our own environment; KEY=@FILE, KEY=- for standard input. KEY=VALUE does too, but
// everyone on this machine can read a command line.
Result<Variables> secrets_of(const SubmitOptions& options) {
  Variables out;
  std::vector<std::string> shown;
  bool input_is_taken = options.file == "-";
  for (const std::string& text : options.secrets) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals);
    const std::string said = text.substr(std::min(equals + 1, text.size()));
    if (said == "-" && std::exchange(input_is_taken, true)) {
      return fail(Code::invalid,
                  fmt::format("--secret {}=-: standard input is read already", name));
    }
    auto value =
        equals == text.size() ? from_environment(name, "--secret") : value_of_secret(name, said);
    if (!value) return fail(value.error());
    const bool plain = !said.empty() && said != "-" && (said[0] != '@' || said.starts_with("@@"));
    if (plain) shown.push_back(name);
    out.emplace_back(name, std::move(*value));
  }
  if (!shown.empty()) {
    fmt::print(
        stderr,
        "mohona: the value of {} stands on the command line, where every user of this machine "
        "can read it; use --secret {} (from the environment), {}=@FILE or {}=- (standard "
        "input)\n",
        printable(join(shown, ", ")), printable(shown[0]), printable(shown[0]),
        printable(shown[0]));
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
    text = read_some(std::cin);
  } else {
    // Not all of it: a file may be a device that has no end.
    std::ifstream file(options.file, std::ios::binary);
    std::error_code error;
    if (!file || std::filesystem::is_directory(options.file, error)) {
      auto why = read_file(options.file);
      return fail(Code::invalid,
                  why ? fmt::format("cannot read {}", options.file) : why.error().message);
    }
    text = read_some(file);
    directory = std::filesystem::absolute(options.file).parent_path().lexically_normal();
  }
  // A batch script runs where its author stands, as with sbatch.
  const bool script = text.starts_with("#!");
  if (script) directory = std::filesystem::current_path();
  const std::string name = options.file == "-" ? "stdin" : options.file;
  for (const std::string& path : {name, directory, options.key}) {
    if (!is_utf8(path))
      return fail(Code::invalid, fmt::format("'{}' is not UTF-8", printable(path)));
  }
  auto envs = envs_of(options.envs);
  if (!envs) return fail(envs.error());
  auto secrets = secrets_of(options);
  if (!secrets) return fail(secrets.error());
  std::vector<std::string> notes;
  const auto parsed = parse_job_file({name, text, directory, true, std::filesystem::current_path()},
                                     {*envs, *secrets}, &notes);
  if (!parsed) return fail(parsed.error());
  for (const std::string& note : notes) fmt::print(stderr, "{}\n", printable(note));
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
    fmt::print("{}\n", json_line(*answer));
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
  const auto started = start_if_none(home);
  if (!started) return complain(started.error());
  if (*started && !options.json) {
    fmt::print("started a control plane in {}; stop it with: mohona down\n", home.path());
  }
  Remote remote(home);
  const auto answer = remote.post("/v1/jobs", *body, options.key);
  if (!answer) return complain(answer.error());
  std::vector<std::uint64_t> ids;
  for (const Json& job : answer->at("jobs")) ids.push_back(job.at("id"));
  Json last = Json::array();
  const int status =
      follow(remote, ids, {.show = !options.json, .log = true, .exact = options.json}, &last);
  if (options.json) {
    fmt::print("{}\n", json_line({{"jobs", last}}));
  } else {
    say_what_is_next(last);
  }
  return status;
}

}  // namespace mohona
