"""Work and people that do what they should not: the control plane keeps its word all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import unittest

from plane import BINARY, Plane, until


class Rude(unittest.TestCase):
    def setUp(self) -> None:
        self.plane = Plane().up()
        self.addCleanup(self.plane.end)

    def test_work_that_removes_its_own_files_still_ends_and_can_be_cancelled(self) -> None:
        ends = self.plane.submit("run: rm -rf ../attempts ../output; exit 4")
        self.assertEqual(self.plane.wait(ends, "failed")["reason"], "exit code 4")
        stays = self.plane.submit("run: rm -rf ../attempts; touch gone; sleep 600")
        self.plane.wait_for_file(self.plane.job_directory(stays) / "workdir/gone")
        self.plane.mohona("cancel", stays)
        self.plane.wait(stays, "cancelled")

    def test_a_socket_that_is_removed_comes_back(self) -> None:
        (self.plane.home / "api.sock").unlink()
        until("the controller answers again",
              lambda: self.plane.mohona("ls").returncode == 0)

    def test_a_workdir_that_holds_the_home_is_copied_without_it(self) -> None:
        (self.plane.home.parent / "code.txt").write_text("code")
        job = self.plane.submit(f"workdir: {self.plane.home.parent}\nrun: cat code.txt; ls")
        self.plane.wait(job)
        said = self.plane.log(job)
        self.assertIn("code", said)
        self.assertNotIn(self.plane.home.name + "\n", said)

    def test_logs_are_followed_through_a_restart_of_the_controller(self) -> None:
        job = self.plane.submit("run: echo one; until test -e ../go; do sleep 0.02; done; echo two")
        self.plane.wait(job, "running")
        with subprocess.Popen([BINARY, "--home", self.plane.home, "logs", str(job), "-f"],
                              stdout=subprocess.PIPE, text=True) as follower:
            self.assertEqual(follower.stdout.readline(), "one\n")
            self.plane.kill()
            self.plane.up()
            (self.plane.job_directory(job) / "go").touch()
            self.assertEqual(follower.stdout.read(), "two\n")
            self.assertEqual(follower.wait(timeout=20), 0)

    def test_waiting_for_a_service_that_is_being_cancelled_waits_for_its_end(self) -> None:
        job = self.plane.submit(
            "service: {readiness_probe: /, replicas: 1}\n"
            "checkpoint: {path: c, grace: 1s}\n"
            "run: trap '' TERM; exec python3 -m http.server --bind 127.0.0.1 $MOHONA_PORT")
        self.plane.wait(job, "running")
        self.plane.mohona("cancel", job)
        self.assertEqual(self.plane.mohona("wait", job).returncode, 1)
        self.assertEqual(self.plane.show(job)["state"], "cancelled")

    def test_a_stopped_controller_goes_on_where_it_was(self) -> None:
        job = self.plane.submit("run: sleep 0.2")
        pid = self.plane.pid()
        os.kill(pid, signal.SIGSTOP)
        until("the work has ended", lambda: not self.plane.workers())
        os.kill(pid, signal.SIGCONT)
        self.plane.wait(job)


if __name__ == "__main__":
    unittest.main()
