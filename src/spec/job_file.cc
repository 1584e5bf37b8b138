#include "spec/job_file.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "spec/draft.h"
#include "spec/yaml.h"

namespace mohona {
namespace {

struct Document {
  const SpecNode* node;
  std::size_t number;  // from 1
};

// SkyPilot's header of a pipeline or a job group: a document before the jobs that holds no job.
bool is_header(const SpecNode& node) {
  constexpr std::array<std::string_view, 4> keys = {"name", "execution", "primary_tasks",
                                                    "termination_delay"};
  if (!node.is_map() || node.children.empty()) return false;
  return std::all_of(node.children.begin(), node.children.end(), [&](const SpecNode& child) {
    return std::find(keys.begin(), keys.end(), child.key) != keys.end();
  });
}

// A job group runs its jobs side by side, as one; the keys beside `execution` are about that.
void check_header(const SpecNode& header, Problems& problems) {
  const SpecNode* execution = header.find("execution");
  if (execution && execution->text == "serial") execution = nullptr;
  const SpecNode* wanted = execution;
  for (const std::string_view key : {"primary_tasks", "termination_delay"}) {
    if (!wanted) wanted = header.find(key);
  }
  if (!wanted) return;
  problems.add(
      wanted->key_place,
      fmt::format("'{}' asks for a job group, which Mohona cannot honour yet", wanted->key),
      "take it out to run the jobs one after another; needs: [] starts a job at once");
}

// Where a job's need of `name` is written.
Place place_of_need(const SpecNode& job, const std::string& name) {
  const SpecNode* needs = job.find("needs");
  if (!needs) return job.place;
  for (const SpecNode& item : needs->children) {
    if (item.text == name) return item.place;
  }
  return needs->place;
}

// Where two needed jobs share a variable, the work would see the outputs of one of them alone.
void check_inputs(const Document& document, const JobSpec& job, Problems& problems) {
  std::map<std::string, std::string_view> seen;
  for (const std::string& need : job.needs) {
    const std::string variable = environment_name(need);
    const auto [other, is_new] = seen.emplace(variable, need);
    if (is_new || other->second == need) continue;
    problems.add(place_of_need(*document.node, need),
                 fmt::format("'{}' and '{}' have the same variable, MOHONA_INPUT_{}", other->second,
                             need, variable),
                 "rename one of the two jobs");
  }
}

void check_names(const std::vector<Document>& documents, const std::vector<Submission>& jobs,
                 Problems& problems) {
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto [first, is_new] = seen.emplace(jobs[i].spec.name, i);
    if (is_new) continue;
    const SpecNode* name = documents[i].node->find("name");
    problems.add(name ? name->place : documents[i].node->place,
                 fmt::format("two jobs of this file are named {}", in_quotes(jobs[i].spec.name)),
                 "expected a name of its own for each");
  }
}

// A job that waits for itself would wait for ever. Each cycle is noted once, at the need that
// closes it.
class Cycles {
 public:
  Cycles(const std::vector<Document>& documents, const std::vector<Submission>& jobs,
         Problems& problems)
      : documents_(documents), jobs_(jobs), problems_(problems), seen_(jobs.size()) {
    for (std::size_t i = 0; i < jobs.size(); ++i) index_.emplace(jobs[i].spec.name, i);
  }
  void check() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) visit(i);
  }

 private:
  // Recursion is bounded by documents_max.
  void visit(std::size_t i) {
    if (seen_[i]) return;
    seen_[i] = true;
    path_.push_back(i);
    for (const std::string& need : jobs_[i].spec.needs) {
      const auto found = index_.find(need);
      if (found == index_.end()) continue;  // a job that was accepted earlier
      const auto begin = std::find(path_.begin(), path_.end(), found->second);
      if (begin == path_.end()) {
        visit(found->second);
      } else {
        note(begin, need);
      }
    }
    path_.pop_back();
  }

  void note(std::vector<std::size_t>::const_iterator begin, const std::string& need) {
    std::string message = fmt::format("'{}' needs itself", need);
    std::vector<std::string_view> through;
    for (auto at = begin + 1; at < path_.end(); ++at) through.push_back(jobs_[*at].spec.name);
    if (!through.empty()) message += fmt::format(", through {}", fmt::join(through, ", "));
    problems_.add(place_of_need(*documents_[path_.back()].node, need), std::move(message),
                  "expected jobs that can run one after another");
  }

  const std::vector<Document>& documents_;
  const std::vector<Submission>& jobs_;
  Problems& problems_;
  std::vector<bool> seen_;
  std::vector<std::size_t> path_;
  std::map<std::string_view, std::size_t> index_;
};

std::vector<Submission> read_yaml(const Source& source, const Overrides& overrides,
                                  Problems& problems) {
  const std::vector<SpecNode> nodes = parse_yaml(source.text, problems);
  std::vector<Submission> jobs;
  if (!problems.none()) return jobs;
  if (nodes.empty()) problems.add({}, "the file is empty", "expected a job: at least run: COMMAND");
  const bool header = nodes.size() > 1 && is_header(nodes[0]);
  if (header) check_header(nodes[0], problems);
  std::vector<Document> documents;
  for (std::size_t i = header ? 1 : 0; i < nodes.size(); ++i) {
    documents.push_back({&nodes[i], documents.size() + 1});
    jobs.push_back(read_job(nodes[i], documents.size(), source, overrides, problems));
    const bool follows = header && jobs.size() > 1 && !nodes[i].find_written("needs");
    if (follows) jobs.back().spec.needs = {jobs[jobs.size() - 2].spec.name};
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) check_inputs(documents[i], jobs[i].spec, problems);
  check_names(documents, jobs, problems);
  Cycles(documents, jobs, problems).check();
  return jobs;
}

}  // namespace

Result<std::vector<Submission>> parse_job_file(const Source& given, const Overrides& overrides,
                                               std::vector<std::string>* notes) {
  for (const Variables* variables : {&overrides.envs, &overrides.secrets}) {
    for (const auto& [name, value] : *variables) {
      if (!is_utf8(value))
        return fail(Code::invalid, fmt::format("{} is not UTF-8", in_quotes(name)));
      if (value.find('\0') != value.npos) {
        return fail(Code::invalid, fmt::format("the value of {} holds a NUL", in_quotes(name)));
      }
      if (is_variable_name(name)) continue;
      return fail(Code::invalid,
                  fmt::format("{} cannot be the name of a variable\n"
                              "  expected letters, digits and '_', not beginning with a digit\n",
                              in_quotes(name)));
    }
  }
  const Source source = with_plain_lines(given);
  Problems problems;
  std::vector<Submission> jobs;
  if (check_text(source.text, problems)) {
    if (is_sbatch(source.text)) {
      jobs.push_back(read_sbatch(source, overrides, problems));
    } else {
      jobs = read_yaml(source, overrides, problems);
    }
  }
  if (!problems.none()) return fail(problems.error(source));
  if (notes) *notes = problems.notes(source);
  return jobs;
}

Result<Submission> parse_job_json(std::string_view json, const std::string& directory) {
  const Source source{"job", std::string(json), directory};
  Problems problems;
  Submission job;
  if (json.size() > text_bytes_max) {
    check_text(json, problems);
  } else {
    const SpecNode node = parse_json(source.text, problems);
    if (problems.none()) job = read_job(node, 1, source, {}, problems);
  }
  if (!problems.none()) return fail(problems.error(source));
  return job;
}

}  // namespace mohona
