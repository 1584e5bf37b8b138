"""A full disk refuses work and loses none; room lets it go on without hands."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from plane import Plane, until


@unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small disk")
class DiskFull(unittest.TestCase):
    def setUp(self) -> None:
        self.disk = Path(tempfile.mkdtemp(prefix="mohona-disk-"))
        self.addCleanup(self.disk.rmdir)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", self.disk],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest("may not mount a small disk: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)
        self.plane = Plane(home=self.disk / "home")
        self.addCleanup(self.plane.end)
        self.plane.up()

    def fill(self) -> None:
        """To the last byte; what SQLite had reserved in its log is used up by the first writes."""
        with open(self.disk / "filler", "wb", buffering=0) as file:
            size = 1 << 16
            while size:
                try:
                    file.write(b"x" * size)
                except OSError:
                    size //= 2

    def make_room(self) -> None:
        (self.disk / "filler").unlink()

    def fill_until_refused(self) -> None:
        def refused() -> bool:
            self.fill()
            return self.plane.request("POST", "/v1/jobs", {"text": "name: drop\nrun: 'true'"}
                                      ).status == 503

        until("a submission is refused", refused)

    def status(self) -> dict:
        return self.plane.request("GET", "/v1/status").json

    def ids(self) -> set[int]:
        return {job["id"] for job in self.plane.ask("ls", "--limit", 1000)["jobs"]}

    def test_nothing_is_acknowledged_without_room_and_work_resumes_when_there_is_some(self) -> None:
        plane = self.plane
        signs = plane.work  # not on the full disk
        runs = plane.submit("name: runs\nrun: |\n"
                            f"  until test -e {signs}/end; do sleep 0.05; done\n"
                            f"  touch {signs}/ended")
        plane.wait(runs, "running")
        waits = plane.submit("name: waits\nneeds: runs\nrun: 'true'")
        self.fill_until_refused()
        before = self.ids()

        done = plane.mohona("submit", "-", "--key", "k", stdin="name: refused\nrun: 'true'")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no room left on the disk of ", done.stderr)
        self.assertFalse(self.status()["accepting"])
        self.assertIn("no room left", self.status()["why_not"])
        self.assertEqual(self.ids(), before)
        self.assertEqual(plane.show(runs)["state"], "running")

        (signs / "end").touch()
        plane.wait_for_file(signs / "ended")  # the work went on
        self.make_room()
        plane.wait(runs)
        plane.wait(waits)
        until("work is accepted", lambda: self.status()["accepting"])
        again = plane.submit("name: refused\nrun: 'true'", "--key", "k")
        self.assertNotIn(again, before)
        plane.wait(again)
        self.assertEqual(len(plane.attempts(runs)), 1)
        self.assertTrue(plane.says_same())

    def test_a_controller_killed_on_a_full_disk_comes_back_when_there_is_room(self) -> None:
        plane = self.plane
        job = plane.submit(f"run: until test -e {plane.work}/end; do sleep 0.05; done")
        plane.wait(job, "running")
        self.fill_until_refused()
        plane.kill()
        (plane.work / "end").touch()
        refused = plane.mohona("up", "--detach")
        self.make_room()
        if refused.returncode != 0:  # it may also have found a few bytes, and wait for more
            self.assertEqual(refused.returncode, 3)
            self.assertIn("no room", refused.stderr.lower().replace("space left", "room"))
            plane.up()
        plane.wait(job)
        self.assertEqual(len(plane.attempts(job)), 1)
        self.assertTrue(plane.says_same())

    def test_an_attempt_that_finds_no_room_to_start_starts_later(self) -> None:
        plane = self.plane
        first = plane.submit(f"run: until test -e {plane.work}/end; do sleep 0.05; done")
        plane.wait(first, "running")
        reserve = self.disk / "reserve"
        reserve.write_bytes(bytes(40_000))
        self.fill_until_refused()
        reserve.unlink()  # enough for some facts, not for much more
        job = until("it is accepted", lambda: (
            answer := plane.request("POST", "/v1/jobs", {"text": "run: 'true'"})
        ).status == 201 and answer.json["jobs"][0]["id"])
        self.make_room()
        (plane.work / "end").touch()
        plane.wait(first)
        plane.wait(job)
        self.assertTrue(plane.says_same())


    def test_a_log_without_room_holds_no_work_up_and_says_what_it_lacks(self) -> None:
        plane, signs = self.plane, self.plane.work
        job = plane.submit(f"run: |\n  until test -e {signs}/full; do sleep 0.05; done\n"
                           f"  seq 1 500000\n  touch {signs}/wrote\n"
                           f"  until test -e {signs}/room; do sleep 0.05; done\n  echo after")
        plane.wait(job, "running")
        self.fill_until_refused()
        (signs / "full").touch()
        plane.wait_for_file(signs / "wrote")  # the work went on
        self.make_room()
        (signs / "room").touch()
        plane.wait(job)
        log = (plane.job_directory(job) / "attempts/0.1/rank0.log").read_text()
        self.assertRegex(log, r"\nmohona: \d+ bytes of this log are lost: "
                              r"No space left on device\nafter\n$")


if __name__ == "__main__":
    unittest.main()
