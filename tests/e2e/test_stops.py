"""Every way of being stopped, for every shape of processes that work comes in.

The table at the end of the section "Stops" of docs/jobs.md is this test's: `expected` is what it
says, and each cell is tried. What is tried: whether the process that does the work (the worker) is
told, whether it may finish what it does then, and that nothing is left of it.
"""

import itertools
import json
import os
import subprocess
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

import slurm
from plane import Plane, until

FULL = os.environ.get("MOHONA_FULL") == "1"

GRACE = 5  # seconds, in every cell
LIMIT = 25  # of an attempt: under it all workers of the test must have got ready

# Notes what happens to it. `in time`: it saves, within the grace. `late`: it would take longer.
WORKER = r"""
case $MODE in
  in_time) trap 'note told; kill $! 2> /dev/null; sleep 0.5; note saved; exit 0' $SIG;;
  late) trap 'note told; kill $! 2> /dev/null; sleep 300; note saved' $SIG;;
  ignores) trap '' $SIG;;
esac
note ready
while :; do sleep 300 & wait $!; done
"""
NOTE = r"""note() { echo "$1 $(date +%s.%N)" >> "$NOTES"; }
"""

# How the script of a job comes to its worker. W is the worker's command.
SHAPES = {
    "shell child": "$W\necho left",
    "exec": "exec $W",
    "trap": ". $WORKER",
    "background child": "$W &\nwait",
    "double fork": "( $W & )\nsleep 300 & wait",
    "setsid": "setsid $W &\nsleep 300 & wait",
    "stopped": "READY=no $W & pid=$!\nuntil [ -s $NOTES.started ]; do sleep 0.05; done\n"
               "kill -STOP $pid; note ready; wait",
    "PID namespace": "unshare --pid --fork $W\necho left",
}
STOPS = ("cancel", "reclaim", "max_duration", "preemption", "rank failure", "signal", "B:signal")
MODES = ("in_time", "late", "ignores")


@dataclass
class Cell:
    shape: str
    stop: str
    mode: str
    job: int = 0
    notes: Path = Path()

    def __str__(self) -> str:
        return f"{self.shape}, {self.stop}, {self.mode}"

    def told(self) -> bool:
        """With B: only the shell is: where that is the worker, the worker is."""
        return self.stop != "B:signal" or self.shape in ("exec", "trap")

    def saves(self) -> bool:
        return self.told() and self.mode == "in_time"

    def script(self) -> str:
        number = "USR1" if "signal" in self.stop else "TERM"
        lines = [f"export SIG={number} MODE={self.mode} NOTES={self.notes} WORKER={self.notes}.sh",
                 'W="bash $WORKER"', NOTE.strip(),
                 '[ "${MOHONA_ATTEMPT##*.}" = 1 ] || exit 0  # what comes after its stop']
        if self.stop == "rank failure":
            lines.append('[ $RANK = 0 ] && { until grep -qs ready $NOTES; do sleep 0.1; done; '
                         'note stop; exit 9; }')
        shape = SHAPES[self.shape]
        if self.stop == "signal":  # the steps are what it is for
            self.notes.with_suffix(".step").write_text("\n".join([*lines, shape, ""]))
            shape = f"srun -n1 bash {self.notes.with_suffix('.step')}\necho \"step left with $?\""
        return "\n".join([*lines, shape, ""])

    def worker(self) -> str:
        ready = WORKER.replace("note ready", '[ "$READY" = no ] && echo > $NOTES.started || note ready')
        return NOTE + ready

    def said(self) -> dict[str, float]:
        """What happened to the worker, and when first."""
        said: dict[str, float] = {}
        for word, at in self.lines():
            said.setdefault(word, at)
        return said

    def lines(self) -> list[tuple[str, float]]:
        try:
            words = [line.split() for line in self.notes.read_text().splitlines()]
        except FileNotFoundError:
            return []
        return [(word[0], float(word[1])) for word in words]


class Matrix:
    """The cells of one plane."""

    def __init__(self, plane: Plane, where: dict[str, str], cells: list[Cell]):
        self.plane, self.where, self.cells = plane, where, cells

    def submit(self) -> None:
        for index, cell in enumerate(self.cells):
            cell.notes = self.plane.work / f"cell{index}"
            cell.notes.unlink(missing_ok=True)
            Path(f"{cell.notes}.sh").write_text(cell.worker())
            text = cell.script()
            if "signal" in cell.stop:
                to = "B:" if cell.stop == "B:signal" else ""
                file = self.plane.write(f"cell{index}.sbatch",
                                        "#!/bin/bash\n#SBATCH "
                                        f"--time=0:{LIMIT} --signal={to}USR1@{GRACE} "
                                        f"--partition={self.where['batch']}\n{text}")
            else:
                file = self.plane.write(f"cell{index}.yaml", self.job(cell, index, text))
            cell.job = self.plane.ask("submit", file)["jobs"][-1]["id"]

    def job(self, cell: Cell, index: int, text: str) -> str:
        spec = {"name": f"cell{index}", "run": text,
                "resources": {"cpus": self.where["cpus"], "cloud": self.where.get(cell.stop, self.where["any"])},
                "checkpoint": {"path": str(self.plane.work), "grace": f"{GRACE}s"}}
        if cell.stop == "reclaim":
            spec["resources"]["use_spot"] = True
        if cell.stop == "max_duration":
            spec["max_duration"] = f"{LIMIT}s"
        if cell.stop == "preemption":
            spec["resources"]["cpus"] = 1
        if cell.stop == "rank failure":
            spec["num_nodes"] = 2
            del spec["checkpoint"]
        return json.dumps(spec)

    def stop(self) -> None:
        """All of them, each its way; limits and failures come by themselves."""
        mine = [cell for cell in self.cells if cell.stop in ("cancel", "reclaim", "preemption")]
        until("their workers are ready", lambda: all("ready" in c.said() for c in mine), 90)
        for cell in mine:
            if cell.stop == "cancel":
                self.plane.ask("cancel", cell.job)
        if any(cell.stop == "reclaim" for cell in mine):
            self.plane.ask("pools", "reclaim", "spot", "--notice", "60s")
        victims = sum(cell.stop == "preemption" for cell in mine)
        if victims:
            self.plane.submit(f"name: needs-all\nnum_nodes: {victims}\npriority: 100\n"
                              f"resources: {{cpus: 1, cloud: {self.where['preemption']}}}\n"
                              "run: sleep 1")

    def attempt(self, cell: Cell) -> dict:
        return self.plane.attempts(cell.job)[0]

    def wait(self) -> None:
        until("all first attempts have ended",
              lambda: all(self.attempt(cell)["ended_at"] for cell in self.cells), 120)

    def wrong(self) -> list[str]:
        return [f"{cell}: {why}" for cell in self.cells for why in [self.look_at(cell)] if why]

    def look_at(self, cell: Cell) -> str:
        """What is not as the table says; empty: nothing."""
        said = cell.said()
        attempt = self.attempt(cell)
        about = f"said {sorted(said)}, {attempt}"
        if "ready" not in said:
            return "the worker never got ready: " + about
        should_be_told = cell.told() and cell.mode != "ignores"
        if ("told" in said) != should_be_told:
            return "told against the table: " + about
        if ("saved" in said) != cell.saves():
            return "saved against the table: " + about
        ended = seconds(attempt["ended_at"])  # in whole seconds
        grace = 10 if cell.stop == "rank failure" else GRACE
        # Slurm sends TERM once more with its KILL.
        told = [at for word, at in cell.lines() if word == "told" and at < ended - 1.5]
        if len(told) > 1:
            return "it was told more than once: " + about
        if cell.saves() and ended - said["saved"] > 3:
            return f"{ended - said['saved']:.1f} s passed after it had saved: " + about
        if "told" in said and not cell.saves() and not -1.5 < ended - said["told"] - grace < 4:
            return f"it had {ended - said['told']:.1f} s, not {grace}: " + about
        if cell.stop in ("signal", "B:signal") and cell.stop == "signal" and cell.saves():
            if "step left with" not in self.plane.log(cell.job, "--attempt", 1):
                return "the shell did not go on after its step: " + self.plane.log(cell.job)
        return ""


def seconds(text: str) -> float:
    done = subprocess.run(["date", "-d", text, "+%s.%N"], capture_output=True, text=True)
    return float(done.stdout)


class Stops(unittest.TestCase):
    def check(self, plane: Plane, where: dict[str, str], cells: list[Cell]) -> None:
        matrix = Matrix(plane, where, cells)
        matrix.submit()
        matrix.stop()
        matrix.wait()
        for cell in cells:
            plane.mohona("cancel", cell.job)
        until("no process is left", lambda: not plane.workers(), 30)
        wrong = matrix.wrong()
        self.assertEqual(wrong, [], "\n".join(["", *wrong]))


FLEET = """
scheduling: {{preemption: lower_priority, min_run: 0s}}
pools:
- {{name: room, cloud: room, shape: {{cpus: 128, memory: 64GB}}, nodes: 2, share_nodes: true,
   price: 0.01}}
- {{name: spot, cloud: spot, shape: {{cpus: 64, memory: 64GB}}, nodes: 1, share_nodes: true,
   purchase: spot, price: 0.01}}
- {{name: lent, cloud: lent, shape: {{cpus: 1, memory: 1GB}}, nodes: {victims}, price: 10}}
"""


class Local(Stops):
    def test_every_cell(self) -> None:
        shapes = [s for s in SHAPES if s != "PID namespace" or os.getuid() == 0]
        cells = [Cell(*cell) for cell in itertools.product(shapes, STOPS, MODES)]
        victims = sum(cell.stop == "preemption" for cell in cells)
        plane = Plane(FLEET.format(victims=victims))
        self.addCleanup(plane.end)
        plane.up()
        self.check(plane, {"any": "room", "reclaim": "spot", "preemption": "lent",
                           "batch": "room", "cpus": "0.1+"}, cells)


AT_ONCE = 36  # cells: the cluster has 64 cores, and gangs take two

SLURM_FLEET = """
pools:
- {{name: lab, cloud: hall, region: here, price: 2.5, slurm: {{partition: batch, conf: {conf}}}}}
"""


@unittest.skipUnless(slurm.there(), "Slurm is not installed")
class OnSlurm(Stops):
    """Real Slurm: a few cells, and all that Slurm pools know with MOHONA_FULL=1.

    Of a batch script's --signal only what srun itself runs is asked for: what a task leaves behind
    ends with the task there.
    """

    def test_cells(self) -> None:
        cluster = slurm.Cluster(Path(tempfile.mkdtemp(prefix="mohona-slurm-")))
        self.addCleanup(cluster.stop)
        cluster.create()
        cluster.start()
        plane = Plane(SLURM_FLEET.format(conf=cluster.conf))
        self.addCleanup(plane.end)
        plane.up()
        stops = ("cancel", "max_duration", "rank failure", "signal", "B:signal")
        every = [Cell(*cell) for cell in itertools.product(SHAPES, stops, MODES)]
        cells = [cell for cell in every if self.is_asked_for(cell)]
        where = {"any": "hall", "batch": "lab", "cpus": "1"}
        for some in (cells[i:i + AT_ONCE] for i in range(0, len(cells), AT_ONCE)):
            self.check(plane, where, some)

    @staticmethod
    def is_asked_for(cell: Cell) -> bool:
        if cell.stop == "signal" and cell.shape not in ("exec", "trap"):
            return False
        if cell.shape == "PID namespace" and os.getuid() != 0:
            return False
        return FULL or (cell.shape in ("shell child", "exec", "setsid") and cell.mode != "late")


if __name__ == "__main__":
    unittest.main()
