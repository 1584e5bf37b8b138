#!/usr/bin/python3
"""A Slurm cluster of the tests' own on this machine: four nodes of 16 cores and 8 GPUs that are only
names, on loopback, in a directory, without systemd.

    slurm.py start DIRECTORY     makes it anew
    slurm.py stop DIRECTORY      ends it, and removes the directory

Every daemon runs as the caller, and so do the jobs. Ports come from the directory's name, or are the next that
nobody has, so that several clusters stand beside each other.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path

START_MAX = 60.0
# The first of a cluster's; below those that the system gives to whoever connects somewhere.
PORTS = range(20_000, 32_000, 12)
NODES = 4
NEEDED = ("munged", "slurmctld", "slurmd")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def there() -> bool:
    return all(shutil.which(program, path=PATH) for program in NEEDED)


class Cluster:
    """One cluster. Each daemon can be killed and started by itself."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.conf = directory / "slurm.conf"
        self.base = PORTS[zlib.crc32(str(directory).encode()) % len(PORTS)]
        self.rest: subprocess.Popen | None = None
        self.environment = {**os.environ, "PATH": PATH, "SLURM_CONF": str(self.conf)}

    # --- its files

    def create(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        while not all(is_free(self.base + i) for i in range(PORTS.step)):
            self.base = PORTS[(PORTS.index(self.base) + 1) % len(PORTS)]
        self.directory.mkdir(mode=0o755)
        for name in ("state", "log", "munge", "dev"):
            (self.directory / name).mkdir(mode=0o755)
        for i in range(8):
            (self.directory / "dev" / f"gpu{i}").symlink_to("/dev/null")
        for name in ("munge/key", "jwt.key"):
            key = self.directory / name
            key.write_bytes(os.urandom(1024 if name == "munge/key" else 32))
            key.chmod(0o400)
        (self.directory / "gres.conf").write_text(
            f"Name=gpu Type=h100 File={self.directory}/dev/gpu[0-7]\n")
        self.conf.write_text(self._conf())

    def _conf(self) -> str:
        here, user = self.directory, pwd.getpwuid(os.getuid()).pw_name
        host = socket.gethostname().split(".")[0]
        return f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={self.base}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={here}/munge/socket
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={here}/jwt.key
CredType=cred/munge
StateSaveLocation={here}/state
SlurmdSpoolDir={here}/spool-%n
SlurmctldPidFile={here}/slurmctld.pid
SlurmdPidFile={here}/slurmd-%n.pid
SlurmctldLogFile={here}/log/slurmctld
SlurmdLogFile={here}/log/slurmd-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=2,sched_interval=2,sched_min_interval=0,batch_sched_delay=0
DefMemPerCPU=500
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmdTimeout=10
MessageTimeout=10
KillWait=2
MinJobAge=10
JobRequeue=1
GresTypes=gpu
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
NodeName=node[1-{NODES}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{self.base + 1}-{self.base + NODES}] CPUs=16 RealMemory=16000 Gres=gpu:h100:8 Feature=ib State=UNKNOWN
PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=10
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=100
PartitionName=short Nodes=node1 MaxTime=1 State=UP PriorityTier=10
"""

    # --- its daemons

    def _run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True,
                              timeout=START_MAX)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    ask = _run

    def start(self) -> None:
        munge = self.directory / "munge"
        self._run("munged", f"--key-file={munge}/key", f"--socket={munge}/socket",
                  f"--pid-file={munge}/pid", f"--log-file={munge}/log",
                  f"--seed-file={munge}/seed", "--force")
        self.start_controller()
        for i in range(1, NODES + 1):
            self.start_node(f"node{i}")
        self.wait_for_nodes(NODES)

    def start_controller(self) -> None:
        """Nothing happens when it is there."""
        if "UP" in self._run("scontrol", "ping", check=False):
            return
        self._run("slurmctld")
        self._until(lambda: "UP" in self._run("scontrol", "ping", check=False))

    def start_node(self, name: str) -> None:
        (self.directory / f"spool-{name}").mkdir(exist_ok=True)
        self._run("slurmd", "-N", name)

    def wait_for_nodes(self, count: int) -> None:
        def idle() -> bool:
            states = self._run("sinfo", "-h", "-N", "-p", "batch", "-o", "%T", check=False)
            return states.split().count("idle") >= count
        self._until(idle)

    @staticmethod
    def _until(holds) -> None:
        give_up = time.monotonic() + START_MAX
        while not holds():
            if time.monotonic() > give_up:
                raise RuntimeError("the Slurm cluster did not get ready")
            time.sleep(0.1)

    def _end(self, pid_file: Path, number: int) -> None:
        try:
            pid = int(pid_file.read_text())
            os.kill(pid, number)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return
        give_up = time.monotonic() + START_MAX
        while Path(f"/proc/{pid}").exists() and time.monotonic() < give_up:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return
            time.sleep(0.02)

    def kill_controller(self, number: int = signal.SIGKILL) -> None:
        self._end(self.directory / "slurmctld.pid", number)

    def _processes(self):
        """Of this cluster: the directory in /proc, the command line and the environment of each."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(self.directory).encode() in environment:
                yield entry, command, environment

    @staticmethod
    def _kill(process: Path) -> None:
        try:
            os.kill(int(process.name), signal.SIGKILL)
        except ProcessLookupError:
            pass

    def kill_daemon(self, name: str) -> None:
        """Slurm takes the node for dead; what runs there goes on."""
        self._end(self.directory / f"slurmd-{name}.pid", signal.SIGKILL)

    def kill_node(self, name: str) -> None:
        """As if the node had lost its power: its daemon and all that runs there."""
        self.kill_daemon(name)
        for process, command, environment in self._processes():
            if f"SLURMD_NODENAME={name}\0".encode() in environment or \
                    (command.startswith(b"slurmstepd") and self._is_step_of(process, name)):
                self._kill(process)

    @staticmethod
    def _is_step_of(process: Path, name: str) -> bool:
        try:
            return any(f"spool-{name}/" in os.readlink(fd) or f"slurmd-{name}" in os.readlink(fd)
                       for fd in (process / "fd").iterdir())
        except OSError:
            return False

    # --- slurmrestd, which refuses to run as root or as SlurmUser

    def can_rest(self) -> bool:
        return os.getuid() == 0 and bool(shutil.which("slurmrestd", path=PATH))

    def start_rest(self) -> str:
        """Where it listens; the token for it is in the file `token`."""
        token = self._run("scontrol", "token", "lifespan=3600").strip().partition("=")[2]
        (self.directory / "token").write_text(token + "\n")
        at = f"127.0.0.1:{self.base + 10}"
        self.rest = subprocess.Popen(
            ["runuser", "-u", "nobody", "--", "env", f"SLURM_CONF={self.conf}", "SLURM_JWT=daemon",
             shutil.which("slurmrestd", path=PATH), "-s", "openapi/v0.0.38", "-a", "rest_auth/jwt",
             at], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.base + 10)) == 0
        self._until(listens)
        return f"http://{at}"

    def kill_rest(self) -> None:
        if self.rest:
            os.killpg(self.rest.pid, signal.SIGKILL)
            self.rest.wait()
            self.rest = None

    def _end_steps(self) -> None:
        """What is left of jobs: without its daemons it would try to tell of its end for long."""
        for process, command, _ in self._processes():
            if command.startswith(b"slurmstepd"):
                self._kill(process)

    def stop(self) -> None:
        self.kill_rest()
        for pid_file in sorted(self.directory.glob("slurmd-*.pid")):
            self._end(pid_file, signal.SIGTERM)
        self._end(self.directory / "slurmctld.pid", signal.SIGTERM)
        self._end(self.directory / "munge/pid", signal.SIGTERM)
        self._end_steps()
        shutil.rmtree(self.directory, ignore_errors=True)


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop"):
        print(__doc__, file=sys.stderr)
        return 2
    if not there():
        print("Slurm is not installed: what needs it is skipped")
        return 0
    cluster = Cluster(Path(sys.argv[2]))
    if cluster.directory.exists():
        cluster.stop()
    if sys.argv[1] == "stop":
        return 0
    cluster.create()
    cluster.start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
