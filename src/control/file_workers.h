// A few threads for what reads and writes files on behalf of requests: a file system that hangs
// holds up neither the controller nor the server, only others who want files.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mohona {

class FileWorkers {
 public:
  FileWorkers();
  ~FileWorkers();  // waits for what has begun; what has not is dropped

  // False: too much is waiting, as it does while a file system hangs. Exceptions of `work` end that
  // work alone.
  bool post(std::function<void()> work);

 private:
  void loop();
  void end();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mohona
