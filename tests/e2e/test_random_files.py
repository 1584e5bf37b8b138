"""Random job files on the engines that run processes: this machine and a Slurm cluster. The
controller goes on; every job that was accepted ends, answers as a service, or says why it waits.

MOHONA_CASES says how many files there are in all engines together (2,000 if not said); a fiftieth of
them runs here, since each is processes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import slurm
from plane import BINARY, Plane, until

CASES = max(30, int(os.environ.get("MOHONA_CASES", "2000")) // 50)
GENERATOR = BINARY.parent / "random_job_files"
# Longer than any pause of these jobs: retries wait a second at most, a lost launch five.
QUIET = 12.0
ENDED = ("succeeded", "failed", "cancelled")

LOCAL = """
pools:
- {name: here, cloud: local, region: here, shape: {name: machine, cpus: 64, memory: 64GB}, nodes: 1, share_nodes: true, purchase: reserved}
- {name: far, cloud: aws, region: us-east-1, shape: {cpus: 64, memory: 256GB, accelerators: H100:8}, nodes: 4, purchase: spot, price: 0.5}
"""
SLURM = """
pools:
- {{name: lab, cloud: hall, region: here, price: 2.5, slurm: {{partition: batch, conf: {conf}}}}}
"""


class RandomFiles(unittest.TestCase):
    def run_files(self, plane: Plane, first: int, count: int, patience: float) -> None:
        directory = plane.root / "files"
        directory.mkdir()
        subprocess.run([GENERATOR, str(first), str(count), directory], check=True)
        pid = plane.pid()
        jobs: dict[int, str] = {}
        for path in sorted(directory.iterdir()):
            text = path.read_bytes().decode("utf-8", "replace")
            answer = plane.request("POST", "/v1/jobs", {
                "file": path.name, "text": text, "directory": str(plane.work), "secrets": {}})
            self.assertIn(answer.status, (200, 201, 400), answer.text)
            if answer.status == 400:
                self.assertTrue(answer.message)
                continue
            for job in answer.json["jobs"]:
                jobs[job["id"]] = text
            begin = time.monotonic()
            self.assertEqual(plane.request("GET", "/v1/jobs").status, 200)
            self.assertLess(time.monotonic() - begin, 2)
        self.assertGreater(len(jobs), count // 4)

        def states() -> dict[int, str]:
            listed = plane.request("GET", "/v1/jobs?limit=1000").json["jobs"]
            return {job["id"]: job["state"] for job in listed}

        # Until nothing changes any more: services stay, and some jobs fit nowhere.
        give_up = time.monotonic() + patience
        seen_states, since = states(), time.monotonic()
        while time.monotonic() < min(give_up, since + QUIET):
            time.sleep(0.5)
            if (now := states()) != seen_states:
                seen_states, since = now, time.monotonic()
        for job in [job for job in jobs if plane.show(job)["state"] not in ENDED]:
            seen = plane.show(job)
            explained = plane.ask("explain", job)
            self.assertTrue(explained["explanation"], jobs[job])
            # What is pending runs nowhere; what runs is said to.
            live = [a for a in seen["attempt_list"] if not a.get("ended_at")]
            if seen["state"] == "pending":
                self.assertFalse(live, f"{explained}\n{jobs[job]}")
        for job, text in jobs.items():
            seen = plane.show(job)
            if seen["state"] in ("failed", "cancelled"):
                self.assertTrue(seen["reason"], text)
        self.assertEqual(plane.pid(), pid)
        self.assertTrue(plane.ask("audit")["clean"])
        done = plane.mohona("down", "--cancel")
        self.assertEqual(done.returncode, 0, done.stderr)
        plane.up()
        for job in jobs:
            self.assertIn(plane.show(job)["state"], ENDED, jobs[job])

    def test_on_this_machine(self) -> None:
        plane = Plane(LOCAL).up()
        self.addCleanup(plane.end)
        self.run_files(plane, 1_000_000, CASES, 45 + CASES / 4)

    @unittest.skipUnless(slurm.there(), "Slurm is not installed")
    def test_on_slurm(self) -> None:
        cluster = slurm.Cluster(Path(tempfile.mkdtemp(prefix="mohona-slurm-")))
        self.addCleanup(cluster.stop)
        cluster.create()
        cluster.start()
        plane = Plane(SLURM.format(conf=cluster.conf))
        self.addCleanup(lambda: cluster.ask("scancel", "--me", check=False))
        self.addCleanup(plane.end)
        plane.up()
        self.run_files(plane, 2_000_000, CASES // 2, 60 + CASES / 2)


# Slurm's commands as they are on a bad day.
HANGS = "#!/bin/sh\nexec sleep 60\n"
NOISE = "#!/bin/sh\nhead -c 100000 /dev/urandom\n"
FAILS = "#!/bin/sh\necho 'slurm: \x1b[31mno' >&2\nexit 1\n"


class BadSlurm(unittest.TestCase):
    """An engine that hangs, fails or says nonsense holds up neither answers nor other work."""

    def test_commands_that_hang_fail_or_say_nonsense(self) -> None:
        for name, script in (("hangs", HANGS), ("noise", NOISE), ("fails", FAILS)):
            with self.subTest(name):
                tools = Path(tempfile.mkdtemp(prefix="mohona-bad-slurm-"))
                for command in ("sbatch", "squeue", "scontrol", "scancel", "sacct", "sinfo"):
                    (tools / command).write_text(script)
                    (tools / command).chmod(0o755)
                plane = Plane(LOCAL + "- {name: lab, cloud: hall, price: 2.5, "
                              "slurm: {partition: batch, conf: /nonexistent/slurm.conf}}\n", path=[tools])
                self.addCleanup(plane.end)
                done = plane.mohona("up", "--detach", "--fleet", plane.fleet)
                if name == "noise":  # a cluster that has no such partition, as far as one can tell
                    self.assertIn("pool 'lab': the cluster has no partition 'batch'", done.stderr)
                    self.assertFalse(plane.is_up())
                    plane.wait_for_lock()
                    (plane.home / "controller.pid").unlink()
                    continue
                self.assertEqual(done.returncode, 0, done.stderr)
                plane.submit("name: lost\nresources: {cloud: hall}\nrun: 'true'")
                slowest = 0.0
                for n in range(5):
                    begin = time.monotonic()
                    self.assertEqual(plane.request("GET", "/v1/jobs").status, 200)
                    slowest = max(slowest, time.monotonic() - begin)
                    plane.wait(plane.submit(f"name: fine{n}\nresources: {{cloud: local}}\n"
                                            "run: 'true'"))
                self.assertLess(slowest, 1)
                pid = plane.pid()
                begin = time.monotonic()
                os.kill(pid, 15)
                until("it has ended", lambda: not Path(f"/proc/{pid}/cmdline").exists() or
                      not Path(f"/proc/{pid}/cmdline").read_bytes(), 15)


if __name__ == "__main__":
    unittest.main()
