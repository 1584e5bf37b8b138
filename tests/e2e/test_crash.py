"""Whatever is killed, and whenever: acknowledged work is done, once, and nothing is left behind.

MOHONA_FULL=1 kills the controller 200 times instead of 20; MOHONA_SEED chooses another course.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
import unittest
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from plane import BINARY, Plane, gone, until, processes_with

KILLS = 200 if os.environ.get("MOHONA_FULL") == "1" else 20
SEED = int(os.environ.get("MOHONA_SEED", "1"))
JOBS = 300

# A lock that every process of an attempt inherits: whoever finds it taken runs beside another
# incarnation of itself.
PREAMBLE = """
trace=$TRACES/$MOHONA_JOB_NAME.${MOHONA_SHARD:-0}
exec 9>>"$trace.lock"
flock -n 9 || { echo "$MOHONA_ATTEMPT" >> "$TRACES/violations"; exit 9; }
echo "start $MOHONA_ATTEMPT" >> "$trace"
trap 'echo "end $MOHONA_ATTEMPT" >> "$trace"' EXIT
"""
FAIL_ONCE = 'test -e "$trace.failed" || { touch "$trace.failed"; exit 1; }'
RETRIES = "retries: {max: 1, backoff: 200ms}"


@dataclass
class Work:
    """A job as its client knows it."""

    name: str
    kind: str
    seconds: float
    job: int = 0
    other_keys: list[str] = field(default_factory=list)

    def text(self, traces: Path) -> str:
        body, keys = {
            "true": ("true", ""),
            "sleep": (f"sleep {self.seconds:.2f}", ""),
            "children": (f"sleep 600 & setsid sleep 600 & sleep {self.seconds:.2f}", ""),
            "fails once": (FAIL_ONCE, RETRIES),
            "shards": (FAIL_ONCE, "shards: {count: 3}\n" + RETRIES),
            "cancelled": ("sleep 600 & sleep 600", ""),
        }[self.kind]
        run = "".join(f"  {line}\n" for line in (PREAMBLE + body).splitlines())
        return f"name: {self.name}\nenvs: {{TRACES: {traces}}}\n{keys}\nrun: |\n{run}"

    @property
    def state(self) -> str:
        return "cancelled" if self.kind == "cancelled" else "succeeded"

    @property
    def attempts(self) -> int:
        return {"fails once": 2, "shards": 6}.get(self.kind, 1)


def insist(ask):
    """Asks until there is an answer; no answer, or one that cannot be had now, says nothing."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            answer = ask()
            if answer.status < 500:
                return answer
        except OSError:
            pass
        time.sleep(0.02)
    raise AssertionError("no answer within a minute")


class Client(threading.Thread):
    """Submits one job for each permit; what it was told is in `works`."""

    def __init__(self, plane: Plane, works: list[Work]):
        super().__init__(daemon=True)
        self.plane, self.works = plane, works
        self.permits = threading.Semaphore(0)
        self.problems: list[str] = []

    def run(self) -> None:
        try:
            for work in self.works:
                self.permits.acquire()
                self.submit(work)
        except Exception as error:  # told by the main thread
            self.problems.append(repr(error))

    def submit(self, work: Work) -> None:
        body = {"text": work.text(self.plane.work)}
        for _ in range(2):  # and once more after the acknowledgement
            answer = insist(lambda: self.plane.request("POST", "/v1/jobs", body, key=work.name))
            ids = [job["id"] for job in answer.json["jobs"]]
            if work.job not in (0, ids[0]):
                self.problems.append(f"{work.name} is {work.job} and {ids[0]}")
            work.job = ids[0]
        if work.kind == "cancelled":
            insist(lambda: self.plane.request("POST", f"/v1/jobs/{work.job}/cancel"))


class Crash(unittest.TestCase):
    def setUp(self) -> None:
        self.plane = Plane()
        self.addCleanup(self.plane.end)

    def kill_and_restart(self, chance: random.Random) -> None:
        plane = self.plane
        time.sleep(chance.uniform(0, 0.4))
        plane.kill()
        if chance.random() < 0.25:  # the next one does not even get up
            start = subprocess.Popen([BINARY, "up"], env=plane.environment,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.1))
            start.kill()
            start.wait()
            plane.wait_for_lock()
        plane.up()

    def test_no_acknowledged_job_is_lost_or_run_twice_when_the_controller_is_killed(self) -> None:
        chance = random.Random(SEED)
        kinds = ["true", "sleep", "children", "fails once", "shards", "cancelled"]
        works = [Work(f"w{i}", chance.choices(kinds, [8, 6, 4, 3, 1, 2])[0],
                      chance.uniform(0, 0.5)) for i in range(JOBS)]
        self.plane.up()
        client = Client(self.plane, works)
        client.start()
        for i in range(KILLS):
            client.permits.release((i + 1) * JOBS // KILLS - i * JOBS // KILLS)
            self.kill_and_restart(chance)
        client.join(timeout=60)
        self.assertEqual(client.problems, [])
        until("every job has ended", lambda: not any(
            self.plane.ask("ls", "--state", state)["jobs"]
            for state in ("pending", "starting", "running", "recovering")), timeout=90)

        self.check_jobs(works)
        self.check_traces(works)
        self.check_journal()
        pool = self.plane.ask("pools")["pools"][0]
        self.assertEqual((pool["cpus"]["used_milli"], pool["attempts"]), (0, 0))
        until("no process is left", lambda: not self.plane.workers(), timeout=5)
        until("no mark is left", lambda: not os.listdir(self.plane.home / "running"), timeout=10)
        self.assertTrue(self.plane.says_same())

    def check_jobs(self, works: list[Work]) -> None:
        listed = self.plane.ask("ls", "--limit", JOBS + 1)["jobs"]
        self.assertEqual(sorted(job["id"] for job in listed), list(range(1, JOBS + 1)))
        found = {job["id"]: job for job in listed}
        for work in works:
            job = found[work.job]
            with self.subTest(name=work.name, kind=work.kind):
                self.assertEqual((job["name"], job["state"]), (work.name, work.state))
                if work.kind == "cancelled":
                    self.assertLessEqual(job["attempts"], 1)
                else:
                    self.assertEqual(job["attempts"], work.attempts)

    def check_traces(self, works: list[Work]) -> None:
        """Each attempt has run once at most, and never beside another of its task."""
        traces = self.plane.work
        self.assertFalse((traces / "violations").exists())
        for work in works:
            lines = [line for path in traces.glob(f"{work.name}.?")
                     for line in path.read_text().splitlines()]
            with self.subTest(name=work.name, kind=work.kind):
                starts = Counter(line for line in lines if line.startswith("start"))
                self.assertLessEqual(max(starts.values(), default=0), 1)
                if work.kind != "cancelled":
                    self.assertEqual(len(lines), 2 * work.attempts)

    def check_journal(self) -> None:
        """Each end is written once."""
        with sqlite3.connect(self.plane.home / "journal.db") as journal:
            facts = [fact for body, in journal.execute("SELECT body FROM fact")
                     for fact in json.loads(body).items()]
        ends = Counter(str(fact["job"]) for kind, fact in facts if kind == "job_ended")
        self.assertEqual((len(ends), max(ends.values())), (JOBS, 1))
        ended = Counter(str(fact["attempt"]) for kind, fact in facts if kind == "attempt_ended")
        placed = Counter(str(fact["attempt"]["id"]) for kind, fact in facts
                         if kind == "attempt_placed")
        self.assertEqual(ended, placed)
        self.assertEqual(max(placed.values()), 1)

    def test_a_retry_that_comes_due_while_no_controller_runs_is_placed_once(self) -> None:
        plane = self.plane.up()
        job = plane.submit("retries: {max: 1, backoff: 1s}\n"
                           "run: test -e failed || { touch failed; exit 1; }")
        plane.wait(job, "recovering")
        plane.kill()
        time.sleep(1)
        plane.up()
        plane.wait(job)
        plane.kill()  # the journal alone knows now
        plane.up()
        self.assertEqual([attempt["number"] for attempt in plane.attempts(job)], [1, 2])
        self.assertEqual(plane.ask("pools")["pools"][0]["cpus"]["used_milli"], 0)

    def test_work_goes_on_while_no_controller_runs_and_its_end_is_learnt_by_the_next(self) -> None:
        plane = self.plane.up()
        job = plane.submit("run: touch started; until test -e ../go; do sleep 0.02; done; exit 3")
        plane.wait_for_file(plane.job_directory(job) / "workdir/started")
        plane.mohona("down")
        (plane.job_directory(job) / "go").touch()
        until("the work has ended", lambda: not plane.workers())
        plane.up()
        self.assertEqual(plane.wait(job, "failed")["reason"], "exit code 3")
        self.assertEqual(len(plane.attempts(job)), 1)

    # The first attempt stays; the second succeeds.
    STAYS_ONCE = """
run: |
  [ $MOHONA_RESTARTS = 1 ] && exit
  setsid sleep 600 &
  sleep 600 & echo $! > child
  sleep 600
"""

    def start_and_find(self) -> tuple[int, int]:
        """A job, and the supervisor of its attempt."""
        job = self.plane.submit(self.STAYS_ONCE)
        self.plane.wait_for_file(self.plane.job_directory(job) / "workdir/child", "\n")
        started = self.plane.job_directory(job) / "attempts/0.1/started.json"
        return job, json.loads(started.read_text())["pid"]

    def check_second_attempt(self, job: int) -> None:
        self.plane.wait(job)
        first, second = self.plane.attempts(job)
        self.assertEqual((first["end"], second["end"]), ("lost", "exited"))
        self.assertEqual(self.plane.workers(), [])

    def test_an_attempt_whose_supervisor_is_killed_is_lost_and_the_job_runs_again(self) -> None:
        self.plane.up()
        job, supervisor = self.start_and_find()
        os.kill(supervisor, signal.SIGKILL)
        self.check_second_attempt(job)

    def test_not_even_a_process_that_has_shed_its_environment_outlives_its_supervisor(self) -> None:
        if not os.access("/sys/fs/cgroup/pids", os.W_OK) and not os.access(
                "/sys/fs/cgroup/cgroup.procs", os.W_OK):
            self.skipTest("control groups are not writable here")
        self.plane.up()
        mark = f"7{os.getpid()}"  # seconds of sleep that nobody else asks for
        job = self.plane.submit("run: |\n"
                                "  [ $MOHONA_RESTARTS = 1 ] && exit\n"
                                f"  env -i setsid sleep {mark} &\n"
                                "  echo $! > child; sleep 600\n")
        self.plane.wait_for_file(self.plane.job_directory(job) / "workdir/child", "\n")
        started = self.plane.job_directory(job) / "attempts/0.1/started.json"
        until("the child runs", lambda: processes_with(f"sleep\0{mark}"))
        os.kill(json.loads(started.read_text())["pid"], signal.SIGKILL)
        self.check_second_attempt(job)
        self.assertEqual(processes_with(f"sleep\0{mark}"), [])

    def test_supervisor_and_controller_killed_together_lose_the_attempt_not_the_job(self) -> None:
        self.plane.up()
        job, supervisor = self.start_and_find()
        self.plane.kill()
        os.kill(supervisor, signal.SIGKILL)
        until("the supervisor is gone", lambda: gone(supervisor))
        self.plane.up()
        self.check_second_attempt(job)


if __name__ == "__main__":
    unittest.main()
