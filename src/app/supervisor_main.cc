// What engines start where work runs:
//
//   mohona-supervisor ATTEMPT_DIRECTORY              one attempt, on this machine
//   mohona-supervisor --slot SLOT                    attempts one after another, as a Slurm job
//   mohona-supervisor --rank ATTEMPT_DIRECTORY RUN   one rank of a gang, as a task of a Slurm step
//   mohona-supervisor --srun …, --scontrol …         what batch scripts call where there is no
//   Slurm
#include <signal.h>

#include <cstdio>
#include <string_view>

#include "engine/host/slot.h"
#include "engine/host/slurm_step.h"
#include "engine/host/srun.h"
#include "engine/host/supervise.h"

int main(int argc, char** argv) {
  // Where `ulimit -f` ends a log, the write fails and the attempt goes on. What it starts has the
  // default again.
  ::signal(SIGXFSZ, SIG_IGN);
  const std::string_view how = argc > 1 ? argv[1] : "";
  if (argc == 3 && how == "--slot") return mohona::host::work_in_slot(argv[2]);
  if (argc == 4 && how == "--rank") return mohona::host::run_rank(argv[2], argv[3]);
  if (how == "--srun") return mohona::host::run_srun(argc - 1, argv + 1);
  if (how == "--scontrol") return mohona::host::run_scontrol(argc - 1, argv + 1);
  if (argc == 2 && !how.starts_with('-')) return mohona::host::supervise(argv[1]);
  std::fputs("mohona-supervisor is started by mohona; there is nothing here to run by hand\n",
             stderr);
  return 2;
}
