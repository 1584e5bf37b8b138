"""What is done to Slurm's jobs and daemons behind the control plane's back: each ends in the right state, with
its reason, and nothing runs twice at a time.
"""

import json
import unittest

from plane import until
from test_slurm import FLEET, SlurmTest, on_lab


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

    def test_a_gangs_first_node_loses_its_daemon(self) -> None:
        self.up()
        job = self.plane.submit(on_lab(
            "test $MOHONA_RESTARTS -gt 0 || sleep 60; echo end", "num_nodes: 2"))
        self.plane.wait(job, "running", timeout=60)
        nodes = self.cluster.ask("squeue", "-h", "-j", self.slurm_job(), "-o", "%N").strip()
        first = self.cluster.ask("scontrol", "show", "hostnames", nodes).split()[0]
        self.cluster.kill_daemon(first)
        self.addCleanup(lambda: self.cluster.start_node(first))
        # Its supervisor lives on and sees no more than that Slurm kills the ranks elsewhere.
        self.plane.wait(job, timeout=90)
        lost = self.plane.attempts(job)[0]
        self.assertEqual(lost["end"], "lost")
        self.assertIn("a node of it failed", json.dumps(lost))

    def test_slurmctld_that_is_gone_holds_up_only_its_own(self) -> None:
        self.up()
        running = self.plane.submit(on_lab("sleep 8; echo done"))
        self.plane.wait(running, "running")
        self.cluster.kill_controller()
        self.addCleanup(self.cluster.start_controller)
        waiting = self.plane.submit(on_lab("echo ran >> $MOHONA_OUTPUT/runs"))
        here = self.plane.submit("name: here\nresources: {cpus: 1, cloud: local}\nrun: echo here")
        self.plane.wait(here)
        self.plane.wait(running)  # its files say so
        self.assertNotEqual(self.plane.show(waiting)["state"], "succeeded")
        until("it is said", lambda: "slurmctld does not answer" in json.dumps(self.pool()),
              timeout=60)
        late = self.plane.submit(on_lab("echo ran >> $MOHONA_OUTPUT/runs"))
        self.assertIn("slurmctld does not answer", self.explained(late))
        self.cluster.start_controller()
        for job in (waiting, late):
            self.plane.wait(job, timeout=60)
            # A slurmctld that was killed may have forgotten a job that it had just taken, and cancel it;
            # what did not begin is placed once more, and runs once.
            self.assertEqual((self.plane.output(job) / "runs").read_text(), "ran\n")

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
        self.up(FLEET.replace("partition: batch", "partition: batch, reservation: nothere"))
        refused = self.plane.submit(on_lab("echo on"))
        here = self.plane.submit("name: here\nresources: {cpus: 1, cloud: local}\nrun: echo here")
        self.plane.wait(here)
        until("it is said", lambda: "Slurm refuses it: Requested reservation is invalid" in
              json.dumps(self.plane.attempts(refused)))
        until("the pool takes no more", lambda: "the cluster refuses work: Requested reservation is "
              "invalid" in self.explained(refused))
        self.assertLessEqual(self.plane.show(refused)["attempts"], 2)

    def test_what_the_cluster_never_starts_is_placed_anew(self) -> None:
        self.up(FLEET.replace("partition: batch", "partition: short"))  # a minute at most
        job = self.plane.submit(on_lab("echo on", "max_duration: 10h"))
        until("it is given up", lambda: "its nodes were not free in Slurm within 60 s "
              "(PartitionTimeLimit)" in json.dumps(self.plane.attempts(job)), timeout=120)


if __name__ == "__main__":
    unittest.main()
