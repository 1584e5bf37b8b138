"""How work is made to end: by request, by its limits, by a cloud that wants its machine back."""

import os
import time
import unittest
from pathlib import Path

from plane import PlaneTest, until

# A rank that notes signals; `wait` returns for a trap, `sleep` would not.
LISTENS = """
  echo $$ > listening
  while :; do sleep 600 & wait $!; done
"""


class Cancel(PlaneTest):
    def start(self, text: str) -> tuple[int, Path]:
        """A job whose script has written the file `listening`, and its working directory."""
        job = self.plane.submit(text)
        workdir = self.plane.job_directory(job) / "workdir"
        self.plane.wait_for_file(workdir / "listening", "\n")
        return job, workdir

    def processes_of(self, job: int) -> list[int]:
        mark = f"MOHONA_ATTEMPT_DIRECTORY={self.plane.job_directory(job)}/".encode()
        return [pid for pid in self.plane.workers()
                if mark in Path(f"/proc/{pid}/environ").read_bytes()]

    def cancel(self, job: int) -> dict:
        self.plane.ask("cancel", job)
        seen = self.plane.wait(job, "cancelled")
        self.assertEqual(self.processes_of(job), [])
        return seen

    def test_cancel_ends_background_children_and_daemons_with_the_script(self) -> None:
        job, _ = self.start("""
run: |
  sleep 600 &
  setsid sleep 600 &
  (setsid bash -c 'setsid sleep 600 & sleep 600' &)
  sleep 0.2
""" + LISTENS)
        self.assertGreaterEqual(len(self.processes_of(job)), 6)
        self.assertEqual(self.cancel(job)["reason"], "cancelled by request")

    def test_what_ignores_the_signal_is_killed_after_the_grace(self) -> None:
        job, _ = self.start("checkpoint: {path: c, grace: 500ms}\nrun: |\n"
                            "  trap '' TERM\n" + LISTENS)
        began = time.monotonic()
        self.cancel(job)
        self.assertGreaterEqual(time.monotonic() - began, 0.5)
        self.assertEqual(self.plane.attempts(job)[0]["exit_code"], 128 + 9)

    def test_a_job_that_waits_is_cancelled_at_once(self) -> None:
        job = self.plane.submit("resources: {cpus: 1000}\nrun: 'true'")
        self.assertEqual(self.cancel(job)["attempts"], 0)
        self.assertEqual(self.plane.ask("cancel", job)["cancelled"][0]["changed"], False)

    def test_the_declared_signal_is_sent_and_its_handler_has_the_grace(self) -> None:
        job, workdir = self.start("checkpoint: {path: c, signal: USR1, grace: 20s}\nrun: |\n"
                                  "  trap 'sleep 0.3; echo saved > c/state; exit' USR1\n" + LISTENS)
        self.cancel(job)
        self.assertEqual((workdir / "c/state").read_text(), "saved\n")

    def test_hooks_of_the_event_run_before_the_signal(self) -> None:
        job, workdir = self.start("""
config:
  hooks:
    - {run: "echo down $SKYPILOT_HOOK_EVENT >> order", events: [down], timeout: 10s}
    - {run: "echo never >> order", events: [preemption, stop], timeout: 10s}
    - {run: "echo any >> order", timeout: 10s}
run: |
  trap 'echo signal >> order; exit' TERM
""" + LISTENS)
        self.cancel(job)
        self.assertEqual((workdir / "order").read_text(), "down down\nany\nsignal\n")

    def test_a_hook_that_hangs_is_ended_at_its_timeout(self) -> None:
        job, workdir = self.start("""
config: {hooks: [{run: "sleep 600", events: [down], timeout: 300ms}]}
run: |
  trap 'echo signal >> order; exit' TERM
""" + LISTENS)
        self.cancel(job)
        self.assertEqual((workdir / "order").read_text(), "signal\n")

    def test_cancel_during_setup_runs_nothing_more(self) -> None:
        job, workdir = self.start("run: touch ran\nsetup: |\n" + LISTENS)
        self.cancel(job)
        self.assertFalse((workdir / "ran").exists())


class Limits(PlaneTest):
    fleet = """
pools:
  - {name: dear, cloud: local, shape: {cpus: 64, memory: 64GB}, nodes: 1, share_nodes: true,
     price: 64}
"""

    def test_a_job_over_its_max_duration_fails_and_says_so(self) -> None:
        job = self.plane.submit("max_duration: 500ms\nrun: sleep 600 & sleep 600")
        seen = self.plane.wait(job, "failed")
        self.assertEqual(seen["reason"], "it reached its max_duration of 500ms")
        self.assertEqual(seen["attempt_list"][0]["stopping"], "time_limit")

    def test_a_job_over_its_budget_fails_and_has_cost_little_more(self) -> None:
        job = self.plane.submit("budget: 0.0003\nrun: sleep 600")  # about a second
        seen = self.plane.wait(job, "failed")
        self.assertEqual(seen["attempt_list"][0]["stopping"], "budget")
        self.assertIn("it used up its budget of $", seen["reason"])
        self.assertGreaterEqual(float(seen["cost_usd"]), 0.0003)
        self.assertLess(float(seen["cost_usd"]), 0.0012)

    def test_retries_come_after_pauses_that_double(self) -> None:
        job = self.plane.submit("retries: {max: 2, backoff: 300ms}\n"
                                "run: date +%s%N >> times; exit 7")
        seen = self.plane.wait(job, "failed")
        self.assertEqual((seen["attempts"], seen["reason"]), (3, "exit code 7"))
        times = [int(line) / 1e9 for line in (self.plane.job_directory(job) / "workdir/times")
                 .read_text().split()]
        self.assertGreaterEqual(times[1] - times[0], 0.3)
        self.assertGreaterEqual(times[2] - times[1], 0.6)

    def test_a_job_whose_deadline_has_passed_does_not_start(self) -> None:
        job = self.plane.submit("deadline: 2020-01-01T00:00:00Z\nrun: 'true'")
        self.assertIn("its deadline", self.plane.wait(job, "failed")["reason"])

    @unittest.skipUnless(any(os.access(path, os.W_OK) for path in
                             ("/sys/fs/cgroup/memory/cgroup.procs",
                              "/sys/fs/cgroup/cgroup.subtree_control")),
                         "needs a control group that may be written")
    def test_a_job_over_its_memory_is_killed_and_told_why(self) -> None:
        job = self.plane.submit("resources: {memory: 64MB}\n"
                                "run: python3 -c 'b = bytearray(400 << 20); print(len(b))'")
        self.assertIn("more than the memory it asked for", self.plane.wait(job, "failed")["reason"])


class Reclaim(PlaneTest):
    fleet = """
pools:
  - {name: spot-a, cloud: aws, shape: {cpus: 4}, nodes: 1, purchase: spot, price: 0.10}
  - {name: spot-b, cloud: gcp, shape: {cpus: 4}, nodes: 1, purchase: spot, price: 0.20}
  - {name: firm, cloud: azure, shape: {cpus: 4}, nodes: 1, price: 0.90}
"""
    # Counts its starts in the checkpoint and ends by itself only where it is told to.
    TRAINS = """
checkpoint: {path: ckpt, signal: USR1, grace: 20s}
resources: {use_spot: true}
run: |
  echo "$MOHONA_POOL $MOHONA_RESTARTS $SLURM_RESTART_COUNT $TORCHELASTIC_RESTART_COUNT" \
    >> $MOHONA_CHECKPOINT/starts
  trap 'echo saved on $MOHONA_POOL >> ckpt/saves; exit' USR1
  until test -e ../end; do sleep 0.05; done
"""

    def setUp(self) -> None:
        for pool in ("spot-a", "spot-b"):
            self.plane.ask("pools", "restore", pool)

    def starts(self, job: int, count: int) -> list[str]:
        path = self.plane.job_directory(job) / "checkpoint/starts"
        return until(f"{count} starts", lambda: path.exists() and (
            lines := path.read_text().splitlines())[count - 1:] and lines)

    def end(self, job: int) -> dict:
        (self.plane.job_directory(job) / "end").touch()
        return self.plane.wait(job)

    def test_work_saves_at_the_notice_and_goes_on_in_another_pool_with_its_checkpoint(self) -> None:
        job = self.plane.submit(self.TRAINS)
        self.starts(job, 1)
        self.assertTrue(self.plane.ask("pools", "reclaim", "spot-a", "--notice", "20s")["changed"])
        self.assertEqual(self.starts(job, 2), ["spot-a 0 0 0", "spot-b 1 1 1"])
        seen = self.end(job)
        self.assertEqual(seen["pools"], ["spot-a", "spot-b"])
        self.assertEqual(seen["attempt_list"][0]["stopping"], "reclaimed")
        saves = self.plane.job_directory(job) / "checkpoint/saves"
        self.assertEqual(saves.read_text(), "saved on spot-a\n")

    def test_hooks_of_a_preemption_run_at_the_notice(self) -> None:
        job = self.plane.submit("config: {hooks: [{run: 'echo $SKYPILOT_HOOK_EVENT > "
                                "ckpt/hook', events: [preemption], timeout: 10s}]}" + self.TRAINS)
        self.starts(job, 1)
        self.plane.ask("pools", "reclaim", "spot-a", "--notice", "20s")
        self.starts(job, 2)
        self.assertEqual((self.plane.job_directory(job) / "checkpoint/hook").read_text(),
                         "preemption\n")
        self.end(job)

    def test_without_notice_the_work_is_killed_and_goes_on_elsewhere(self) -> None:
        job = self.plane.submit(self.TRAINS)
        self.starts(job, 1)
        self.plane.ask("pools", "reclaim", "spot-a")
        self.starts(job, 2)
        self.assertEqual(self.end(job)["attempt_list"][0]["exit_code"], 128 + 9)
        self.assertFalse((self.plane.job_directory(job) / "checkpoint/saves").exists())

    def test_with_no_pool_left_it_waits_until_one_is_restored(self) -> None:
        job = self.plane.submit(self.TRAINS)
        self.starts(job, 1)
        for pool in ("spot-b", "spot-a"):
            self.plane.ask("pools", "reclaim", pool, "--notice", "20s")
        self.plane.wait(job, "recovering")
        told = {pool["pool"]: pool["lift"] for pool in self.plane.ask("explain", job)["pools"]}
        self.assertIn("mohona pools restore spot-b", told["spot-b"])
        self.plane.ask("pools", "restore", "spot-b")
        self.assertEqual(self.starts(job, 2)[1], "spot-b 1 1 1")
        self.end(job)

    def test_a_pool_that_is_no_spot_pool_is_not_taken_back(self) -> None:
        done = self.plane.mohona("pools", "reclaim", "firm")
        self.assertEqual((done.returncode, done.stderr), (
            2, "mohona: 'firm' is not a spot pool; clouds take only those back\n"))


if __name__ == "__main__":
    unittest.main()
