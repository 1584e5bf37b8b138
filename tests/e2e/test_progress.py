"""What running work says of how far it is, and where it shows."""

import re
import unittest

from plane import PlaneTest, until

ONE_NODE = """
pools:
  - {name: here, cloud: local, region: here, shape: {name: machine, cpus: 4, memory: 8GB},
     nodes: 1, purchase: reserved}
"""


class Progress(PlaneTest):
    fleet = ONE_NODE

    def wait_for_steps(self, job: int, done: int) -> dict:
        def look() -> dict | None:
            steps = self.plane.show(job)["steps"]
            return steps if steps and steps["done"] >= done else None

        return until(f"job {job} has done {done} steps: {self.plane.show(job)}", look)

    def line_of(self, name: str) -> str:
        lines = self.plane.mohona("ls").stdout.splitlines()
        return next(line for line in lines if f" {name} " in line)

    def test_steps_and_metrics_show_in_ls_and_show_and_say_when_it_ends(self) -> None:
        job = self.plane.submit("""
name: steps
resources: {cpus: 1}
run: |
  echo 10/100 > $MOHONA_PROGRESS
  sleep 2
  echo "20/100 loss=2.31 rate=5" > $MOHONA_PROGRESS
  while ! [ -e go-on ]; do sleep 0.1; done
  echo 100/100 > $MOHONA_PROGRESS
""")
        first = self.wait_for_steps(job, 10)  # at once, although the next is only due later
        self.assertEqual((first["done"], first["total"], first["percent"]), (10, 100, 10))
        self.assertEqual((first["ends_at"], first["metrics"]), (None, {}))
        steps = self.wait_for_steps(job, 20)
        self.assertEqual(steps["metrics"], {"loss": "2.31", "rate": "5"})
        # Ten steps took two seconds: the other eighty take sixteen.
        self.assertAlmostEqual(steps["left_seconds"], 16, delta=8)
        self.assertRegex(self.line_of("steps"), r"running .* \[##\.{8}\] 20 %, \d+(\.\d)?s left ")
        shown = self.plane.mohona("show", str(job)).stdout
        self.assertRegex(shown, r"steps +20/100, 20 %, \S+ left, loss=2.31, rate=5\n")
        self.assertRegex(shown, rf"{job}\.0\.1 .* 20/100")
        said = self.plane.mohona("explain", str(job)).stdout
        self.assertIn("; 20 of 100 steps are done, all of them probably about 20", said)
        (self.plane.job_directory(job) / "workdir/go-on").touch()
        end = self.plane.wait(job)  # the last word counts, however soon the work ends after it
        self.assertEqual((end["steps"]["done"], end["steps"]["left_seconds"]), (100, None))
        self.assertIn("100 %", self.line_of("steps"))
        self.assertTrue(self.plane.says_same())

    def test_lines_of_progress_bars_are_taken_where_the_file_asks_for_it(self) -> None:
        bars = r"""
name: NAME
resources: {cpus: 1}
run: |
  printf '\r 10%%|#         | 1/10 [00:01<00:09, 1.00it/s]' >&2
  printf '\r 20%%|##        | 2/10 [00:02<00:08, 1.00it/s, loss=0.5]' >&2
  while ! [ -e go-on ]; do sleep 0.1; done
  printf '\r100%%|##########| 10/10 [00:10<00:00, 1.00it/s]\n' >&2
"""
        asks = self.plane.submit(bars.replace("NAME", "asks") + "progress: {log: true}\n")
        does_not = self.plane.submit(bars.replace("NAME", "does-not"))
        steps = self.wait_for_steps(asks, 2)
        self.assertEqual((steps["total"], steps["metrics"]), (10, {"loss": "0.5"}))
        for job in (asks, does_not):
            (self.plane.job_directory(job) / "workdir/go-on").touch()
        self.assertEqual(self.plane.wait(asks)["steps"]["done"], 10)
        self.assertIsNone(self.plane.wait(does_not)["steps"])

    def test_the_next_attempt_begins_where_the_work_says(self) -> None:
        job = self.plane.submit("""
name: again
resources: {cpus: 1}
retries: {max: 1, backoff: 100ms}
progress: 50
run: |
  test $MOHONA_RESTARTS = 1 && { echo 30 > $MOHONA_PROGRESS; exit 0; }
  echo 40 > $MOHONA_PROGRESS
  exit 1
""")
        seen = self.plane.wait(job)
        self.assertEqual([(a["steps"]["done"], a["steps"]["total"]) for a in seen["attempt_list"]],
                         [(40, 50), (30, 50)])
        self.assertEqual(seen["steps"]["percent"], 60)

    def test_what_is_no_progress_is_ignored_and_complained_of_once(self) -> None:
        job = self.plane.submit("""
name: garbage
resources: {cpus: 1}
run: |
  for i in 1 2 3; do echo "nearly done $i" > $MOHONA_PROGRESS; sleep 1.1; done
  rm $MOHONA_PROGRESS; mkfifo $MOHONA_PROGRESS; sleep 1.1
""")
        self.assertIsNone(self.plane.wait(job)["steps"])
        said = (self.plane.home / "supervisors.log").read_text()
        self.assertEqual(len(re.findall(rf"attempt {job}\.0\.1: 'nearly done", said)), 1, said)

    def test_who_follows_without_a_terminal_reads_tenths(self) -> None:
        done = self.plane.mohona("run", "-", stdin="""
name: followed
resources: {cpus: 1}
run: echo 42/100 > $MOHONA_PROGRESS; sleep 2
""")
        self.assertIn("followed  running on here (40 %)\n", done.stdout)
        self.assertNotIn("\033", done.stdout)


if __name__ == "__main__":
    unittest.main()
