"""A control plane in a directory of its own, used as people and scripts use it.

MOHONA_BINARY is the program under test. Nothing here outlives a test: `Plane.end` takes the plane
down, and a process that is still there afterwards is a failure.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Callable

BINARY = Path(os.environ["MOHONA_BINARY"]).absolute()
LOOK_EVERY = 0.02

# As many cores as a test may want: what is tested here is not the wait for room.
FLEET = """
pools:
  - {name: here, cloud: local, region: here, shape: {name: machine, cpus: 64, memory: 64GB},
     nodes: 1, share_nodes: true, purchase: reserved}
"""


def until(what: str, look: Callable[[], Any], timeout: float = 20) -> Any:
    """The first true answer of `look`."""
    give_up = time.monotonic() + timeout
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(LOOK_EVERY)


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def processes_with(text: str) -> list[int]:
    """Processes that name `text` in their arguments or their environment, without this one."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            about = Path(f"/proc/{entry}/cmdline").read_bytes()
            about += b"\0" + Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue
        if text.encode() in about and not gone(int(entry)):
            found.append(int(entry))
    return found


class Answer:
    """A response of the API."""

    def __init__(self, status: int, body: bytes):
        self.status = status
        self.text = body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def message(self) -> str:
        return self.json["error"]["message"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Plane:
    """One home, its controller, and a directory `work` from which jobs are submitted."""

    def __init__(self, fleet: str = FLEET, home: Path | None = None, path: list[Path] = ()):
        self.root = Path(tempfile.mkdtemp(prefix="mohona-e2e-"))
        self.home = home or self.root / "home"
        self.work = self.root / "work"
        self.work.mkdir()
        self.fleet = self.write("../fleet.yaml", fleet)
        self.environment = dict(os.environ, MOHONA_HOME=str(self.home), NO_COLOR="1",
                                PATH=":".join([*map(str, path), os.environ["PATH"]]))

    def write(self, name: str, text: str, executable: bool = False) -> Path:
        """A file in `work`."""
        path = (self.work / name).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if executable:
            path.chmod(0o755)
        return path

    # --- the command line -------------------------------------------------------------------------

    def mohona(self, *arguments: Any, stdin: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run([str(BINARY), *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, cwd=self.work, env=self.environment,
                              timeout=120)

    def ask(self, *arguments: Any, stdin: str | None = None) -> Any:
        """The JSON of a command that succeeds."""
        done = self.mohona(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, f"mohona {arguments}: {done.returncode} {done.stderr}"
        return json.loads(done.stdout)

    def up(self, *options: str) -> Plane:
        self.ask("up", "--detach", "--fleet", self.fleet, *options)
        return self

    def pid(self) -> int:
        return int((self.home / "controller.pid").read_text())

    def is_up(self) -> bool:
        try:
            return self.request("GET", "/v1/status").status == 200
        except OSError:
            return False

    def kill(self) -> None:
        """As the power cut would."""
        os.kill(self.pid(), signal.SIGKILL)
        self.wait_for_lock()

    def wait_for_lock(self) -> None:
        """Until the last thread of a killed controller has let go of the home."""

        def free() -> bool:
            with open(self.home / "controller.pid") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return True
                except BlockingIOError:
                    return False

        until("the home is free", free)

    def submit(self, text: str, *options: str) -> int:
        """Submits a file's jobs; the number of the last of them."""
        return self.ask("submit", "-", *options, stdin=text)["jobs"][-1]["id"]

    def show(self, job: int | str) -> dict:
        return self.request("GET", f"/v1/jobs/{job}").json

    def log(self, job: int | str, *options: Any) -> str:
        return self.ask("logs", job, *options)["text"]

    def attempts(self, job: int | str) -> list[dict]:
        return self.show(job)["attempt_list"]

    def wait(self, job: int | str, state: str = "succeeded", timeout: float = 30) -> dict:
        """Waits for a job's state; another end than that is a failure at once."""

        def look() -> dict | None:
            seen = self.show(job)
            if seen["state"] == state:
                return seen
            if seen["state"] in ("succeeded", "failed", "cancelled"):
                raise AssertionError(f"job {job} {seen['state']}, not {state}: {seen['reason']}\n"
                                     f"{self.log(job)}")
            return None

        return until(f"job {job} is {state}: {self.show(job)}", look, timeout)

    def wait_for_end(self, job: int | str, timeout: float = 30) -> dict:
        """A job that has ended, whichever way."""

        def look() -> dict | None:
            seen = self.show(job)
            return seen if seen["state"] in ("succeeded", "failed", "cancelled") else None

        return until(f"job {job} ends", look, timeout)

    def wait_for_file(self, path: Path, text: str = "") -> str:
        """What is in a file, once it is there and holds `text`."""
        until(f"{path} with {text!r}", lambda: path.exists() and text in path.read_text())
        return path.read_text()

    def job_directory(self, job: int) -> Path:
        return self.home / "jobs" / str(job)

    def output(self, job: int) -> Path:
        return self.job_directory(job) / "output"

    def says_same(self) -> bool:
        """Whether the whole journal gives the state that snapshot and rest give."""
        return json.loads(self.mohona("replay", "--json").stdout)["same"]

    # --- the API ----------------------------------------------------------------------------------

    def request(self, method: str, target: str, body: Any = None, key: str = "",
                timeout: float = 30) -> Answer:
        """A request over the unix socket; OSError when nobody answers."""
        connection = UnixConnection(self.home / "api.sock", timeout)
        try:
            text = body if isinstance(body, str) or body is None else json.dumps(body)
            connection.request(method, target, text, {"Idempotency-Key": key} if key else {})
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    # --- the end ----------------------------------------------------------------------------------

    def processes(self) -> list[int]:
        """Of this home: the controller, supervisors, and whatever they have started."""
        return processes_with(str(self.home))

    def workers(self) -> list[int]:
        """Processes of jobs."""
        return processes_with(f"MOHONA_ATTEMPT_DIRECTORY={self.home}/")

    def supervisors(self) -> list[int]:
        mine = [pid for pid in self.processes() if pid not in self.workers()]
        return [pid for pid in mine if b"mohona-supervisor" in
                Path(f"/proc/{pid}/cmdline").read_bytes()]

    def end(self) -> None:
        """Down, with every job; nothing may be left."""
        try:
            if (self.home / "controller.pid").exists():
                if not self.is_up():
                    self.up()
                done = self.mohona("down", "--cancel")
                assert done.returncode == 0, done.stderr
            until("no process is left", lambda: not self.processes(), timeout=5)
        finally:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.root, ignore_errors=True)


class PlaneTest(unittest.TestCase):
    """Tests that share a plane; each brings jobs of its own."""

    fleet = FLEET
    plane: Plane

    @classmethod
    def setUpClass(cls) -> None:
        cls.plane = Plane(cls.fleet)
        cls.addClassCleanup(cls.plane.end)
        cls.plane.up()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)
