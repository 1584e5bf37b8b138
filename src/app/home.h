// MOHONA_HOME: where one control plane keeps everything. All of it is for its owner alone.
//
//   journal.db        facts and snapshot
//   api.sock          the API
//   token             the key to its TCP port
//   fleet.yaml        the fleet given last
//   controller.pid    who runs here
//   controller.log    what a detached one says (.1: the one before)
//   store, work       where state and files of jobs are instead, if somebody said so
//   running/          the local engine's marks
//   jobs/, slurm/     files of jobs, the Slurm engine's marks (in `work`)
//   secrets/          values, outside the journal (in `work`)
#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace mohona {

class Home {
 public:
  // `given`: --home; else MOHONA_HOME; else ~/.mohona. Absolute; not made yet.
  static Home find(const std::string& given);

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  // A path by which the socket can be bound and reached, however deep the home lies: the kernel
  // takes at most 107 bytes.
  std::string socket() const;

  Result<void> make() const;

  // Code::invalid unless the home, where it is there, is a directory of the caller's own:
  // everything in it is believed, and what another user lays out there would be done with the
  // caller's rights.
  Result<void> check_owner() const;

  // Makes this process the home's one controller until the Fd goes. Code::conflict names the pid of
  // the one that is there.
  Result<Fd> lock() const;

  // The bearer token, made at the first call.
  Result<std::string> token() const;

 private:
  explicit Home(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace mohona
