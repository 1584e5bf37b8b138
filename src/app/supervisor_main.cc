// mohona-supervisor ATTEMPT_DIRECTORY: started by the local engine, once for each attempt.
#include <cstdio>

#include "engine/local/supervise.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("mohona-supervisor is started by mohona; there is nothing here to run by hand\n",
               stderr);
    return 2;
  }
  return mohona::local::supervise(argv[1]);
}
