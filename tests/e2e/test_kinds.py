"""What each kind of job promises to its author."""

import base64
import os
import signal
import unittest
import urllib.request
from pathlib import Path

from plane import PlaneTest, mode, until

SERVER = 'python3 -m http.server --bind 127.0.0.1 "$MOHONA_PORT"'
PROBE = "service: {readiness_probe: {path: /, initial_delay_seconds: 20, timeout_seconds: 2}}"


class Data(PlaneTest):
    def test_a_shard_for_each_file_is_retried_alone_and_a_dependant_reads_all_outputs(self) -> None:
        for name, text in (("a", "one"), ("b", "two"), ("c", "three")):
            self.plane.write(f"corpus/{name}.txt", text)
        total = self.plane.submit("""
name: count-words
shards: {inputs: corpus/*.txt}
retries: {max: 1, backoff: 100ms}
run: |
  part=$(basename "$MOHONA_SHARD" .txt)
  test "$part" = b && test $MOHONA_RESTARTS = 0 && { echo half > "$MOHONA_OUTPUT/b"; exit 1; }
  mkdir "$MOHONA_OUTPUT/sizes"
  wc -c < "$MOHONA_SHARD" > "$MOHONA_OUTPUT/sizes/$part"
  echo "$MOHONA_SHARD_INDEX of $MOHONA_SHARD_COUNT" > "$MOHONA_OUTPUT/place.$part"
---
name: total
needs: count-words
run: |
  cat $MOHONA_INPUT_COUNT_WORDS/sizes/* | paste -sd+ | bc > "$MOHONA_OUTPUT/total"
""".replace("paste -sd+ | bc", "awk '{n += $1} END {print n}'"))
        self.plane.wait(total)
        self.assertEqual((self.plane.output(total) / "total").read_text(), "11\n")
        shards = self.plane.show("count-words")
        self.assertEqual([task["attempts"] for task in shards["tasks"]], [1, 2, 1])
        self.assertEqual(shards["progress"], {"done": 3, "running": 0, "total": 3})
        output = self.plane.output(shards["id"])
        self.assertEqual(sorted(path.name for path in output.iterdir()),
                         ["place.a", "place.b", "place.c", "sizes"])  # nothing of the failed one
        self.assertEqual((output / "place.b").read_text(), "1 of 3\n")

    def test_two_shards_that_write_one_file_are_an_error_that_says_what_to_do(self) -> None:
        job = self.plane.submit("shards: {count: 2}\nrun: echo x > $MOHONA_OUTPUT/same")
        reason = self.plane.wait(job, "failed")["reason"]
        self.assertIn("another shard has written same already", reason)
        self.assertIn("$MOHONA_SHARD_INDEX", reason)

    def test_a_glob_that_matches_nothing_fails_the_job(self) -> None:
        job = self.plane.submit("shards: {inputs: none/*.txt}\nrun: 'true'")
        self.assertIn("no file matches its shards.inputs: none/*.txt",
                      self.plane.wait(job, "failed")["reason"])

    def test_globs_may_name_what_a_needed_job_has_written(self) -> None:
        job = self.plane.submit("""
name: split
run: for i in 1 2 3; do echo $i > "$MOHONA_OUTPUT/$i.part"; done
---
name: use
needs: split
shards: {inputs: $MOHONA_INPUT_SPLIT/*.part}
run: cp "$MOHONA_SHARD" "$MOHONA_OUTPUT"
""")
        self.assertEqual(self.plane.wait(job)["progress"]["done"], 3)
        self.assertEqual(len(list(self.plane.output(job).iterdir())), 3)

    def test_at_once_bounds_how_many_shards_run_together(self) -> None:
        job = self.plane.submit("""
shards: {count: 6, at_once: 2}
run: |
  touch $MOHONA_SHARD.on; ls *.on | wc -l >> together
  sleep 0.2
  rm $MOHONA_SHARD.on
""")
        self.plane.wait(job)
        together = (self.plane.job_directory(job) / "workdir/together").read_text().split()
        self.assertLessEqual(max(map(int, together)), 2)


class Gang(PlaneTest):
    fleet = """
pools:
  - {name: gpus, cloud: aws, nodes: 2, share_nodes: false, price: 2,
     shape: {cpus: 8, memory: 32GB, accelerators: H100:4}}
"""

    def variables(self, job: int, rank: int) -> dict[str, str]:
        text = (self.plane.job_directory(job) / f"workdir/rank{rank}").read_text()
        return dict(part.split("=", 1) for part in text.split("\0") if part)

    def test_ranks_get_the_variables_of_torchrun_slurm_and_skypilot(self) -> None:
        job = self.plane.submit("""
name: pretrain
kind: train
num_nodes: 2
resources: {cpus: 2, accelerators: H100:4}
run: env -0 > rank$RANK
""")
        self.plane.wait(job)
        first, second = self.variables(job, 0), self.variables(job, 1)
        same = {
            "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1",
            "MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RESTART_COUNT": "0",
            "SLURM_JOB_ID": str(job), "SLURM_JOBID": str(job), "SLURM_JOB_NAME": "pretrain",
            "SLURM_NNODES": "2", "SLURM_JOB_NUM_NODES": "2", "SLURM_NTASKS": "2",
            "SLURM_NTASKS_PER_NODE": "1", "SLURM_LOCALID": "0", "SLURM_CPUS_ON_NODE": "2",
            "SLURM_CPUS_PER_TASK": "2", "SLURM_GPUS_ON_NODE": "4", "SLURM_RESTART_COUNT": "0",
            "SLURM_JOB_NODELIST": "127.0.0.1,127.0.0.1", "SLURM_SUBMIT_DIR": str(self.plane.work),
            "SKYPILOT_NUM_NODES": "2", "SKYPILOT_NODE_IPS": "127.0.0.1\n127.0.0.1",
            "SKYPILOT_NUM_GPUS_PER_NODE": "4", "SKYPILOT_TASK_ID": f"mohona-{job}-pretrain",
            "CUDA_VISIBLE_DEVICES": "0,1,2,3", "MOHONA_JOB_ID": str(job), "MOHONA_POOL": "gpus",
            "MOHONA_CLOUD": "aws", "MOHONA_RESTARTS": "0", "MOHONA_ATTEMPT": f"{job}.0.1",
        }
        for rank, seen in enumerate((first, second)):
            for name, value in same.items():
                with self.subTest(rank=rank, name=name):
                    self.assertEqual(seen.get(name), value)
            for name in ("RANK", "GROUP_RANK", "SLURM_PROCID", "SLURM_NODEID",
                         "SKYPILOT_NODE_RANK", "MOHONA_RANK"):
                with self.subTest(rank=rank, name=name):
                    self.assertEqual(seen.get(name), str(rank))
        self.assertEqual(first["MASTER_PORT"], second["MASTER_PORT"])
        self.assertGreater(int(first["MASTER_PORT"]), 1023)

    def test_a_rank_that_fails_stops_the_others(self) -> None:
        job = self.plane.submit("kind: train\nnum_nodes: 2\nrun: |\n"
                                "  [ $RANK = 1 ] && { sleep 0.2; exit 5; }\n"
                                "  sleep 600 & sleep 600")
        self.assertEqual(self.plane.wait(job, "failed")["reason"], "exit code 5: rank 1 of 2")
        self.assertEqual(self.plane.workers(), [])

    def test_gangs_start_whole_or_not_at_all(self) -> None:
        both = "num_nodes: 2\nresources: {cpus: 8}\nrun: "
        first = self.plane.submit(both + "until test -e ../end; do sleep 0.05; done")
        self.plane.wait(first, "running")
        second = self.plane.submit(both + "'true'")
        self.assertEqual(self.plane.show(second)["state"], "pending")
        self.assertIn("has room for 0 of the 2 nodes",
                      self.plane.ask("explain", second)["pools"][0]["why"])
        (self.plane.job_directory(first) / "end").touch()
        self.plane.wait(second)

    def test_work_that_asks_for_no_gpu_sees_none(self) -> None:
        job = self.plane.submit("run: echo \"[$CUDA_VISIBLE_DEVICES]\"")
        self.plane.wait(job)
        self.assertEqual(self.plane.log(job), "[]\n")

    def test_a_variable_of_the_job_replaces_ours_whatever_reads_it(self) -> None:
        job = self.plane.submit("envs: {LANG: bn_BD, MASTER_PORT: 29500}\nrun: |\n"
                                "  #!/usr/bin/env python3\n"
                                "  import os\n"
                                "  print(os.environ['LANG'], os.environ['MASTER_PORT'])")
        self.plane.wait(job)
        self.assertEqual(self.plane.log(job), "bn_BD 29500\n")

    def test_a_script_that_falls_back_to_its_own_master_port_is_not_given_port_0(self) -> None:
        job = self.plane.submit("run: echo ${MASTER_PORT:-29500}")
        self.plane.wait(job)
        self.assertGreater(int(self.plane.log(job)), 0)


class Serve(PlaneTest):
    def serve(self, name: str, more: str = "") -> int:
        return self.plane.submit(f"name: {name}\n{PROBE}\n{more}\nrun: exec {SERVER}")

    def fetch(self, url: str) -> int:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status

    def test_a_service_runs_once_it_answers_and_show_says_where(self) -> None:
        job = self.serve("web")
        endpoints = self.plane.wait(job, "running")["endpoints"]
        self.assertEqual(len(endpoints), 1)
        self.assertEqual(self.fetch(endpoints[0]), 200)
        self.plane.ask("cancel", job)
        self.assertEqual(self.plane.wait(job, "cancelled")["endpoints"], [])

    def test_a_replica_that_is_killed_is_replaced(self) -> None:
        job = self.serve("killed")
        self.plane.wait(job, "running")
        attempt = f"MOHONA_ATTEMPT_DIRECTORY={self.plane.job_directory(job)}/attempts/0.1"
        replica, = [pid for pid in self.plane.workers()
                    if attempt in Path(f"/proc/{pid}/environ").read_text()]
        os.kill(replica, signal.SIGKILL)
        seen = until("a second replica answers", lambda: (
            (now := self.plane.show(job))["attempts"] == 2 and now["endpoints"] and now))
        self.assertEqual(self.fetch(seen["endpoints"][0]), 200)
        self.plane.ask("cancel", job)

    def test_a_service_survives_its_controller(self) -> None:
        job = self.serve("stays")
        endpoints = self.plane.wait(job, "running")["endpoints"]
        self.plane.kill()
        self.assertEqual(self.fetch(endpoints[0]), 200)
        self.plane.up()
        self.assertEqual(self.plane.show(job)["endpoints"], endpoints)
        self.assertEqual(self.plane.show(job)["attempts"], 1)
        self.plane.ask("cancel", job)

    def test_a_service_whose_replicas_never_get_ready_fails(self) -> None:
        job = self.plane.submit(f"{PROBE}\nretries: {{max: 0, backoff: 10ms}}\nrun: exit 4")
        reason = self.plane.wait(job, "failed")["reason"]
        self.assertIn("replicas in a row ended before they were ready", reason)
        self.assertIn("exit code 4", reason)

    def test_a_dependant_starts_when_the_service_answers_and_is_told_where(self) -> None:
        client = self.plane.submit(f"""
name: my-model
{PROBE}
run: sleep 0.5; exec {SERVER}
---
name: client
needs: my-model
run: |
  python3 - <<END
  import os, urllib.request
  print(urllib.request.urlopen("http://" + os.environ["MOHONA_ENDPOINT_MY_MODEL"]).status)
  END
""")
        self.plane.wait(client)
        self.assertEqual(self.plane.log(client), "200\n")
        self.plane.ask("cancel", "my-model")


class Needs(PlaneTest):
    def test_what_needs_a_failed_job_is_cancelled_and_says_why(self) -> None:
        last = self.plane.submit("""
name: breaks
run: exit 1
---
name: waits
needs: breaks
run: 'true'
---
name: waits-longer
needs: waits
run: 'true'
""")
        self.assertRegex(self.plane.wait(last, "cancelled")["reason"],
                         r"^it needs waits \(job \d+\), which was cancelled$")
        self.assertRegex(self.plane.show("waits")["reason"],
                         r"^it needs breaks \(job \d+\), which failed$")

    def test_a_need_that_is_nobody_is_refused(self) -> None:
        done = self.plane.mohona("submit", "-", stdin="needs: nobody\nrun: 'true'")
        self.assertEqual(done.returncode, 2)
        self.assertIn("needs 'nobody', but there is no job of that name", done.stderr)


class Files(PlaneTest):
    def test_setup_runs_once_a_job_whatever_the_shards_and_retries(self) -> None:
        job = self.plane.submit("""
shards: {count: 4}
retries: {max: 1, backoff: 50ms}
setup: echo x >> setups; sleep 0.2
run: test -s setups && test $MOHONA_RESTARTS = 1
""")
        self.plane.wait(job)
        self.assertEqual((self.plane.job_directory(job) / "workdir/setups").read_text(), "x\n")

    def test_a_setup_that_fails_fails_the_job(self) -> None:
        job = self.plane.submit("setup: exit 6\nrun: 'true'")
        self.assertEqual(self.plane.wait(job, "failed")["reason"], "exit code 6: setup failed")

    def test_the_workdir_is_copied_and_the_authors_own_stays_as_it_was(self) -> None:
        self.plane.write("project/data/in.txt", "in")
        self.plane.write("project/tool", "#!/bin/sh\necho tool", executable=True)
        job = self.plane.submit("workdir: project\nrun: |\n"
                                "  cat data/in.txt; ./tool; echo changed > data/in.txt")
        self.plane.wait(job)
        self.assertEqual(self.plane.log(job), "intool\n")
        self.assertEqual((self.plane.work / "project/data/in.txt").read_text(), "in")

    def test_file_mounts_stand_where_the_job_looks_for_them(self) -> None:
        self.plane.write("sets/a.txt", "a set")
        outside = self.plane.root / "mounted"
        job = self.plane.submit(f"""
file_mounts: {{data/sets: sets, {outside}: sets/a.txt}}
run: cat data/sets/a.txt {outside}
""")
        self.plane.wait(job)
        self.assertEqual(self.plane.log(job), "a seta set")


class Modes(PlaneTest):
    @classmethod
    def setUpClass(cls) -> None:
        cls.addClassCleanup(os.umask, os.umask(0))
        super().setUpClass()

    def test_what_mohona_writes_is_its_owners_alone(self) -> None:
        job = self.plane.submit("secrets: {T: x}\nsetup: 'true'\ncheckpoint: {path: c}\n"
                                "shards: {count: 2}\nrun: echo out")
        self.plane.wait(job)
        for path in [self.plane.home, *self.plane.home.rglob("*")]:
            if path.is_symlink():
                continue
            # 0700 also for the scripts that are started.
            expected = 0o700 if path.is_dir() or path.suffix == ".sh" or path.name == "srun" else 0o600
            with self.subTest(path=str(path.relative_to(self.plane.home))):
                self.assertEqual(oct(mode(path)), oct(expected))


class Secrets(PlaneTest):
    """A secret is in the job's environment, and nowhere else."""

    SECRET = "s3cr3t-" + base64.b32encode(os.urandom(20)).decode()

    def files_with_the_secret(self) -> list[str]:
        return [str(path.relative_to(self.plane.home)) for path in self.plane.home.rglob("*")
                if path.is_file() and self.SECRET.encode() in path.read_bytes()]

    def test_a_secret_is_in_the_jobs_environment_and_nowhere_else(self) -> None:
        self.plane.environment["TOKEN"] = self.SECRET
        job = self.plane.submit("secrets: {TOKEN: null}\nrun: |\n"
                                "  printenv TOKEN | md5sum > seen\n"
                                "  until test -e ../end; do sleep 0.05; done",
                                "--secret", "TOKEN")
        del self.plane.environment["TOKEN"]
        self.plane.wait_for_file(self.plane.job_directory(job) / "workdir/seen", "-")
        kept = self.files_with_the_secret()
        self.assertEqual([path for path in kept if not path.startswith("secrets/")], [])
        self.assertEqual(len(kept), 1)
        holders = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                self.assertNotIn(self.SECRET, Path(f"/proc/{pid}/cmdline").read_text())
                if self.SECRET in Path(f"/proc/{pid}/environ").read_text():
                    holders.append(int(pid))
            except (OSError, UnicodeDecodeError):
                continue
        self.assertLessEqual(set(holders), set(self.plane.workers()))
        for answer in (self.plane.show(job), self.plane.ask("explain", job)):
            self.assertNotIn(self.SECRET, str(answer))
        (self.plane.job_directory(job) / "end").touch()
        self.plane.wait(job)
        until("the secret is gone with the job", lambda: self.files_with_the_secret() == [])


if __name__ == "__main__":
    unittest.main()
