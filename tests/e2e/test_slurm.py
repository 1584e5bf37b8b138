"""Work on a Slurm cluster: what a user and an administrator see, and everything that is done to jobs and
daemons behind the control plane's back.

MOHONA_SLURM is the directory of a cluster that runs (slurm.py); without Slurm these are skipped.
"""

import json
import tempfile
import time
import unittest
from pathlib import Path

import slurm
from plane import Plane, until

FLEET = """
pools:
  - {{name: lab, cloud: hall, region: here, price: 2.5, slurm: {{partition: batch, conf: {conf}}}}}
  - {{name: here, cloud: local, region: here, shape: {{name: machine, cpus: 8, memory: 8GB}},
     nodes: 1, share_nodes: true, purchase: reserved}}
"""


@unittest.skipUnless(slurm.there(), "Slurm is not installed")
class SlurmTest(unittest.TestCase):
    """One cluster for the tests of a class."""

    cluster: slurm.Cluster

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = slurm.Cluster(Path(tempfile.mkdtemp(prefix="mohona-slurm-")))
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.create()
        cls.cluster.start()

    plane: Plane

    def up(self, fleet: str = FLEET) -> Plane:
        self.plane = Plane(fleet.format(conf=self.cluster.conf))
        self.addCleanup(lambda: self.cluster.ask("scancel", "--me", check=False))
        self.addCleanup(self.plane.end)
        return self.plane.up()

    def pool(self, name: str = "lab") -> dict:
        pools = self.plane.ask("pools")["pools"]
        return next(pool for pool in pools if pool["name"] == name)

    def explained(self, job: int) -> str:
        return json.dumps(self.plane.ask("explain", job))

    def slurm_job(self, name: str = "work") -> str:
        """The number of the Slurm job that runs and is called so."""
        def running() -> str:
            return self.cluster.ask("squeue", "-h", "-t", "R", "-n", name, "-o", "%i").strip()
        return until(f"{name} runs in Slurm", running)


def on_lab(run: str, more: str = "") -> str:
    return f"name: work\nresources: {{cpus: 1, region: here, cloud: hall}}\n{more}\nrun: |\n  {run}\n"


class Work(SlurmTest):
    def test_a_job_runs_on_the_node_that_was_chosen_with_slurms_own_variables(self) -> None:
        self.up()
        job = self.plane.submit("""
name: work
resources: {cloud: hall, accelerators: H100:2, cpus: 3}
run: echo "$SLURMD_NODENAME $SLURM_CPUS_ON_NODE $CUDA_VISIBLE_DEVICES $RANK/$WORLD_SIZE"
""")
        self.plane.wait(job)
        self.assertRegex(self.plane.log(job), r"^node[1-4] 3 \d,\d 0/1\n$")

    def test_ranks_of_a_gang_are_a_step_on_its_nodes(self) -> None:
        self.up()
        job = self.plane.submit("""
name: work
num_nodes: 3
resources: {cloud: hall, cpus: 2}
run: |
  echo "$SLURMD_NODENAME $RANK/$WORLD_SIZE $SLURM_PROCID" > $MOHONA_OUTPUT/$RANK
  test -n "$MASTER_ADDR" -a "$MASTER_PORT" -gt 0
""")
        self.plane.wait(job)
        said = [(self.plane.output(job) / str(rank)).read_text().split() for rank in range(3)]
        self.assertEqual([line[1:] for line in said], [[f"{r}/3", str(r)] for r in range(3)])
        self.assertEqual(len({line[0] for line in said}), 3)

    def test_the_first_rank_that_fails_is_the_jobs_failure(self) -> None:
        self.up()
        job = self.plane.submit("name: work\nnum_nodes: 3\nresources: {cloud: hall, cpus: 2}\n"
                                "run: |\n  test $RANK = 1 && exit 9\n  sleep 60")
        self.assertEqual(self.plane.wait(job, "failed")["reason"], "exit code 9: rank 1 of 3")

    def test_shards_follow_one_another_in_few_slurm_jobs(self) -> None:
        self.up()
        job = self.plane.submit("name: work\nshards: {count: 200}\nresources: {cloud: hall, cpus: 1}\n"
                                "run: echo $SLURM_JOB_ID > $MOHONA_OUTPUT/$MOHONA_SHARD_INDEX")
        self.plane.wait(job, timeout=60)
        ran_in = [path.read_text() for path in self.plane.output(job).iterdir()]
        self.assertEqual(len(ran_in), 200)
        self.assertLessEqual(len(set(ran_in)), 64)  # as many as there are cores

    def test_a_cancel_is_a_stop_with_its_grace(self) -> None:
        self.up()
        job = self.plane.submit(on_lab("trap 'echo saved; exit 0' TERM; echo on; sleep 60 & wait",
                                       "checkpoint: {path: ckpt, signal: TERM, grace: 20s}"))
        until("it is on", lambda: "on" in self.plane.log(job))
        self.plane.ask("cancel", job)
        self.plane.wait(job, "cancelled")
        self.assertIn("saved", self.plane.log(job))
        until("Slurm is empty", lambda: not self.cluster.ask("squeue", "-h"))

    def test_a_controller_that_comes_back_adopts_what_runs_and_learns_what_ended(self) -> None:
        self.up()
        stays = self.plane.submit(on_lab("sleep 15; echo done"))
        ends = self.plane.submit(on_lab("sleep 2; exit 3"))
        for job in (stays, ends):
            self.plane.wait(job, "running")
        self.plane.ask("down")
        # Until Slurm has forgotten it: MinJobAge is 10 seconds.
        time.sleep(4)
        self.plane.up()
        self.assertEqual(self.plane.wait(ends, "failed")["reason"], "exit code 3")
        self.plane.wait(stays, timeout=40)
        self.assertEqual(self.plane.show(stays)["attempts"], 1)


class Inventory(SlurmTest):
    def test_a_partition_is_a_pool(self) -> None:
        self.up()
        lab = self.pool()
        self.assertEqual(lab["hosts"], ["node1", "node2", "node3", "node4"])
        self.assertEqual(lab["cpus"]["total_milli"], 64_000)
        self.assertEqual(lab["gpus"], {"name": "h100", "used": 0, "total": 32})
        self.assertEqual([feature["name"] for feature in lab["features"]], ["ib"])

    def test_what_the_administrator_does_to_a_node_is_seen(self) -> None:
        self.up()
        self.cluster.ask("scontrol", "update", "nodename=node2", "state=drain", "reason=fans")
        self.addCleanup(lambda: self.cluster.ask("scontrol", "update", "nodename=node2",
                                                 "state=resume", check=False))
        until("node2 is out", lambda: "Slurm: drained, fans" in json.dumps(self.pool()))
        self.cluster.ask("scontrol", "update", "nodename=node2", "state=resume")
        until("node2 is back", lambda: "Slurm:" not in json.dumps(self.pool()))

    def test_others_load_leaves_less_room(self) -> None:
        self.up()
        self.cluster.ask("sbatch", "-w", "node[1-4]", "-N4", "--ntasks-per-node=1",
                         "--gres=gpu:6", "-o", "/dev/null", "--wrap", "sleep 300")
        until("it is seen", lambda: self.pool()["foreign_load"]["gpus"] == 24, timeout=40)
        job = self.plane.submit("name: big\nresources: {cloud: hall, accelerators: H100:4}\nrun: ls")
        self.assertIn("lab", self.explained(job))
        self.assertEqual(self.plane.show(job)["state"], "pending")
        self.cluster.ask("scancel", "--me")
        self.plane.wait(job, timeout=40)


class BehindOurBack(SlurmTest):
    def lost(self, job: int, why: str) -> None:
        """The attempt was lost for this reason, and the job ended well in another."""
        self.plane.wait(job, timeout=60)
        shown = self.plane.show(job)
        self.assertEqual(shown["attempts"], 2)
        first = self.plane.attempts(job)[0]
        self.assertIn(why, json.dumps(first))
        runs = (self.plane.output(job) / "runs").read_text()
        self.assertEqual(runs, "begin 0\nbegin 1\nend 1\n")

    RUN = ("echo begin $MOHONA_RESTARTS >> $MOHONA_OUTPUT/runs; "
           "test $MOHONA_RESTARTS = 0 && sleep 120; "
           "echo end $MOHONA_RESTARTS >> $MOHONA_OUTPUT/runs")

    def start(self) -> int:
        job = self.plane.submit(on_lab(self.RUN))
        until("it has begun", lambda: (self.plane.output(job) / "runs").exists())
        return job

    def test_a_job_that_somebody_cancels_is_lost_and_starts_again(self) -> None:
        self.up()
        job = self.start()
        self.cluster.ask("scancel", self.slurm_job())
        self.lost(job, "somebody cancelled its Slurm job")

    def test_a_job_that_somebody_requeues_is_another_attempt(self) -> None:
        self.up()
        job = self.start()
        number = self.slurm_job()
        self.cluster.ask("scontrol", "update", f"jobid={number}", "requeue=1")
        self.cluster.ask("scontrol", "requeue", number)
        self.lost(job, "Slurm put its job back in line")

    def test_a_job_of_higher_priority_takes_the_node(self) -> None:
        self.up()
        job = self.plane.submit(on_lab(self.RUN).replace("cpus: 1", "cpus: 16"))
        until("it has begun", lambda: (self.plane.output(job) / "runs").exists())
        node = self.cluster.ask("squeue", "-h", "-j", self.slurm_job(), "-o", "%N").strip()
        self.cluster.ask("sbatch", "-p", "urgent", "-w", node, "--exclusive", "-o", "/dev/null",
                         "--wrap", "sleep 20")
        self.lost(job, "a Slurm job of higher priority took its nodes")

    def test_a_node_that_dies(self) -> None:
        self.up()
        job = self.start()
        node = self.cluster.ask("squeue", "-h", "-j", self.slurm_job(), "-o", "%N").strip()
        self.cluster.kill_node(node)
        self.addCleanup(lambda: self.cluster.start_node(node))
        self.lost(job, "a node of it failed")

    def test_slurmctld_that_is_gone_holds_up_only_its_own(self) -> None:
        self.up()
        running = self.plane.submit(on_lab("sleep 8; echo done"))
        self.plane.wait(running, "running")
        self.cluster.kill_controller()
        self.addCleanup(self.cluster.start_controller)
        waiting = self.plane.submit(on_lab("echo later"))
        here = self.plane.submit("name: here\nresources: {cpus: 1, cloud: local}\nrun: echo here")
        self.plane.wait(here)
        self.plane.wait(running)  # its files say so
        self.assertNotEqual(self.plane.show(waiting)["state"], "succeeded")
        until("it is said", lambda: "slurmctld does not answer" in json.dumps(self.pool()),
              timeout=60)
        late = self.plane.submit(on_lab("echo late"))
        self.assertIn("slurmctld does not answer", self.explained(late))
        self.cluster.start_controller()
        for job in (waiting, late):
            self.plane.wait(job, timeout=60)
            self.assertEqual(self.plane.show(job)["attempts"], 1)

    def test_a_job_that_slurm_has_forgotten(self) -> None:
        self.up()
        job = self.plane.submit(on_lab("sleep 3; echo done; exit 4"))
        self.plane.wait(job, "running")
        number = self.slurm_job()
        self.plane.ask("down")
        until("Slurm has purged it", lambda: number not in
              self.cluster.ask("squeue", "-h", "-t", "all", "-o", "%i", check=False).split(),
              timeout=90)
        self.plane.up()
        self.assertEqual(self.plane.wait(job, "failed")["reason"], "exit code 4")
        self.assertEqual(self.plane.show(job)["attempts"], 1)

    def test_what_the_cluster_refuses_is_said_and_the_rest_goes_on(self) -> None:
        self.up(FLEET.replace("partition: batch", "partition: short"))
        job = self.plane.submit(on_lab("echo on", "max_duration: 10h"))
        here = self.plane.submit("name: here\nresources: {cpus: 1, cloud: local}\nrun: echo here")
        self.plane.wait(here)
        until("it is said", lambda: "Slurm" in self.explained(job), timeout=90)


if __name__ == "__main__":
    unittest.main()
