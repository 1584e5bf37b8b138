#include "app/stores.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/complain.h"
#include "app/exit_status.h"
#include "base/text.h"
#include "control/controller.h"
#include "model/codec.h"
#include "store/postgresql/postgresql_lease.h"
#include "store/postgresql/postgresql_store.h"
#include "store/sqlite/sqlite_store.h"

namespace mohona {
namespace {

constexpr std::size_t copied_at_once = 4'096;  // facts

bool is_postgresql(const std::string& text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://");
}

// What stands between "//" and "@" may hold one. It would be seen by everyone who lists processes.
Result<void> check_target(const std::string& target) {
  const std::size_t from = target.find("//") + 2;
  const std::size_t at = target.find('@', from);
  const bool has_password =
      (at != target.npos && target.substr(from, at - from).find(':') != target.npos) ||
      target.find("password=") != target.npos;
  if (!has_password) return {};
  return fail(Code::invalid,
              "a password in an address is seen by everyone who lists processes; put it in "
              "~/.pgpass, or in the file that PGPASSFILE names");
}

Result<bool> is_empty(Store& store) {
  bool any = false;
  const auto stop = [&](const Fact&) -> Result<void> {
    any = true;
    return fail(Code::conflict, "");
  };
  const auto read = store.replay(stop);
  if (!read && !any) return fail(read.error());
  return !any;
}

// Whether it begins with every fact of the other.
Result<bool> contains(Store& whole, Store& part) {
  std::vector<std::size_t> facts;  // of `part`, by their hashes
  const auto hash = [](const Fact& fact) { return std::hash<std::string>()(encode(fact)); };
  const auto all = part.replay([&](const Fact& fact) -> Result<void> {
    return facts.push_back(hash(fact)), Result<void>{};
  });
  if (!all) return fail(all.error());
  std::size_t same = 0;
  const auto read = whole.replay([&](const Fact& fact) -> Result<void> {
    if (same == facts.size() || hash(fact) != facts[same]) return fail(Code::conflict, "");
    ++same;
    return {};
  });
  if (!read && read.error().code != Code::conflict) return fail(read.error());
  return same == facts.size();
}

std::string journal_of(const Home& home) { return home.file("journal.db"); }

bool has_journal(const Home& home) { return std::filesystem::exists(journal_of(home)); }

// The address of the home's database; empty: it has its own journal.
Result<std::string> remembered(const Home& home) {
  if (!std::filesystem::exists(home.file("store"))) return std::string();
  const auto text = read_file(home.file("store"));
  if (!text) return fail(text.error());
  return std::string(trim(*text));
}

// Its journal is empty, or an older one that the database has been given already.
Result<void> put_journal_aside(const Home& home) {
  std::string kept = journal_of(home) + ".old";
  for (int n = 2; std::filesystem::exists(kept); ++n) {
    kept = fmt::format("{}.old{}", journal_of(home), n);
  }
  std::error_code error;
  for (const char* part : {"", "-wal", "-shm"}) {
    if (!std::filesystem::exists(journal_of(home) + part)) continue;
    std::filesystem::rename(journal_of(home) + part, kept + part, error);
    if (error)
      return fail(Code::internal,
                  fmt::format("cannot move {}: {}", journal_of(home), error.message()));
  }
  return {};
}

Result<std::unique_ptr<Store>> move_to_database(const Home& home, const std::string& target) {
  if (auto ok = check_target(target); !ok) return fail(ok.error());
  auto store = open_postgresql_store(target);
  if (!store) return store;
  if (has_journal(home)) {
    auto journal = open_sqlite_store(journal_of(home));
    if (!journal) return journal;
    const auto there = contains(**store, **journal);
    if (!there) return fail(there.error());
    if (!*there) {
      const auto none = is_empty(**store);
      if (!none) return fail(none.error());
      const std::string why =
          *none ? fmt::format("is empty. Take it along first: mohona store copy {} {}", home.path(),
                              target)
                : fmt::format(
                      "holds another one, which has not all that is in {}. To give this "
                      "one up, move that file away",
                      journal_of(home));
      return fail(
          Code::invalid,
          fmt::format("the state of {} would be left behind: the database {}", home.path(), why));
    }
    journal->reset();
    if (auto ok = put_journal_aside(home); !ok) return fail(ok.error());
  }
  if (auto ok = write_file(home.file("store"), target + "\n", true); !ok) return fail(ok.error());
  return store;
}

Result<std::unique_ptr<Store>> move_to_journal(const Home& home, const std::string& target) {
  if (!has_journal(home)) {
    return fail(
        Code::invalid,
        fmt::format("the state of {} is in {}. Bring it back first: mohona store copy {} {}",
                    home.path(), target, target, home.path()));
  }
  auto database = open_postgresql_store(target);
  if (!database) return database;
  auto store = open_sqlite_store(journal_of(home));
  if (!store) return store;
  const auto there = contains(**store, **database);
  if (!there) return fail(there.error());
  if (!*there) {
    return fail(Code::invalid,
                fmt::format("{} has not all that is in {}. Move it away, and bring the state back: "
                            "mohona store copy {} {}",
                            journal_of(home), target, target, home.path()));
  }
  if (::unlink(home.file("store").c_str()) != 0) {
    return system_failure("remove", home.file("store"));
  }
  return store;
}

std::size_t entries_in(const std::string& directory) {
  std::error_code error;
  std::size_t count = 0;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return count;
}

// What earlier work has left behind, if anything.
Result<void> refuse_if_work_is_known(const Home& home, const std::string& work,
                                     const std::string& store) {
  const std::size_t launched =
      entries_in(home.file("running")) + entries_in(work + "/slurm/running");
  const std::size_t jobs = entries_in(work + "/jobs");
  if (launched == 0 && jobs == 0) return {};
  return fail(
      Code::conflict,
      fmt::format("{} holds no journal, but there are files of earlier work: {} launched attempts "
                  "and {} jobs in {}. Is a disk not mounted? Restore the journal "
                  "(docs/operations.md), or begin with an empty one: mohona up --forget, which "
                  "stops what still runs and keeps its files",
                  store, launched, jobs, work));
}

// --- copying

struct Place {
  std::unique_ptr<Store> store;
  Fd lock;  // of a home: no controller runs there meanwhile
};

Result<Place> open_place(const std::string& text, bool to_write) {
  Place out;
  if (is_postgresql(text)) {
    if (auto ok = check_target(text); !ok) return fail(ok.error());
    auto store = open_postgresql_store(text);
    if (!store) return fail(store.error());
    out.store = std::move(*store);
    return out;
  }
  const Home home = Home::find(text);
  if (to_write) {
    if (auto ok = home.make(); !ok) return fail(ok.error());
  } else if (!std::filesystem::exists(home.path())) {
    return fail(Code::not_found, fmt::format("there is no {}", home.path()));
  }
  auto lock = home.lock();
  if (!lock) return fail(lock.error());
  out.lock = std::move(*lock);
  auto store = to_write ? open_sqlite_store(journal_of(home)) : open_store(home);
  if (!store) return fail(store.error());
  out.store = std::move(*store);
  return out;
}

struct Sum {
  std::uint64_t facts = 0;
  std::string digest, from_snapshot;
  Epoch epoch;
  std::size_t after_snapshot = 0;
  friend bool operator==(const Sum& a, const Sum& b) {
    return a.facts == b.facts && a.digest == b.digest && a.from_snapshot == b.from_snapshot &&
           a.after_snapshot == b.after_snapshot;
  }
};

Result<Sum> sum_of(Store& store) {
  Sum out;
  State whole;
  const auto read = store.replay([&](const Fact& fact) -> Result<void> {
    whole.apply(fact);
    ++out.facts;
    return {};
  });
  if (!read) return fail(read.error());
  const auto loaded = load_state(store);
  if (!loaded) return fail(loaded.error());
  out.digest = whole.digest();
  out.from_snapshot = loaded->state.digest();
  out.epoch = whole.epoch();
  out.after_snapshot = loaded->facts;
  return out;
}

Result<void> copy_all(Store& from, Store& to, const Sum& sum) {
  std::vector<Row> rows;
  const auto loaded =
      from.load([&](const Row& row) -> Result<void> { return rows.push_back(row), Result<void>{}; },
                [](const Fact&) -> Result<void> { return {}; });
  if (!loaded) return loaded;
  const auto epoch = to.lead(sum.epoch);
  if (!epoch) return fail(epoch.error());
  const std::uint64_t covered = sum.facts - sum.after_snapshot;
  std::uint64_t written = 0;
  Facts some;
  const auto flush = [&]() -> Result<void> {
    if (auto ok = to.append(some, *epoch); !ok) return ok;
    written += some.size();
    some.clear();
    if (written == covered && !rows.empty()) {
      if (auto ok = to.save(rows, {}, *epoch); !ok) return ok;
      rows.clear();
    }
    return {};
  };
  const auto read = from.replay([&](const Fact& fact) -> Result<void> {
    some.push_back(fact);
    return some.size() == copied_at_once || written + some.size() == covered ? flush()
                                                                             : Result<void>{};
  });
  if (!read) return read;
  return flush();
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const Home& home) {
  const auto target = remembered(home);
  if (!target) return fail(target.error());
  if (!target->empty()) return open_postgresql_store(*target);
  if (!has_journal(home)) {
    return fail(Code::not_found, "there is no journal in " + home.path());
  }
  return open_sqlite_store(journal_of(home));
}

Result<std::unique_ptr<Store>> open_store(const Home& home, const std::string& said) {
  const auto before = remembered(home);
  if (!before) return fail(before.error());
  if (is_postgresql(said)) {
    if (said == *before) return open_postgresql_store(said);
    return move_to_database(home, said);
  }
  if (said == "sqlite" && !before->empty()) return move_to_journal(home, *before);
  if (said == "sqlite" || (said.empty() && before->empty())) {
    return open_sqlite_store(journal_of(home));
  }
  if (said.empty()) return open_postgresql_store(*before);
  return fail(
      Code::invalid,
      fmt::format("--store takes sqlite or postgresql://USER@HOST/DATABASE; got '{}'", said));
}

Result<void> check_not_lost(const Home& home, const std::string& work, const std::string& said) {
  const auto before = remembered(home);
  if (!before) return fail(before.error());
  if (!before->empty() || is_postgresql(said)) return {};
  std::error_code error;
  const auto size = std::filesystem::file_size(journal_of(home), error);
  if (!error && size > 0) return {};
  return refuse_if_work_is_known(home, work, journal_of(home));
}

Result<void> check_not_lost(const Home& home, const std::string& work, Store& store) {
  const auto none = is_empty(store);
  if (!none) return fail(none.error());
  const auto target = remembered(home);
  if (!*none) return {};
  return refuse_if_work_is_known(home, work,
                                 target && !target->empty() ? *target : journal_of(home));
}

Result<std::unique_ptr<LeaseTable>> open_lease(const Home& home) {
  const auto target = remembered(home);
  if (!target) return fail(target.error());
  if (target->empty()) return std::unique_ptr<LeaseTable>();
  return open_postgresql_lease(*target);
}

int copy_store(const std::string& from, const std::string& to, bool json) {
  auto source = open_place(from, false);
  if (!source) return complain(source.error());
  auto target = open_place(to, true);
  if (!target) return complain(target.error());
  const auto none = is_empty(*target->store);
  if (!none) return complain(none.error());
  if (!*none) {
    return complain(
        {Code::conflict, fmt::format("{} holds a state already; nothing was copied", to)});
  }
  const auto sum = sum_of(*source->store);
  if (!sum) return complain(sum.error());
  if (auto ok = copy_all(*source->store, *target->store, *sum); !ok) return complain(ok.error());
  const auto copied = sum_of(*target->store);
  if (!copied) return complain(copied.error());
  if (!(*copied == *sum)) {
    return complain(
        {Code::internal,
         fmt::format("the copy differs from {}, where perhaps somebody wrote meanwhile: "
                     "{} facts, digest {}; the copy has {}, {}",
                     from, sum->facts, sum->digest, copied->facts, copied->digest)});
  }
  if (json) {
    const nlohmann::json answer = {{"facts", copied->facts},
                                   {"facts_after_snapshot", copied->after_snapshot},
                                   {"digest", copied->digest},
                                   {"same", true}};
    fmt::print("{}\n", answer.dump(2));
    return exit_ok;
  }
  fmt::print("{} facts are in {}, with the same state: digest {}\n", copied->facts, to,
             copied->digest);
  return exit_ok;
}

}  // namespace mohona
