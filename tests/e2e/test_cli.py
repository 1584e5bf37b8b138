"""The command line as strangers use it: what they probably meant, why nothing happens, and nothing that
jobs write steers their terminal. The files are those of tests/strangers."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from plane import BINARY, FLEET, Plane, PlaneTest, until

STRANGERS = Path(__file__).resolve().parents[1] / "strangers"

FLEET_WITH_GPUS = FLEET + """\
  - {name: a100s, cloud: aws, shape: {cpus: 8, accelerators: A100:8}, nodes: 1, price: 2}
  - {name: h100s, cloud: aws, shape: {cpus: 8, accelerators: H100:8}, nodes: 1, price: 3}
  - {name: cluster, cloud: k8s, region: team, shape: {cpus: 2}, nodes: 1, price: 1}
"""


def on_a_terminal(plane: Plane, *arguments: object, seconds: float = 20) -> str:
    """What a command writes to a terminal of its own."""
    master, slave = pty.openpty()
    environment = dict(plane.environment, TERM="xterm")
    process = subprocess.Popen([str(BINARY), *map(str, arguments)], stdout=slave, stderr=slave,
                               stdin=subprocess.DEVNULL, cwd=plane.work, env=environment)
    os.close(slave)
    said = b""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        ready, _, _ = select.select([master], [], [], 0.1)
        if ready:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            said += piece
    process.wait(timeout=5)
    os.close(master)
    return said.decode(errors="replace")


class Mistakes(unittest.TestCase):
    """Commands that need no controller."""

    def setUp(self) -> None:
        self.plane = Plane()
        self.addCleanup(shutil.rmtree, self.plane.root, True)

    def said(self, *arguments: object) -> str:
        done = self.plane.mohona(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
        return done.stderr

    def test_an_unknown_command_names_the_one_that_was_meant(self) -> None:
        for said, meant in {"sumbit": "submit", "status": "ls", "ps": "ls", "queue": "ls",
                            "list": "ls", "squeue": "ls", "kill": "cancel", "log": "logs",
                            "describe": "show", "sbatch": "submit", "Run": "run"}.items():
            self.assertEqual(self.said(said, "job.yaml"),
                             f"mohona: there is no command '{said}'; did you mean '{meant}'?\n")
        self.assertEqual(self.said("pools", "recaim", "x"),
                         "mohona: there is no command 'recaim'; did you mean 'reclaim'?\n")
        self.assertEqual(self.said("frobnicate"),
                         "mohona: there is no command 'frobnicate'; see: mohona --help\n")
        self.assertEqual(self.said(), "mohona: a command is missing; see: mohona --help\n")

    def test_an_unknown_option_names_the_one_that_was_meant(self) -> None:
        self.assertEqual(self.said("ls", "--stat", "running"),
                         "mohona: there is no option '--stat'; did you mean '--state'?\n")
        self.assertEqual(self.said("submit", "job.yaml", "--envs", "A=1"),
                         "mohona: there is no option '--envs'; did you mean '--env'?\n")
        self.assertEqual(self.said("ls", "--zzz=1"),
                         "mohona: there is no option '--zzz'; see: mohona ls --help\n")
        self.assertEqual(self.said("run", "job.yaml", "extra"),
                         "mohona: 'extra' is one word too many; expected: mohona run FILE\n")

    def test_a_missing_word_is_told_with_its_command(self) -> None:
        self.assertEqual(self.said("logs"), "mohona: JOB is required; see: mohona logs --help\n")
        self.assertEqual(self.said("pools", "reclaim"),
                         "mohona: POOL is required; see: mohona pools reclaim --help\n")

    def test_help_and_version_are_no_mistakes(self) -> None:
        for word in ("--help", "--version"):
            self.assertEqual(self.plane.mohona(word).returncode, 0)
        self.assertEqual(self.plane.mohona("run", "--help").returncode, 0)

    def test_what_is_not_utf8_is_told_by_its_name(self) -> None:
        for option in ("--env", "--secret"):
            done = subprocess.run([BINARY, "submit", STRANGERS / "a-variable-that-is-not-utf8/job.yaml",
                                   option, b"NAME=\xff"], capture_output=True,
                                  env=self.plane.environment)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"'NAME' is not UTF-8\n", done.stderr)
        path = os.fsencode(self.plane.work) + b"/\xff.yaml"
        Path(os.fsdecode(path)).write_text("run: true\n")
        done = subprocess.run([BINARY, "submit", path], capture_output=True,
                              env=self.plane.environment)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b".yaml' is not UTF-8\n", done.stderr)

    def test_a_path_that_is_right_from_where_one_stands_is_told(self) -> None:
        shutil.copytree(STRANGERS / "paths-from-where-one-stands/examples",
                        self.plane.work / "examples")
        said = self.said("submit", "examples/web/task.yaml")
        self.assertIn("paths start at the file's directory", said)
        self.assertIn("for that, write .\n", said)

    def test_what_a_file_quotes_does_not_steer_the_terminal(self) -> None:
        said = self.said("submit", self.plane.write("\x1b[31mred.yaml", "nmae: a\u009b2J\u202eb\n"))
        self.assertNotRegex(said, "[\x1b\u009b\u202e]")
        self.assertIn("did you mean 'name'?", said)

    def test_a_secret_may_come_from_a_file_a_pipe_or_standard_input(self) -> None:
        job = self.plane.write("job.yaml", "secrets: {KEY: }\nrun: x\n")
        no_file = self.said("submit", job, "--secret", "KEY=@nowhere")
        self.assertEqual(no_file, "mohona: --secret KEY: cannot read nowhere\n")
        twice = self.said("submit", job, "--secret", "A=-", "--secret", "B=-")
        self.assertEqual(twice, "mohona: --secret B=-: standard input is read already\n")
        self.plane.write("large", "x" * 70_000)
        self.assertIn("holds more than 65536 bytes", self.said("submit", job, "--secret", "KEY=@large"))
        self.assertIn("it has no value here", self.said("submit", job, "--secret", "NO_SUCH_KEY"))

    def test_a_file_without_an_end_is_refused(self) -> None:
        self.assertIn("expected at most", self.said("submit", "/dev/zero"))
        with open("/dev/zero", "rb") as zero:
            done = subprocess.run([BINARY, "submit", "-"], stdin=zero, capture_output=True, timeout=60,
                                  env=self.plane.environment)
        self.assertEqual(done.returncode, 2)


class FirstRuns(unittest.TestCase):
    def test_several_first_runs_at_once_share_one_control_plane(self) -> None:
        plane = Plane()
        self.addCleanup(plane.end)
        job = STRANGERS / "two-first-runs-at-once/job.yaml"
        runs = [subprocess.Popen([BINARY, "run", job], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.STDOUT, env=plane.environment)
                for _ in range(5)]
        said = [run.communicate(timeout=60)[0] for run in runs]
        self.assertEqual([run.returncode for run in runs], [0] * 5, said)
        self.assertEqual(sum("started a control plane" in text for text in said), 1, said)
        self.assertEqual(len(plane.ask("ls")["jobs"]), 5)

    def test_a_controller_that_cannot_start_says_why(self) -> None:
        plane = Plane()
        self.addCleanup(shutil.rmtree, plane.root, True)
        plane.home.mkdir()
        (plane.home / "fleet.yaml").write_text("pools: 3\n")
        done = plane.mohona("run", STRANGERS / "two-first-runs-at-once/job.yaml")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the controller did not start", done.stderr)


class Jobs(PlaneTest):
    fleet = FLEET_WITH_GPUS

    def test_run_follows_what_a_single_job_writes(self) -> None:
        done = self.plane.mohona("run", STRANGERS / "run-shows-what-the-work-says/job.yaml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("\nloading\n", done.stdout)
        self.assertIn("ModuleNotFoundError", done.stdout)
        self.assertIn("fails  failed on here: exit code 1\n", done.stdout)
        self.assertLess(done.stdout.index("ModuleNotFoundError"), done.stdout.index("exit code 1"))

    def test_run_writes_a_log_while_it_grows(self) -> None:
        job = self.plane.write("grows.yaml",
                               "run: echo one; until test -e \"$MOHONA_OUTPUT/go\"; do sleep 0.05; "
                               "done; printf two\n")
        with subprocess.Popen([BINARY, "run", job], stdout=subprocess.PIPE, text=True,
                              env=self.plane.environment) as run:
            lines = iter(run.stdout.readline, "")
            self.assertIn("one\n", lines)
            number = self.plane.ask("ls", "--name", "grows")["jobs"][0]["id"]
            (self.plane.output(number) / "go").touch()
            rest = list(lines)
        self.assertIn("two\n", rest)  # the line about the end begins a line of its own
        self.assertIn("grows  succeeded on here\n", rest)

    def test_run_of_several_jobs_shows_states_alone(self) -> None:
        job = self.plane.write("both.yaml", "name: a\nrun: echo said\n---\nname: b\nrun: echo said\n")
        done = self.plane.mohona("run", job)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("said", done.stdout)

    def test_what_can_never_start_is_told_at_once(self) -> None:
        job = self.plane.submit((STRANGERS / "run-of-what-can-never-fit/job.yaml").read_text())
        self.addCleanup(self.plane.mohona, "cancel", job)
        needs = self.plane.submit(f"name: after\nneeds: {job}\nrun: 'true'\n")
        self.addCleanup(self.plane.mohona, "cancel", needs)
        for command in (["wait", job], ["logs", job, "-f"], ["wait", needs], ["logs", needs, "-f"],
                        ["run", STRANGERS / "run-of-what-can-never-fit/job.yaml"]):
            with subprocess.Popen([BINARY, *map(str, command)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True,
                                  env=self.plane.environment) as waits:
                began = time.monotonic()
                said = waits.stderr.readline() + waits.stderr.readline()
                self.assertLess(time.monotonic() - began, 5)
                waits.kill()
            self.assertRegex(said, r"never \(job \d+\) waits for room: .*8 b300.*; no pool of the "
                                   r"fleet could hold it, even empty\n  more: mohona explain \d+\n")
        for row in self.plane.ask("ls", "--name", "never")["jobs"]:
            self.plane.mohona("cancel", row["id"])

    def test_what_waits_for_room_is_told_after_a_while(self) -> None:
        text = "resources: {accelerators: H100:8}\nrun: sleep 60\n"
        first = self.plane.submit(text)
        self.plane.wait(first, "running")
        job = self.plane.submit(text)
        with subprocess.Popen([BINARY, "wait", str(job)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, env=self.plane.environment) as waits:
            said = waits.stderr.readline()
            waits.kill()
        self.assertIn("waits for room", said)
        self.assertNotIn("even empty", said)
        self.plane.mohona("cancel", first, job)

    def test_an_attempt_that_never_was_is_an_error(self) -> None:
        job = self.plane.submit((STRANGERS / "logs-of-an-attempt-that-never-was/job.yaml").read_text())
        self.plane.wait(job)
        for attempt in (0, 2, 9):
            done = self.plane.mohona("logs", job, "--attempt", attempt)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (2, "", f"mohona: job {job} has 1 attempt, from 1\n"))
        self.assertEqual(self.plane.mohona("logs", job, "--attempt", 1).stdout, "once\n")
        self.assertEqual(self.plane.mohona("logs", job, "--attempt", "").stdout, "once\n")

    def test_attempts_do_not_share_a_line(self) -> None:
        job = self.plane.submit((STRANGERS / "attempts-do-not-share-a-line/job.yaml").read_text())
        done = self.plane.mohona("logs", job, "-f")
        self.assertEqual((done.stdout, done.stderr), ("step 0\nstep 1", "--- attempt 2 ---\n"))

    def test_names_of_jobs_do_not_steer_the_terminal(self) -> None:
        job = self.plane.submit((STRANGERS / "codes-for-the-terminal/job.yaml").read_text())
        self.plane.wait(job, "failed")
        for command in (["show", job], ["ls"], ["explain", job], ["wait", job]):
            done = self.plane.mohona(*command)
            self.assertNotIn("\x1b", done.stdout + done.stderr, command)
        self.assertIn("a?[31mb", self.plane.mohona("show", job).stdout)

    def test_a_log_keeps_its_colours_on_a_terminal_and_loses_other_sequences(self) -> None:
        written = (r"\033[1;31mred\033[0m\ttab\r\n"          # colours
                   r"\033]0;title\007 \033[2J\033[H \033[?25l \033c \033P1\033\\ "  # a title, clear, hide, reset
                   r"\033]8;;file:///etc/passwd\033\\link \302\2332J \010\177 \303\251\n"
                   r"\033[31mleft on")
        job = self.plane.submit(f"run: printf '{written}'\n")
        self.plane.wait(job)
        shown = on_a_terminal(self.plane, "logs", job)
        self.assertEqual(re.findall("\x1b[^m]*m?", shown),
                         ["\x1b[1;31m", "\x1b[0m", "\x1b[31m", "\x1b[0m"])
        self.assertNotRegex(shown, "[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\x80-\x9f]")
        self.assertIn("é", shown)
        self.assertIn("red", shown)
        # To anything else every byte passes.
        plain = subprocess.run([BINARY, "logs", str(job)], capture_output=True,
                               env=self.plane.environment).stdout
        self.assertEqual(plain, subprocess.run(["printf", written], capture_output=True).stdout)

    def test_json_on_a_terminal_escapes_what_a_terminal_obeys(self) -> None:
        job = self.plane.submit("run: printf 'a\\302\\2332Jb\\177'\n")
        self.plane.wait(job)
        done = self.plane.mohona("logs", job, "--json")
        self.assertIn("a\\u009b2Jb\\u007f", done.stdout)
        self.assertEqual(json.loads(done.stdout)["text"], "a\u009b2Jb\x7f")

    def test_a_secret_comes_from_where_nobody_reads_it(self) -> None:
        job = STRANGERS / "secret-on-the-command-line/job.yaml"
        self.plane.write("key", "from a file\n")
        environment = dict(self.plane.environment, KEY="from the environment")

        def length(*options: str, stdin: str = "") -> tuple[str, str]:
            done = subprocess.run([BINARY, "run", *options, job], input=stdin, capture_output=True,
                                  text=True, cwd=self.plane.work, env=environment, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return re.findall(r"^\d+$", done.stdout, re.M)[0], done.stderr

        self.assertEqual(length("--secret", "KEY"), (str(len("from the environment")), ""))
        self.assertEqual(length("--secret", "KEY=@key"), (str(len("from a file")), ""))
        self.assertEqual(length("--secret", "KEY=-", stdin="four\n"), ("4", ""))
        self.assertEqual(length("--secret", "KEY="), ("0", ""))
        for value, size in {"hunter2": "7", "@@at": "3"}.items():
            said, warned = length("--secret", f"KEY={value}")
            self.assertEqual(said, size)
            self.assertIn("the value of KEY stands on the command line", warned)
            self.assertNotIn(value, warned)

    def test_notes_go_to_standard_error_and_the_job_runs(self) -> None:
        done = self.plane.mohona("run", STRANGERS / "keys-about-rented-machines/job.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"job\.yaml:4: note: 'disk_size', 'disk_tier' \(line 5\) and "
                                      r"'autostop' \(line 6\) have no effect: Mohona rents no machines\n$")
        done = self.plane.mohona("run", STRANGERS / "sbatch-options-about-people/job.sbatch", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("note:"), 1)
        json.loads(done.stdout)

    def test_empty_options_mean_the_default(self) -> None:
        self.plane.wait(self.plane.submit("name: empties\nrun: true"))
        for options in (["--state", ""], ["--state="], ["--limit", ""], ["--name", "", "--queue="],
                        ["--after="]):
            self.assertIn("empties", self.plane.mohona("ls", *options).stdout, options)

    def test_files_of_strangers_run(self) -> None:
        """The words that the log of each must hold."""
        rows = {
            "accelerators-as-a-set-in-braces/job.yaml": "a100s\n",
            "sbatch-options-about-people/job.sbatch": "ok\n",
            "job-names-with-blanks/job.sbatch": "my-first-run\n",
            "a-pool-of-cloud-k8s/job.yaml": "ok\n",
            "a-tenth-of-a-gigabyte/job.yaml": "ok\n",
            "odd-amounts-of-memory/job.yaml": "ok\n",
            "needs-nothing/job.yaml": "other\n",
        }
        for file, said in rows.items():
            jobs = self.plane.ask("submit", STRANGERS / file)["jobs"]
            self.plane.wait(jobs[-1]["id"])
            self.assertEqual(self.plane.log(jobs[-1]["id"]), said, file)

    def test_a_mount_as_a_map_is_the_local_path(self) -> None:
        job = self.plane.ask("submit", STRANGERS / "a-mount-as-a-map-with-a-local-source/job.yaml")
        number = job["jobs"][0]["id"]
        self.plane.wait(number)
        data = STRANGERS / "a-mount-as-a-map-with-a-local-source/data/x.txt"
        self.assertEqual(self.plane.log(number), data.read_text())

    def test_output_files_of_an_array_are_told_apart(self) -> None:
        for file in ("output-pattern-with-width", "sbatch-options-may-be-shortened"):
            shutil.copy(STRANGERS / file / "job.sbatch", self.plane.work / f"{file}.sbatch")
            number = self.plane.ask("submit", f"{file}.sbatch")["jobs"][0]["id"]
            self.plane.wait(number)
        self.assertEqual(sorted(path.name for path in self.plane.work.glob("wide-*")),
                         [f"wide-{i:03}.txt" for i in range(8, 12)])
        self.assertEqual((self.plane.work / "wide-009.txt").read_text(), "task 9\n")
        self.assertEqual((self.plane.work / f"short-{number}.txt").read_text(), "ok\n")
        self.plane.write("each.sbatch", "#!/bin/sh\n#SBATCH -a 1-2 -o each-%4j.txt\necho $SLURM_ARRAY_TASK_ID\n")
        number = self.plane.ask("submit", "each.sbatch")["jobs"][0]["id"]
        self.plane.wait(number)
        for task in "12":
            self.assertEqual((self.plane.work / f"each-{number:04}_{task}.txt").read_text(), f"{task}\n")

    def test_variables_in_a_probe_are_filled_in(self) -> None:
        number = self.plane.ask("submit", STRANGERS / "variables-in-a-probe/job.yaml")["jobs"][0]["id"]
        self.plane.wait(number, "running")
        self.assertIn('"model":"small"', self.plane.log(number))
        self.plane.mohona("cancel", number)
        self.plane.wait(number, "cancelled")

    def test_two_needed_jobs_of_one_variable_are_refused(self) -> None:
        a = self.plane.submit("name: v-1\nrun: true")
        b = self.plane.submit("name: v_1\nrun: true")
        done = self.plane.mohona("submit", self.plane.write("both.yaml", f"needs: [{a}, {b}]\nrun: x\n"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("whose outputs would be in one variable, MOHONA_INPUT_V_1", done.stderr)

    def test_shards_are_found_in_all_directories_below(self) -> None:
        for path in ("in/1.txt", "in/a/2.txt", "in/a/b/3.txt"):
            self.plane.write(path, path)
        (self.plane.work / "in/loop").symlink_to("..")
        job = self.plane.write("all.yaml", 'shards: {inputs: "in/**/*.txt"}\nrun: cat "$MOHONA_SHARD"\n')
        number = self.plane.ask("submit", job)["jobs"][0]["id"]
        self.assertEqual(self.plane.wait(number)["progress"]["total"], 3)

    def test_the_hour_that_is_open_is_told(self) -> None:
        self.plane.wait(self.plane.submit("run: true"))
        done = self.plane.mohona("settle")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"^mohona: the hour from \S+:00:00Z is still open: it is settled as "
                                      r"far as \S+, and will change\n$")
        self.assertRegex(self.plane.ask("settle")["open_hour"], r":00:00Z$")
        done = self.plane.mohona("settle", "--from", "2999-01-01T00:00:00Z", "--to", "2999-01-02T00:00:00Z")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nothing has run yet from 2999-01-01T00:00:00Z on", done.stderr)


if __name__ == "__main__":
    unittest.main()
