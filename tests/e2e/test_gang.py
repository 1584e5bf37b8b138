"""Gangs: every rank knows the nodes that were granted, whatever the job file allowed."""

import unittest

from plane import Plane

ELASTIC = """
name: gang
min_nodes: 1
max_nodes: 3
resources: {cpus: 1}
run: echo "$MOHONA_RANK of $WORLD_SIZE, $SLURM_NNODES $SKYPILOT_NUM_NODES"
"""


def fleet(nodes: int, more: str) -> str:
    return f"pools: [{{name: l, cloud: ours, shape: {{cpus: 2}}, nodes: {nodes}, {more}}}]"


class Elastic(unittest.TestCase):
    def ranks_on(self, fleet_text: str) -> list[str]:
        """What the ranks of the elastic gang say on this fleet."""
        plane = Plane(fleet_text)
        self.addCleanup(plane.end)
        plane.up()
        job = plane.submit(ELASTIC)
        plane.wait(job)
        held = len(plane.attempts(job)[0]["nodes"])
        said = [plane.log(job, "--rank", rank).strip() for rank in range(held)]
        beyond = plane.mohona("logs", job, "--rank", held)
        self.assertIn(f"job 1 has {held} rank(s), from 0", beyond.stderr)
        plane.kill()  # its next start reads the same facts
        plane.up()
        self.assertEqual(plane.show(job)["state"], "succeeded")
        return said

    def test_it_runs_on_as_many_nodes_as_it_was_granted(self) -> None:
        # A machine of two cores that may be shared has room for two members.
        for nodes, more, granted in (
                (1, "share_nodes: false", 1), (2, "share_nodes: false", 2),
                (3, "share_nodes: false", 3), (1, "share_nodes: true", 2),
                (2, "share_nodes: true", 3)):
            with self.subTest(nodes=nodes, more=more):
                said = self.ranks_on(fleet(nodes, more))
                size = len(said)
                self.assertEqual(size, granted)
                self.assertEqual(said, [f"{rank} of {size}, {size} {size}" for rank in range(size)])


if __name__ == "__main__":
    unittest.main()
