"""Work on a Slurm cluster: what a user and an administrator see. Without Slurm these are skipped."""

import json
import os
import shutil
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import slurm
from plane import Plane, until

# So many seconds slurmrestd is gone; a minute with MOHONA_FULL=1.
GONE_FOR = 60 if os.environ.get("MOHONA_FULL") == "1" else 2

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

    def up(self, fleet: str = FLEET, path: list[Path] = ()) -> Plane:
        self.plane = Plane(fleet.format(conf=self.cluster.conf), path=path)
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

    def test_an_elastic_gang_runs_on_the_nodes_that_were_granted(self) -> None:
        self.up()
        self.cluster.ask("scontrol", "update", "nodename=node[3-4]", "state=drain", "reason=fans")
        self.addCleanup(lambda: self.cluster.ask("scontrol", "update", "nodename=node[3-4]",
                                                 "state=resume", check=False))
        until("two nodes are out", lambda: "drained, fans" in json.dumps(self.pool()))
        job = self.plane.submit("""
name: work
min_nodes: 1
max_nodes: 4
resources: {cloud: hall, cpus: 2}
run: echo "$RANK/$WORLD_SIZE $SLURM_NNODES $SKYPILOT_NUM_NODES"
""")
        self.plane.wait(job)
        self.assertEqual([self.plane.log(job, "--rank", rank) for rank in range(2)],
                         ["0/2 2 2\n", "1/2 2 2\n"])

    def test_a_step_of_a_batch_script_has_its_grace(self) -> None:
        self.up()
        self.plane.write("job.sbatch", """#!/bin/bash
#SBATCH --constraint=ib
srun bash -c 'trap "sleep 1; echo saved; exit 0" TERM; echo on; while :; do sleep 1; done'
""")
        job = self.plane.ask("submit", "job.sbatch")["jobs"][0]["id"]
        until("it is on", lambda: "on" in self.plane.log(job))
        self.plane.ask("cancel", job)
        self.plane.wait(job, "cancelled")
        self.assertIn("saved", self.plane.log(job))

    def test_a_gang_of_which_no_rank_ran_has_not_succeeded(self) -> None:
        # srun says of every task that it could not be launched, and leaves with 0.
        tools = Path(tempfile.mkdtemp(prefix="mohona-srun-"))
        self.addCleanup(lambda: shutil.rmtree(tools))
        (tools / "srun").write_text("#!/bin/sh\necho 'srun: error: task 0 launch failed: Slurmd "
                                    "could not connect IO' >&2\nexit 0\n")
        (tools / "srun").chmod(0o755)
        self.up(path=[tools])
        job = self.plane.submit("name: work\nnum_nodes: 3\nresources: {cloud: hall, cpus: 1}\n"
                                "run: echo rank $RANK | tee $MOHONA_OUTPUT/$RANK")
        self.assertEqual(self.plane.wait(job, "failed")["reason"],
                         "exit code 125: rank 0 of 3 has not recorded its end: srun: error: task 0 "
                         "launch failed: Slurmd could not connect IO")

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


class Rest(SlurmTest):
    def test_the_same_through_slurmrestd_also_while_it_is_gone(self) -> None:
        if not self.cluster.can_rest():
            self.skipTest("slurmrestd is not there, or cannot be started by this user")
        at = self.cluster.start_rest()
        self.addCleanup(self.cluster.kill_rest)
        options = f"rest: \"{at}\", token: {self.cluster.directory}/token"
        self.up(FLEET.replace("conf: {conf}", options))
        self.assertEqual(self.pool()["hosts"], ["node1", "node2", "node3", "node4"])
        shards = self.plane.submit("name: work\nshards: {count: 30}\n"
                                   "resources: {cloud: hall, cpus: 1}\n"
                                   "run: touch $MOHONA_OUTPUT/$MOHONA_SHARD_INDEX")
        self.plane.wait(shards, timeout=60)
        self.assertEqual(len(list(self.plane.output(shards).iterdir())), 30)
        gang = self.plane.submit("name: gang\nnum_nodes: 2\nresources: {cloud: hall, accelerators: "
                                 "H100:1}\nrun: echo $RANK $CUDA_VISIBLE_DEVICES > $MOHONA_OUTPUT/$RANK")
        self.plane.wait(gang)
        self.assertRegex((self.plane.output(gang) / "1").read_text(), r"^1 \d\n$")
        stopped = self.plane.submit(on_lab("echo on; sleep 60"))
        until("it is on", lambda: "on" in self.plane.log(stopped))
        self.plane.ask("cancel", stopped)
        self.plane.wait(stopped, "cancelled")

        running = self.plane.submit(on_lab("sleep 4; echo done"))
        self.plane.wait(running, "running")
        self.cluster.kill_rest()
        waiting = self.plane.submit(on_lab("echo later"))
        self.plane.wait(running)
        time.sleep(GONE_FOR)
        self.assertNotEqual(self.plane.show(waiting)["state"], "succeeded")
        self.cluster.start_rest()
        self.plane.wait(waiting, timeout=60)
        self.assertEqual(self.plane.show(waiting)["attempts"], 1)


class Pipeline(SlurmTest):
    """Data and a service here, the training on the cluster, whose node dies in the middle."""

    def test_a_training_resumes_from_its_checkpoint_on_another_node(self) -> None:
        self.up()
        chat = self.plane.submit("""
name: words
shards: {count: 3}
resources: {cpus: 1, cloud: local}
run: echo part $MOHONA_SHARD_INDEX > $MOHONA_OUTPUT/$MOHONA_SHARD_INDEX
---
name: pretrain
kind: train
needs: words
num_nodes: 2
resources: {cpus: 1, cloud: hall}
checkpoint: {path: ckpt, signal: TERM, grace: 5s}
run: |
  step=$(cat $MOHONA_CHECKPOINT/$RANK 2>/dev/null || echo 0)
  echo $SLURMD_NODENAME from $step >> $MOHONA_OUTPUT/log.$RANK
  while [ $step -lt 80 ]; do
    step=$((step + 1)); echo $step > $MOHONA_CHECKPOINT/$RANK.new
    mv $MOHONA_CHECKPOINT/$RANK.new $MOHONA_CHECKPOINT/$RANK; sleep 0.1
  done
  cat $MOHONA_INPUT_WORDS/* > $MOHONA_OUTPUT/model
---
name: chat
needs: pretrain
resources: {cpus: 1, cloud: local}
service: {readiness_probe: {path: /, initial_delay_seconds: 20}, replicas: 1}
run: cd $MOHONA_INPUT_PRETRAIN && python3 -m http.server --bind 127.0.0.1 "$MOHONA_PORT"
""")
        pretrain = self.plane.show("pretrain")["id"]
        checkpoint = self.plane.job_directory(pretrain) / "checkpoint" / "0"
        until("it has got somewhere",
              lambda: checkpoint.exists() and int(checkpoint.read_text() or 0) > 10, timeout=40)
        log = self.plane.output(pretrain) / "log.0"
        first = log.read_text().split()[0]
        self.cluster.kill_node(first)
        self.addCleanup(lambda: self.cluster.start_node(first))
        self.plane.wait(chat, "running", timeout=90)
        begun = [line.split() for line in log.read_text().splitlines()]
        self.assertEqual(len(begun), 2)
        self.assertNotEqual(begun[1][0], first)
        self.assertGreater(int(begun[1][2]), 10)
        shown = self.plane.wait(pretrain)
        self.assertEqual(shown["attempts"], 2)
        self.assertIn("a node of it failed", json.dumps(shown["attempt_list"][0]))
        # Both attempts held a core of 16 on each of two nodes, at 2.5 dollars a node-hour.
        held = sum(attempt["held_seconds"] for attempt in shown["attempt_list"])
        self.assertAlmostEqual(float(shown["cost_usd"]), held * 2 * 2.5 / 16 / 3600, places=4)
        with urllib.request.urlopen(self.plane.show(chat)["endpoints"][0] + "/model") as answer:
            self.assertEqual(answer.read().decode(), "part 0\npart 1\npart 2\n")


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


if __name__ == "__main__":
    unittest.main()
