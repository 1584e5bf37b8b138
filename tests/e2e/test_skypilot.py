"""The files of tests/skypilot, unchanged, on a fleet that has what they ask for."""

import socket
import sys
import unittest
import urllib.request
from pathlib import Path

from plane import Plane

EXAMPLES = Path(__file__).resolve().parents[1] / "skypilot"

# What torchrun is to a script: checks its arguments and starts the processes of this node, which
# meet at the master before they run. Their output is buffered: what one writes stays together.
TORCHRUN = f"""#!{sys.executable}
import argparse, os, socket, subprocess, sys, time
p = argparse.ArgumentParser()
for name in ("nnodes", "nproc_per_node", "node_rank", "master_port"):
    p.add_argument("--" + name, type=int, required=True)
p.add_argument("--master_addr", required=True)
p.add_argument("script")
a = p.parse_args()
world, first = a.nnodes * a.nproc_per_node, a.node_rank * a.nproc_per_node
assert 0 <= a.node_rank < a.nnodes

if a.node_rank == 0:  # everyone is told to go when everyone is here
    with socket.create_server((a.master_addr, a.master_port)) as door:
        door.settimeout(20)
        others = [door.accept()[0] for _ in range(a.nnodes - 1)]
        for other in others:
            other.sendall(b"go")
else:
    until = time.time() + 20
    while True:
        try:
            master = socket.create_connection((a.master_addr, a.master_port), timeout=20)
            break
        except ConnectionRefusedError:
            assert time.time() < until
            time.sleep(0.05)
    assert master.recv(2) == b"go"

ranks = [subprocess.Popen([sys.executable, a.script], env=dict(
         os.environ, RANK=str(first + i), LOCAL_RANK=str(i), WORLD_SIZE=str(world), LOCAL_WORLD_SIZE=str(a.nproc_per_node),
         MASTER_ADDR=a.master_addr, MASTER_PORT=str(a.master_port)))
         for i in range(a.nproc_per_node)]
sys.exit(max(rank.wait() for rank in ranks))
"""

# A training that goes on until it is told to end.
TRAINS = """#!/bin/sh
echo "$MOHONA_POOL $*" >> "$MOHONA_OUTPUT/starts"
until test -e "$MOHONA_OUTPUT/end"; do sleep 0.05; done
"""


def in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class SkyPilot(unittest.TestCase):
    def plane(self, fleet: str, programs: dict[str, str] = {}) -> Plane:
        plane = Plane(fleet)
        self.addCleanup(plane.end)
        for name, text in programs.items():
            plane.write(f"bin/{name}", text, executable=True)
        plane.environment["PATH"] = f"{plane.work}/bin:" + plane.environment["PATH"]
        return plane.up()

    def submit(self, plane: Plane, example: str) -> int:
        return plane.ask("submit", EXAMPLES / example)["jobs"][0]["id"]

    def test_a_task_is_set_up_and_runs_in_a_copy_of_its_workdir(self) -> None:
        plane = self.plane("""
pools:
  - {name: elsewhere, cloud: gcp, region: us-east-1, shape: {cpus: 8, memory: 8GB}, nodes: 1}
  - {name: aws, cloud: aws, region: us-east-1, shape: {cpus: 2, memory: 1GB}, nodes: 1, price: 9}
""")
        job = self.submit(plane, "task.yaml")
        self.assertEqual(plane.wait(job)["pool"], "aws")
        self.assertRegex(plane.log(job), r"^Python 3[.\d]+\nrank 0 of 1\n"
                                         r"epochs 3 greeting hello, fleet\n$")
        self.assertFalse((EXAMPLES / "project/python-version.txt").exists())

    @unittest.skipIf(in_use(8008), "port 8008 is taken on this machine")
    def test_torchrun_meets_over_two_nodes_and_every_process_has_its_rank(self) -> None:
        plane = self.plane("""
pools:
  - {name: small, cloud: gcp, nodes: 2, price: 1, shape: {cpus: 8, accelerators: A100:8}}
  - {name: gpus, cloud: aws, nodes: 2, price: 98, shape: {cpus: 192, accelerators: H100:8}}
""", {"torchrun": TORCHRUN})
        job = self.submit(plane, "torchrun.yaml")
        self.assertEqual(plane.wait(job)["pool"], "gpus")
        for node in (0, 1):
            lines = plane.log(job, "--rank", node).splitlines()
            self.assertEqual(lines[0], f"rank {node} of 2 meets at 127.0.0.1")
            self.assertEqual(sorted(line for line in lines if line.endswith(" of 16")),
                             sorted(f"rank {8 * node + i} of 16" for i in range(8)))

    def test_spot_work_goes_where_it_is_cheapest_and_moves_on_when_that_is_taken(self) -> None:
        plane = self.plane("""
pools:
  - {name: firm, cloud: azure, nodes: 1, price: 0.80, shape: {cpus: 8, accelerators: L4:1}}
  - {name: gcp, cloud: gcp, nodes: 1, price: 1.20, purchase: spot,
     shape: {cpus: 8, accelerators: A100:1}}
  - {name: wrong-region, cloud: aws, region: us-west-2, nodes: 1, price: 0.01, purchase: spot,
     shape: {cpus: 8, accelerators: H100:1}}
  - {name: aws, cloud: aws, region: us-east-1, nodes: 1, price: 0.50, purchase: spot,
     shape: {cpus: 8, accelerators: H100:1}}
""", {"python3": TRAINS})
        job = self.submit(plane, "spot.yaml")
        starts = plane.output(job) / "starts"
        arguments = "train.py --resume-from /checkpoints\n"
        plane.wait_for_file(starts, f"aws {arguments}")
        plane.ask("pools", "reclaim", "aws", "--notice", "5s")
        plane.wait_for_file(starts, f"firm {arguments}")
        self.assertEqual(plane.show(job)["pools"], ["aws", "firm"])
        (plane.output(job) / "end").touch()
        plane.wait(job)

    @unittest.skipIf(in_use(8080), "port 8080 is taken on this machine")
    def test_the_service_answers_at_its_port(self) -> None:
        # Room for one of its replicas: on one machine both would want the port.
        plane = self.plane("""
pools:
  - {name: one, cloud: aws, shape: {cpus: 1}, nodes: 1}
""")
        job = self.submit(plane, "service.yaml")
        self.assertEqual(plane.wait(job, "running")["endpoints"], ["http://127.0.0.1:8080"])
        with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=5) as response:
            self.assertEqual(response.status, 200)
        self.assertEqual(plane.show(job)["progress"]["total"], 2)

    def test_each_task_of_an_array_sees_its_index_and_writes_its_own_file(self) -> None:
        plane = self.plane("""
pools:
  - {name: batch, cloud: aws, shape: {cpus: 16, memory: 16GB}, nodes: 1, share_nodes: true}
""")
        job = self.submit(plane, "array.sbatch")
        plane.wait(job)
        for index in (0, 2, 4, 6):
            text = (plane.work / f"array-{job}_{index}.out").read_text()
            self.assertEqual(text, f"chunk {index} of job {job}\n{socket.gethostname()}\n")
        self.assertEqual(len(list(plane.work.glob("array-*"))), 4)


if __name__ == "__main__":
    unittest.main()
