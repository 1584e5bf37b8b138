#include "app/secret_files.h"

#include <sys/random.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "model/json_text.h"

namespace mohona {

Result<std::string> SecretFiles::write(const Variables& secrets) {
  if (auto ok = make_directory(directory_); !ok) return fail(ok.error());
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    return system_failure("draw", "a name");
  }
  const std::string name = fmt::format("{:016x}", number);
  if (auto ok = write_file(directory_ + "/" + name, json_text::to_text(secrets), true); !ok) {
    return fail(ok.error());
  }
  return name;
}

Result<Variables> SecretFiles::read(const std::string& name) {
  const auto text = read_file(directory_ + "/" + name);
  if (!text) return fail(text.error());
  try {
    return json_text::from_text<Variables>(*text);
  } catch (const std::exception&) {  // its text must not reach a message
    return fail(Code::internal, "the file of the job's secrets is damaged");
  }
}

void SecretFiles::remove(const std::string& name) { ::unlink((directory_ + "/" + name).c_str()); }

void SecretFiles::keep_only(const std::set<std::string>& names) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    if (!names.contains(entry.path().filename().string())) remove(entry.path().filename().string());
  }
}

}  // namespace mohona
