#!/usr/bin/python3
"""A PostgreSQL of the tests' own, in a directory, on a socket there and on nothing else.

    postgresql.py start DIRECTORY     makes it anew
    postgresql.py stop DIRECTORY      ends it, and removes the directory

The database is for everyone who reaches the socket: it holds made-up facts. As root it runs as the
user `postgres`, since it refuses root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from urllib.parse import quote

# The newest that is installed.
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[-1:]
START_MAX = 60.0


def there() -> bool:
    return bool(PROGRAMS)


def _as_server(command: list[str]) -> list[str]:
    if os.getuid() != 0:
        return command
    return ["runuser", "-u", "postgres", "--", *command]


class Cluster:
    """One server. `start` and `kill` may be repeated."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.data = directory / "data"
        self.bin = PROGRAMS[0].parent

    def create(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(mode=0o755)
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        self._run(["initdb", "-D", str(self.data), "-U", "mohona", "-A", "trust", "-E", "UTF8",
                   "--locale=C", "--no-sync"])
        with (self.data / "postgresql.conf").open("a") as config:
            config.write(f"listen_addresses = ''\nunix_socket_directories = '{self.directory}'\n"
                         "shared_buffers = 32MB\nmax_connections = 40\n")

    def _run(self, command: list[str]) -> None:
        command[0] = str(self.bin / command[0])
        done = subprocess.run(_as_server(command), cwd="/", capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")

    def start(self) -> None:
        self._run(["pg_ctl", "-D", str(self.data), "-l", str(self.directory / "log"), "-w",
                   "-t", str(int(START_MAX)), "start"])

    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def kill(self) -> None:
        """SIGKILL for the server and all of its processes, as a loss of power would."""
        server = self.pid()
        children = subprocess.run(["pgrep", "-P", str(server)], capture_output=True, text=True)
        for pid in [server, *map(int, children.stdout.split())]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        give_up = time.monotonic() + START_MAX
        while Path(f"/proc/{server}").exists() and time.monotonic() < give_up:
            time.sleep(0.01)

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self._run(["pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop"])
        shutil.rmtree(self.directory, ignore_errors=True)

    def uri(self, database: str = "postgres") -> str:
        return f"postgresql://mohona@{quote(str(self.directory), safe='')}/{database}"


@unittest.skipUnless(there(), "PostgreSQL is not installed")
class DatabaseTest(unittest.TestCase):
    """A server for the tests of a class, and a database for each."""

    cluster: Cluster

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = Cluster(Path(tempfile.mkdtemp(prefix="mohona-pg-")))
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.create()
        cls.cluster.start()

    def setUp(self) -> None:
        name = self.id().rpartition(".")[2][:60].lower()
        self.uri = self.cluster.uri()
        self.sql(f"CREATE DATABASE {name}")
        self.uri = self.cluster.uri(name)

    def sql(self, text: str) -> str:
        done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text, self.uri],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop"):
        print(__doc__, file=sys.stderr)
        return 2
    if not there():
        print("PostgreSQL is not installed: what needs it is skipped")
        return 0
    cluster = Cluster(Path(sys.argv[2]))
    if sys.argv[1] == "stop":
        cluster.stop()
        return 0
    if (cluster.data / "postmaster.pid").exists():
        cluster.stop()
    cluster.create()
    cluster.start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
