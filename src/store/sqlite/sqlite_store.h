// The store in one SQLite file: write-ahead log, every commit on the disk before it returns.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"

struct sqlite3;

namespace mohona {

// Opens `path`, and makes it (readable by its owner alone) where it does not exist yet.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path);

}  // namespace mohona
