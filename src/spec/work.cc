// How a job's work is split, saved, repeated and stopped.
#include <fmt/format.h>

#include "base/text.h"
#include "model/attempt.h"
#include "spec/draft.h"

namespace mohona {
namespace {

constexpr std::int64_t retries_max = 1'000'000;

constexpr std::array<std::string_view, 14> signals = {"HUP",  "INT",  "QUIT", "ABRT", "KILL",
                                                      "USR1", "USR2", "PIPE", "ALRM", "TERM",
                                                      "CONT", "STOP", "TSTP", "WINCH"};

struct ShardsDraft {
  Shards shards;
  Problems& problems;
  int ways = 0;
};

constexpr std::array<Key<ShardsDraft>, 4> shards_keys = {{
    {"inputs", [](const SpecNode& n,
                  ShardsDraft& d) { d.ways += 1, read_texts(n, d.shards.globs, d.problems); }},
    {"items",
     [](const SpecNode& n, ShardsDraft& d) {
       d.ways += 1;
       if (is_list(n, "a list of texts", d.problems)) read_texts(n, d.shards.items, d.problems);
     }},
    {"count",
     [](const SpecNode& n, ShardsDraft& d) {
       d.ways += 1;
       std::int64_t count = 0;
       if (!read_whole(n, {1, range_max}, count, d.problems)) return;
       d.shards.range = Indices{0, count - 1};
     }},
    {"at_once",
     [](const SpecNode& n, ShardsDraft& d) {
       read_whole(n, {1, range_max}, d.shards.at_once_max, d.problems);
     }},
}};

bool read_signal(const SpecNode& node, std::string& out, Problems& problems) {
  const std::string name = node.is_scalar() ? signal_name(node.text) : "";
  if (!name.empty()) return out = name, true;
  wrong(node, suggestion(node.text, {signals.begin(), signals.end()}), problems);
  return false;
}

constexpr std::array<Key<Draft>, 3> checkpoint_keys = {{
    {"path",
     [](const SpecNode& n, Draft& d) { read_text(n, d.spec().checkpoint->path, d.problems); }},
    {"signal",
     [](const SpecNode& n, Draft& d) { read_signal(n, d.spec().stop.edit().signal, d.problems); }},
    {"grace",
     [](const SpecNode& n, Draft& d) { read_duration(n, d.spec().stop.edit().grace, d.problems); }},
}};

constexpr std::array<Key<Draft>, 2> retries_keys = {{
    {"max",
     [](const SpecNode& n, Draft& d) {
       read_whole(n, {0, retries_max}, d.spec().retries.max, d.problems);
     }},
    {"backoff",
     [](const SpecNode& n, Draft& d) { read_duration(n, d.spec().retries.backoff, d.problems); }},
}};

constexpr std::array<Key<Draft>, 2> progress_keys = {{
    {"steps",
     [](const SpecNode& n, Draft& d) {
       read_whole(n, {1, steps_max}, d.spec().progress->steps, d.problems);
     }},
    {"log",
     [](const SpecNode& n, Draft& d) { read_flag(n, d.spec().progress->from_log, d.problems); }},
}};

struct HookDraft {
  Hook hook;
  Problems& problems;
};

constexpr std::array<std::string_view, 3> hook_events = {"stop", "preemption", "down"};

void read_events(const SpecNode& node, HookDraft& draft) {
  if (!is_list(node, "a list of stop, preemption, down", draft.problems)) return;
  for (const SpecNode& event : node.children) {
    const auto known = std::find(hook_events.begin(), hook_events.end(), event.text);
    if (event.is_scalar() && known != hook_events.end()) {
      draft.hook.events.emplace_back(event.text);
    } else {
      wrong(event, suggestion(event.text, {hook_events.begin(), hook_events.end()}),
            draft.problems);
    }
  }
}

constexpr std::array<Key<HookDraft>, 3> hook_keys = {{
    {"run", [](const SpecNode& n, HookDraft& d) { read_text(n, d.hook.run, d.problems); }},
    {"events", read_events},
    {"timeout",
     [](const SpecNode& n, HookDraft& d) { read_duration(n, d.hook.timeout, d.problems); }},
}};

void read_hooks(const SpecNode& node, Draft& draft) {
  constexpr std::string_view expected =
      "a list of {run: COMMAND, events: [stop, preemption, down]}";
  if (!is_list(node, expected, draft.problems)) return;
  for (const SpecNode& item : node.children) {
    if (!is_map(item, expected, draft.problems)) continue;
    HookDraft hook{{}, draft.problems};
    read_keys(item, hook_keys, {}, hook, draft.problems);
    if (!item.find("run")) {
      lacks(item, "run", item.place, "this hook has no 'run'", "expected run: COMMAND",
            draft.problems);
    }
    if (!item.find("events")) hook.hook.events.assign(hook_events.begin(), hook_events.end());
    draft.spec().hooks.edit().push_back(std::move(hook.hook));
  }
}

constexpr std::array<Key<Draft>, 1> config_keys = {{{"hooks", read_hooks}}};

}  // namespace

std::string signal_name(std::string_view text) {
  std::string name = lower(text);
  for (char& c : name) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (name.starts_with("SIG")) name.erase(0, 3);
  return std::find(signals.begin(), signals.end(), name) == signals.end() ? "" : name;
}

void read_shards(const SpecNode& node, Draft& draft) {
  constexpr std::string_view expected = "{inputs: GLOB}, {items: [...]} or {count: N}";
  if (!is_map(node, expected, draft.problems)) return;
  ShardsDraft shards{{}, draft.problems};
  read_keys(node, shards_keys, {}, shards, draft.problems);
  if (shards.ways != 1) {
    draft.problems.add(
        node.key_place,
        shards.ways == 0 ? "'shards' does not say which" : "'shards' says in two ways which",
        fmt::format("expected one of {}", expected));
  }
  if (std::ssize(shards.shards.items) > shards_max) {
    draft.problems.add(node.key_place,
                       fmt::format("'shards' has {} items", shards.shards.items.size()),
                       fmt::format("expected at most {}", shards_max));
  }
  draft.spec().shards = std::move(shards.shards);
}

void read_checkpoint(const SpecNode& node, Draft& draft) {
  if (!is_map(node, "{path: PATH, signal: TERM, grace: 60s}", draft.problems)) return;
  draft.spec().checkpoint.emplace();
  read_keys(node, checkpoint_keys, {}, draft, draft.problems);
  const SpecNode* path = node.find("path");
  if (!path) {
    lacks(node, "path", node.key_place, "'checkpoint' has no 'path'",
          "expected where the job keeps what survives, such as path: ckpt", draft.problems);
  } else if (path->is_scalar()) {
    std::string& out = draft.spec().checkpoint->path;
    out = path_in_workdir(path->text);
    if (out.empty()) {
      wrong(*path,
            "expected an absolute path, or a relative one that stays in the working directory",
            draft.problems);
    }
  }
}

void read_retries(const SpecNode& node, Draft& draft) {
  if (node.is_map()) {
    read_keys(node, retries_keys, {}, draft, draft.problems);
  } else {
    read_whole(node, {0, retries_max}, draft.spec().retries.max, draft.problems);
  }
}

void read_progress(const SpecNode& node, Draft& draft) {
  draft.spec().progress.emplace();
  if (node.is_scalar()) {
    read_whole(node, {1, steps_max}, draft.spec().progress->steps, draft.problems);
  } else if (!node.is_map()) {
    wrong(node, "expected a number of steps, or {steps: 10000, log: true}", draft.problems);
  } else {
    read_keys(node, progress_keys, {}, draft, draft.problems);
  }
}

void read_config(const SpecNode& node, Draft& draft) {
  if (!is_map(node, "a map with 'hooks'", draft.problems)) return;
  read_keys(node, config_keys,
            {"docker",
             "kubernetes",
             "nvidia_gpus",
             "ssh",
             "gcp",
             "aws",
             "azure",
             "oci",
             "vsphere",
             "admin_policy_url",
             "active_workspace",
             "allowed_clouds",
             "jobs",
             "serve",
             "slurm",
             "provision",
             "workspaces",
             "logs",
             "auth",
             "rbac"},
            draft, draft.problems);
}

}  // namespace mohona
