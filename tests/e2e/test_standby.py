"""Two controllers on one database: one leads, the other stands by, and the leader is killed or paused again
and again.

MOHONA_FULL=1 does it 200 times instead of 20; MOHONA_SEED chooses another course.
"""

import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import postgresql
import slurm
from plane import Plane, until

TIMES = 200 if os.environ.get("MOHONA_FULL") == "1" else 20
SEED = int(os.environ.get("MOHONA_SEED", "1"))
LEADS_WITHIN = 10.0
LEASE = 4.0

FLEET = """
pools:
  - {name: here-%s, cloud: local, region: here, shape: {name: machine, cpus: 64, memory: 64GB},
     nodes: 1, share_nodes: true, purchase: reserved}
"""


class Pair(postgresql.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.work = Path(tempfile.mkdtemp(prefix="mohona-work-"))
        self.planes = []
        self.more = ""  # pools that both have

    def tearDown(self) -> None:
        # The leader last: its jobs are cancelled while it leads.
        for plane in sorted(self.planes, key=self.leads):
            if plane.is_up():
                for _ in range(3):
                    done = plane.mohona("down", "--cancel") if self.leads(plane) \
                        else plane.mohona("down")
                    if done.returncode == 0:
                        break
        for plane in self.planes:
            for pid in plane.processes():
                os.kill(pid, signal.SIGKILL)

    def plane(self, name: str) -> Plane:
        plane = Plane(FLEET % name + self.more)
        self.planes.append(plane)
        return self.start(plane)

    def start(self, plane: Plane) -> Plane:
        return plane.up("--store", self.uri, "--work", str(self.work))

    @staticmethod
    def status(plane: Plane) -> dict:
        try:
            answer = plane.request("GET", "/v1/status", timeout=5)
        except OSError:
            return {}
        return answer.json if answer.status == 200 else {}

    def leads(self, plane: Plane) -> bool:
        return "epoch" in self.status(plane) and self.status(plane)["accepting"]


class Standby(Pair):
    def test_the_second_stands_by_and_says_who_leads(self) -> None:
        a, b = self.plane("a"), self.plane("b")
        self.assertTrue(self.leads(a))
        status = self.status(b)
        self.assertEqual(status["role"], "standby")
        self.assertIn(str(a.home), status["leader"])
        refused = b.mohona("ls")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("this controller stands by: ", refused.stderr)
        self.assertIn(f"{a.home} leads", refused.stderr)

    def test_a_standby_that_starts_in_the_background_says_so(self) -> None:
        a, b = self.plane("a"), self.plane("b")
        b.ask("down")
        started = b.mohona("up", "--detach")
        self.assertEqual(started.returncode, 0)
        self.assertRegex(started.stdout, f"^mohona stands by in {b.home}: .*{a.home} leads\n$")

    def test_down_on_a_standby_stops_it_alone(self) -> None:
        a, b = self.plane("a"), self.plane("b")
        job = a.submit("run: sleep 60")
        a.wait(job, "running")
        done = b.mohona("down", "--cancel")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("this controller stands by, so no job is cancelled: ", done.stderr)
        self.assertFalse(b.is_up())
        self.assertTrue(self.leads(a))
        self.assertEqual(a.show(job)["state"], "running")

    def test_a_leader_that_goes_by_itself_is_followed_at_once(self) -> None:
        a, b = self.plane("a"), self.plane("b")
        job = a.submit("run: sleep 5; echo on")
        a.wait(job, "running")
        begun = time.monotonic()
        a.ask("down")
        until("b leads", lambda: self.leads(b))
        self.assertLess(time.monotonic() - begun, LEASE)
        # Its work is on a machine that only it reaches: it waits for it.
        time.sleep(6)
        self.assertEqual(b.show(job)["state"], "running")
        self.assertIn("does not lead", json.dumps(b.ask("pools")))
        self.start(a)
        self.assertEqual(self.status(a)["role"], "standby")
        b.ask("down")
        until("a leads", lambda: self.leads(a))
        self.assertEqual(a.wait(job)["attempts"], 1)

    def test_work_of_a_machine_that_is_lost_for_ever_starts_again(self) -> None:
        a, b = self.plane("a"), self.plane("b")
        job = a.submit("run: test $MOHONA_RESTARTS = 1 || sleep 60")
        a.wait(job, "running")
        a.ask("down")
        until("b leads", lambda: self.leads(b))
        self.assertEqual(b.ask("pools", "lost", "here-a"), {"pool": "here-a", "lost": 1})
        self.assertEqual(b.wait(job)["attempts"], 2)
        refused = b.mohona("pools", "lost", "here-b")
        self.assertIn("'here-b' is within reach", refused.stderr)


@unittest.skipUnless(slurm.there(), "Slurm is not installed")
class OnSlurm(Pair):
    """Work on a cluster outlives the machine of the controller that placed it."""

    def test_the_standby_adopts_what_the_leader_had_on_slurm(self) -> None:
        cluster = slurm.Cluster(Path(tempfile.mkdtemp(prefix="mohona-slurm-")))
        self.addCleanup(cluster.stop)
        cluster.create()
        cluster.start()
        self.more = f"  - {{name: lab, cloud: hall, slurm: {{partition: batch, conf: {cluster.conf}}}}}\n"
        a, b = self.plane("a"), self.plane("b")
        stays = a.submit("name: stays\nresources: {cloud: hall, cpus: 1}\n"
                         "run: echo begun >> $MOHONA_OUTPUT/runs; sleep 12; echo ended >> $MOHONA_OUTPUT/runs")
        ends = a.submit("name: ends\nresources: {cloud: hall, cpus: 1}\nrun: sleep 3; exit 7")
        shards = a.submit("name: shards\nshards: {count: 300}\nresources: {cloud: hall, cpus: 1}\n"
                          "run: sleep 0.5; echo $MOHONA_SHARD_INDEX > $MOHONA_OUTPUT/$MOHONA_SHARD_INDEX")
        for job in (stays, ends, shards):
            a.wait(job, "running")
        os.kill(a.pid(), signal.SIGKILL)
        a.wait_for_lock()
        until("b leads", lambda: self.leads(b), timeout=30)
        self.assertEqual(b.wait(ends, "failed", timeout=40)["reason"], "exit code 7")
        b.wait(shards, timeout=90)
        self.assertEqual(b.wait(stays, timeout=40)["attempts"], 1)
        self.assertEqual((self.work / "jobs" / str(stays) / "output" / "runs").read_text(),
                         "begun\nended\n")
        written = {path.name for path in (self.work / "jobs" / str(shards) / "output").iterdir()}
        self.assertEqual(written, {str(i) for i in range(300)})


class TakeOver(Pair):
    def test_killed_and_paused_leaders_lose_nothing(self) -> None:
        dice = random.Random(SEED)
        a, b = self.plane("a"), self.plane("b")
        leader, other = a, b
        jobs = []
        for turn in range(TIMES):
            jobs += [leader.submit("run: 'true'", "--key", f"{turn}-{i}") for i in range(5)]
            time.sleep(dice.uniform(0, 0.5))
            pid = leader.pid()
            killed = dice.random() < 0.5
            os.kill(pid, signal.SIGKILL if killed else signal.SIGSTOP)
            begun = time.monotonic()
            until(f"turn {turn}: the other leads", lambda: self.leads(other), timeout=30)
            self.assertLess(time.monotonic() - begun, LEADS_WITHIN)
            epoch = self.status(other)["epoch"]
            facts = int(self.sql("SELECT count(*) FROM mohona.fact"))
            if killed:
                leader.wait_for_lock()
                self.start(leader)
            else:
                os.kill(pid, signal.SIGCONT)
            until("the old one stands by", lambda: self.status(leader).get("role") == "standby")
            # What it was about to write is not there.
            self.assertEqual(int(self.sql("SELECT epoch FROM mohona.term")), epoch)
            late = self.sql(f"SELECT count(*) FROM mohona.fact WHERE position > {facts}"
                            " AND body LIKE '%controller_started%'")
            self.assertEqual(late, "0")
            leader, other = other, leader
        # Work of the one's machine ends when it leads again.
        for _ in range(2):
            for job in jobs:
                until("it has ended or is out of reach", lambda: leader.show(job)["state"] ==
                      "succeeded" or "does not lead" in json.dumps(leader.ask("pools")), 30)
            leader.ask("down")
            until("the other leads", lambda: self.leads(other), timeout=30)
            self.start(leader)
            leader, other = other, leader
        for job in jobs:
            ended = leader.wait(job)
            codes = [attempt.get("exit_code") for attempt in ended["attempt_list"]]
            self.assertEqual(codes.count(0), 1)
        self.assertEqual(len(set(jobs)), len(jobs))
        self.assertTrue(leader.ask("audit")["clean"])


if __name__ == "__main__":
    unittest.main()
