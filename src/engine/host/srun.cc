#include "engine/host/srun.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

namespace mohona::host {
namespace {

// Options that say how many are read; those that only shape output or binding mean nothing here.
constexpr std::string_view script = R"sh(#!/bin/bash
# srun, as batch scripts know it: runs COMMAND once for each task of the job and waits for all.
nodes=${SLURM_NNODES:-1}
tasks=${SLURM_NTASKS:-$nodes}
number() { case $1 in ''|*[!0-9]*) echo "srun: '$1' is not a number" >&2; exit 2;; esac; echo "$1"; }
while [ $# -gt 0 ]; do
  case $1 in
    -n|--ntasks) tasks=$(number "$2") || exit 2; shift 2;;
    -n[0-9]*) tasks=$(number "${1#-n}") || exit 2; shift;;
    --ntasks=*) tasks=$(number "${1#*=}") || exit 2; shift;;
    -N|--nodes) nodes=$(number "$2") || exit 2; shift 2;;
    -N[0-9]*) nodes=$(number "${1#-N}") || exit 2; shift;;
    --nodes=*) nodes=$(number "${1#*=}") || exit 2; shift;;
    --ntasks-per-node=*) tasks=$(( nodes * $(number "${1#*=}") )) || exit 2; shift;;
    -l|--label|-u|--unbuffered|--exclusive|--overlap|--cpu-bind=*|--gpu-bind=*|--mpi=*|--kill-on-bad-exit=*|-K) shift;;
    --) shift; break;;
    -*) echo "srun: '$1' is not known here; it takes -n, -N and --ntasks-per-node" >&2; exit 2;;
    *) break;;
  esac
done
[ $# -gt 0 ] || { echo "srun: no command" >&2; exit 2; }
[ "$tasks" -ge "$nodes" ] || nodes=$tasks
pids=()
for (( rank = 0; rank < tasks; rank++ )); do
  per_node=$(( (tasks + nodes - 1) / nodes ))
  SLURM_NTASKS=$tasks SLURM_NNODES=$nodes SLURM_PROCID=$rank SLURM_NODEID=$(( rank / per_node )) \
    SLURM_LOCALID=$(( rank % per_node )) RANK=$rank LOCAL_RANK=$(( rank % per_node )) \
    WORLD_SIZE=$tasks LOCAL_WORLD_SIZE=$per_node GROUP_RANK=$(( rank / per_node )) "$@" &
  pids+=($!)
done
status=0
for pid in "${pids[@]}"; do
  wait "$pid"
  code=$?
  if [ $code -ne 0 ] && [ $status -eq 0 ]; then
    status=$code
    kill "${pids[@]}" 2>/dev/null  # the others wait for one that is gone
  fi
done
exit $status
)sh";

}  // namespace

Result<std::string> install_srun(const std::string& directory) {
  const std::string path = directory + "/srun";
  const auto known = read_file(path);
  if (!known || *known != script) {
    if (auto ok = make_directory(directory); !ok) return fail(ok.error());
    if (auto ok = write_file(path, script, false); !ok) return fail(ok.error());
    if (::chmod(path.c_str(), 0700) != 0) return system_failure("make executable", path);
  }
  return directory;
}

}  // namespace mohona::host
