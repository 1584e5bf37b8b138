"""Homes that are restored, moved and changed: nothing is taken for what it is not."""

import shutil
import sqlite3
import unittest

from plane import Plane, until


class Home(unittest.TestCase):
    def setUp(self) -> None:
        self.plane = Plane().up()
        self.addCleanup(self.plane.end)

    def test_a_restored_state_gives_no_job_the_files_of_one_that_it_has_forgotten(self) -> None:
        plane = self.plane
        plane.wait(plane.submit("name: kept\nrun: echo kept"))
        with sqlite3.connect(plane.home / "journal.db") as journal, \
                sqlite3.connect(plane.root / "copy.db") as copy:
            journal.backup(copy)
        ended = plane.submit("name: ended\nrun: echo OLD")
        plane.wait(ended)
        running = plane.submit("name: running\nrun: sleep 1000")
        plane.wait(running, "running")
        plane.kill()

        for journal in plane.home.glob("journal.db*"):
            journal.unlink()
        shutil.copy(plane.root / "copy.db", plane.home / "journal.db")
        plane.up()
        self.assertEqual([job["name"] for job in plane.ask("ls")["jobs"]], ["kept"])
        until("what nobody knows any more is stopped", lambda: not plane.workers())
        new = [plane.submit(f"name: new{n}\nrun: echo NEW") for n in range(2)]
        self.assertEqual(new, [running + 1, running + 2])
        for job in new:
            plane.wait(job)
            self.assertEqual(plane.log(job), "NEW\n")
        plane.ask("down")
        self.assertTrue(plane.says_same())

    def test_the_files_of_jobs_are_not_left_behind(self) -> None:
        plane = self.plane
        plane.wait(plane.submit("name: first\nrun: echo one > $MOHONA_OUTPUT/one"))
        plane.ask("down")
        work = plane.root / "shared"
        refused = plane.mohona("up", "--detach", "--work", str(work))
        self.assertEqual(refused.returncode, 3)
        self.assertIn(f"the files of jobs are in {plane.home}, and not in {work}. Start without --work, "
                      f"end what runs (mohona down --cancel), and move jobs, slurm and secrets from "
                      f"{plane.home} to {work}", refused.stderr)
        self.assertFalse((plane.home / "work").exists())

        work.mkdir(mode=0o700)
        for name in ("jobs", "slurm", "secrets"):
            if (plane.home / name).exists():
                shutil.move(plane.home / name, work / name)
        plane.up("--work", str(work))
        second = plane.submit("name: second\nneeds: [first]\nrun: cat $MOHONA_INPUT_FIRST/one")
        plane.wait(second)
        self.assertEqual(plane.log(second), "one\n")
        plane.ask("down")
        plane.up("--work", str(work) + "/")  # the same, said otherwise

    def test_the_log_of_a_controller_is_its_own(self) -> None:
        log = self.plane.home / "controller.log"
        first = log.read_text()
        self.assertIn("mohona is up", first)
        second = self.plane.mohona("up", "--detach")
        self.assertEqual(second.returncode, 3)
        self.assertIn("a controller runs in", second.stderr)
        self.assertNotIn("mohona is up", second.stderr)
        self.assertTrue(log.read_text().startswith(first))
        self.plane.ask("down")
        self.plane.up()
        self.assertTrue((self.plane.home / "controller.log.1").read_text().startswith(first))


if __name__ == "__main__":
    unittest.main()
