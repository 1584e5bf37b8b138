// Values of secrets in files of the home, one a job, until the job has ended.
#pragma once

#include <set>

#include "control/effects.h"

namespace mohona {

class SecretFiles : public SecretStore {
 public:
  explicit SecretFiles(std::string directory) : directory_(std::move(directory)) {}
  Result<std::string> write(const Variables& secrets) override;
  Result<Variables> read(const std::string& name) override;
  void remove(const std::string& name) override;

  // Removes what a crash between writing and submitting left behind.
  void keep_only(const std::set<std::string>& names);

 private:
  std::string directory_;
};

}  // namespace mohona
