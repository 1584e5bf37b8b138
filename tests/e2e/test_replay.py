"""A recorded live run, given to the controller once more: the same decisions."""

import json
import unittest

from plane import PlaneTest, until

TWO_CLOUDS = """
pools:
  - {name: spot, cloud: aws, region: east, shape: {name: small, cpus: 2, memory: 4GB}, nodes: 1,
     purchase: spot, price: 0.10}
  - {name: firm, cloud: gcp, region: east, shape: {name: small, cpus: 2, memory: 4GB}, nodes: 2,
     price: 0.30}
"""

PIPELINE = """
name: pipeline
---
name: prepare
resources: {cpus: 1}
run: |
  for part in 1 2 3; do echo $part > $MOHONA_OUTPUT/$part.txt; done
---
name: count
kind: data
resources: {cpus: 1}
shards: {inputs: $MOHONA_INPUT_PREPARE/*.txt}
run: cat "$MOHONA_SHARD" > "$MOHONA_OUTPUT/$(basename $MOHONA_SHARD)"
---
name: train
kind: train
resources: {cpus: 2}
checkpoint: {path: state}
retries: {max: 2, backoff: 200ms}
run: |
  echo 1/4 > $MOHONA_PROGRESS
  if ! [ -e state/failed ]; then touch state/failed; exit 1; fi
  touch begun
  while ! [ -e go-on ]; do sleep 0.05; done
  echo 4/4 > $MOHONA_PROGRESS
"""


class Replay(PlaneTest):
    fleet = TWO_CLOUDS

    def replay(self) -> dict:
        done = self.plane.mohona("simulate", "--replay", str(self.plane.home), "--json")
        self.assertEqual(done.stderr, "")
        answer = json.loads(done.stdout)
        self.assertEqual(answer.get("difference"), None)
        self.assertEqual(done.returncode, 0)
        return answer

    def test_of_a_pipeline_with_a_retry_and_a_reclaim_every_decision_is_equal(self) -> None:
        train = self.plane.submit(PIPELINE)
        workdir = self.plane.job_directory(train) / "workdir"
        self.plane.wait_for_file(workdir / "begun")
        self.plane.ask("pools", "reclaim", "spot", "--notice", "2s")
        waits = self.plane.submit("{name: waits, resources: {cpus: 2}, num_nodes: 2, run: 'true'}")
        self.plane.ask("cancel", str(self.plane.submit("{name: never, run: sleep 60}")))
        self.plane.kill()  # the next controller adopts what runs
        self.plane.up()
        self.plane.ask("pools", "restore", "spot")
        until("the training runs", lambda: self.plane.show(train)["state"] == "running")
        (workdir / "go-on").touch()
        self.plane.wait(train)
        self.plane.wait(waits)
        answer = self.replay()
        self.assertGreaterEqual(answer["decisions"], 7)
        self.assertTrue(answer["same"])
        said = self.plane.mohona("simulate", "--replay", str(self.plane.home)).stdout
        self.assertRegex(said, r"^\d+ facts in \d+ turns: \d+ decisions, all equal\n$")

    def test_what_differs_is_said_in_words(self) -> None:
        journal = self.plane.write("journal.jsonl", "\n".join(json.dumps(fact) for fact in [
            {"controller_started": {"epoch": 1, "at": 1_000_000}},
            {"pool_defined": {"pool": {"name": "here", "nodes": 1, "cloud": "c",
                                       "shape": {"cpus_milli": 4000}}}},
            {"job_submitted": {"job": 1, "spec": {"name": "lost", "run": "true"}, "at": 2_000_000}},
        ]) + "\n")
        done = self.plane.mohona("simulate", "--replay", str(journal))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout,
                         "0 decisions are equal, then one differs,\n"
                         "at 1970-01-01T00:00:02.000000Z\n"
                         "  then: nothing more follows\n"
                         "  now:  attempt 1.0.1 (lost) is placed on here, nodes 0\n")
        done = self.plane.mohona("simulate", "--replay", "nowhere")
        self.assertEqual((done.returncode, done.stderr),
                         (2, "mohona: there is no journal nowhere\n"))


if __name__ == "__main__":
    unittest.main()
