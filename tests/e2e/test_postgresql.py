"""The state in a PostgreSQL database: the same control plane, moved there and back, and a server that
is killed again and again.

MOHONA_FULL=1 kills the server 200 times instead of 20; MOHONA_SEED chooses another course.
"""

import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import postgresql
import test_crash
from plane import Plane, until
from test_crash import JOBS, Client, Work

KILLS = 200 if os.environ.get("MOHONA_FULL") == "1" else 20
SEED = int(os.environ.get("MOHONA_SEED", "1"))


class Database(postgresql.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.plane = Plane()
        self.addCleanup(self.plane.end)


class Store(Database):
    def test_a_home_remembers_its_database(self) -> None:
        plane = self.plane.up("--store", self.uri)
        first = plane.submit("run: echo one")
        plane.wait(first)
        plane.ask("down")
        plane.up()
        self.assertEqual(plane.show(first)["state"], "succeeded")
        plane.wait(plane.submit("run: echo two"))
        plane.ask("down")
        self.assertFalse((plane.home / "journal.db").exists())
        self.assertEqual((plane.home / "store").stat().st_mode & 0o777, 0o600)
        self.assertTrue(plane.says_same())
        self.assertEqual(plane.ask("audit")["violations"], [])
        self.assertEqual(self.sql("SELECT epoch FROM mohona.term"), "2")

    def test_a_state_goes_there_and_back(self) -> None:
        plane = self.plane.up()
        for n in range(3):
            plane.wait(plane.submit(f"run: echo {n}"))
        busy = self.plane.mohona("store", "copy", plane.home, self.uri)
        self.assertEqual(busy.returncode, 2)
        self.assertIn("a controller runs in", busy.stderr)
        plane.ask("down")
        before = plane.ask("replay")

        behind = plane.mohona("up", "--store", self.uri)
        self.assertEqual(behind.returncode, 2)
        self.assertEqual(behind.stderr, f"mohona: the state of {plane.home} would be left behind: the "
                         f"database is empty. Take it along first: mohona store copy {plane.home} "
                         f"{self.uri}\n")
        copied = plane.ask("store", "copy", plane.home, self.uri)
        self.assertEqual((copied["facts"], copied["digest"]), (before["facts"], before["digest"]))
        again = plane.mohona("store", "copy", plane.home, self.uri)
        self.assertEqual((again.returncode, again.stderr),
                         (2, f"mohona: {self.uri} holds a state already; nothing was copied\n"))

        plane.up("--store", self.uri)
        self.assertTrue((plane.home / "journal.db.old").exists())
        plane.wait(plane.submit("run: echo moved"))
        self.assertEqual([job["id"] for job in plane.ask("ls")["jobs"]], [4, 3, 2, 1])
        plane.ask("down")

        back = plane.mohona("up", "--store", "sqlite")
        self.assertEqual((back.returncode, back.stderr),
                         (2, f"mohona: the state of {plane.home} is in {self.uri}. Bring it back first: "
                          f"mohona store copy {self.uri} {plane.home}\n"))
        there = plane.ask("replay")
        copied = plane.ask("store", "copy", self.uri, plane.home)
        self.assertEqual(copied["digest"], there["digest"])
        plane.up("--store", "sqlite")
        self.assertFalse((plane.home / "store").exists())
        self.assertEqual(len(plane.ask("ls")["jobs"]), 4)
        plane.ask("down")
        self.assertTrue(plane.says_same())
        self.assertEqual(plane.ask("audit")["violations"], [])

    def test_a_state_that_the_other_store_does_not_have_is_not_left_behind(self) -> None:
        plane = self.plane.up("--store", self.uri)
        plane.wait(plane.submit("run: echo one"))
        plane.ask("down")
        plane.ask("store", "copy", self.uri, plane.home)
        plane.up("--store", "sqlite")
        plane.wait(plane.submit("run: echo two"))
        plane.ask("down")
        forgot = plane.mohona("up", "--store", self.uri)
        self.assertEqual((forgot.returncode, forgot.stderr),
                         (2, f"mohona: the state of {plane.home} would be left behind: the database holds "
                          f"another one, which has not all that is in {plane.home}/journal.db. To give "
                          f"this one up, move that file away\n"))
        self.assertFalse((plane.home / "store").exists())

        # Back in the database, and on from there: the journal is older now.
        self.sql("DROP SCHEMA mohona CASCADE")
        plane.ask("store", "copy", plane.home, self.uri)
        shutil.copy(plane.home / "journal.db", plane.root / "older.db")
        plane.up("--store", self.uri)
        plane.wait(plane.submit("run: echo three"))
        plane.ask("down")
        shutil.copy(plane.root / "older.db", plane.home / "journal.db")
        back = plane.mohona("up", "--store", "sqlite")
        self.assertEqual((back.returncode, back.stderr),
                         (2, f"mohona: {plane.home}/journal.db has not all that is in {self.uri}. Move it "
                          f"away, and bring the state back: mohona store copy {self.uri} {plane.home}\n"))
        self.assertEqual(len(plane.up().ask("ls")["jobs"]), 3)

    def test_mistakes_are_told(self) -> None:
        for store, said in {
            "postgresql://me:secret@localhost/x":
                "a password in an address is seen by everyone who lists processes; put it in ~/.pgpass, "
                "or in the file that PGPASSFILE names",
            "mysql://x": "--store takes sqlite or postgresql://USER@HOST/DATABASE; got 'mysql://x'",
        }.items():
            done = self.plane.mohona("up", "--store", store)
            self.assertEqual((done.returncode, done.stderr), (2, f"mohona: {said}\n"))
        done = self.plane.mohona("up", "--store", "postgresql://me@127.0.0.1:1/x")
        self.assertEqual(done.returncode, 3)
        self.assertIn("PostgreSQL does not answer", done.stderr)
        self.plane.up("--store", self.uri)

    def test_nothing_is_accepted_while_the_server_is_away_and_all_goes_on_when_it_is_back(self) -> None:
        plane = self.plane.up("--store", self.uri)
        running = plane.submit("run: until test -e ../go; do sleep 0.02; done")
        plane.wait(running, "running")
        self.cluster.kill()
        try:
            answer = plane.request("POST", "/v1/jobs", {"text": "run: echo no"}, key="away")
            self.assertEqual(answer.status, 503)
            self.assertIn("does not answer", answer.message)
            self.assertEqual(plane.request("GET", "/v1/status").status, 200)
            (plane.job_directory(running) / "go").touch()
            until("the work has ended", lambda: not plane.workers())
        finally:
            self.cluster.start()
        plane.wait(running)
        answer = test_crash.insist(lambda: plane.request(
            "POST", "/v1/jobs", {"text": "run: echo no"}, key="away"))
        plane.wait(answer.json["jobs"][0]["id"])
        self.assertEqual(len(plane.ask("ls")["jobs"]), 2)


class Killed(Database):
    def test_no_acknowledged_job_is_lost_or_doubled_when_the_server_is_killed(self) -> None:
        chance = random.Random(SEED)
        kinds = ["true", "sleep", "fails once", "shards", "cancelled"]
        works = [Work(f"w{i}", chance.choices(kinds, [8, 6, 3, 1, 2])[0], chance.uniform(0, 0.5))
                 for i in range(JOBS)]
        plane = self.plane.up("--store", self.uri)
        client = Client(plane, works)
        client.start()
        for i in range(KILLS):
            client.permits.release((i + 1) * JOBS // KILLS - i * JOBS // KILLS)
            time.sleep(chance.uniform(0, 0.6))
            self.cluster.kill()
            time.sleep(chance.uniform(0, 0.3))
            self.cluster.start()
        client.join(timeout=120)
        self.assertEqual(client.problems, [])

        def all_ended() -> bool:
            states = [plane.request("GET", f"/v1/jobs?limit=1&state={state}")
                      for state in ("pending", "starting", "running", "recovering")]
            return all(answer.status == 200 and not answer.json["jobs"] for answer in states)

        until("every job has ended", all_ended, timeout=120)
        test_crash.Crash.check_jobs(self, works)
        test_crash.Crash.check_traces(self, works)
        twice = self.sql("""
            SELECT count(*) FROM (SELECT body::json -> 'attempt_placed' -> 'attempt' ->> 'id' AS id
              FROM mohona.fact WHERE body LIKE '{"attempt_placed"%') AS placed
              GROUP BY id HAVING count(*) > 1""")
        self.assertEqual(twice, "")
        until("no process is left", lambda: not plane.workers(), timeout=5)
        plane.ask("down")
        self.assertTrue(plane.says_same())
        self.assertEqual(plane.ask("audit")["violations"], [])


if __name__ == "__main__":
    unittest.main()
