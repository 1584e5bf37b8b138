"""What work begins with, how its end is told, and what its log keeps."""

import os
import signal
import socket
import time
import unittest
from pathlib import Path

from plane import Plane, PlaneTest, until

SAVES = """
import signal, sys, time

def save(*_):
    print("saving", flush=True)
    time.sleep(1)
    print("saved", flush=True)
    sys.exit(0)

for s in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(s, save)
print("training", flush=True)
while True:
    time.sleep(0.2)
"""


def can_limit_memory() -> bool:
    """Whether jobs get control groups of their own here."""
    try:
        group = Path("/sys/fs/cgroup/memory/mohona")
        if not Path("/sys/fs/cgroup/memory").exists():
            group = Path("/sys/fs/cgroup/mohona")
        group.mkdir(exist_ok=True)
        return True
    except OSError:
        return False


class Saves(PlaneTest):
    """The signal reaches what the script has started, and the grace is for all of it."""

    def saves(self, run: str) -> int:
        self.plane.write("save.py", SAVES)
        job = self.plane.submit("file_mounts: {save.py: save.py}\n"
                                f"checkpoint: {{path: ckpt, grace: 20s}}\nrun: |\n{run}\n")
        until("it trains", lambda: "training" in self.plane.log(job))
        began = time.monotonic()
        self.plane.ask("cancel", job)
        self.plane.wait(job, "cancelled")
        self.assertLess(time.monotonic() - began, 10)  # not the whole grace
        self.assertEqual(self.plane.log(job).split()[-2:], ["saving", "saved"])
        return job

    def test_a_child_of_the_script(self) -> None:
        self.saves("  echo begin\n  python3 save.py\n  echo left")

    def test_the_scripts_last_command(self) -> None:
        self.saves("  python3 save.py")

    def test_a_child_in_the_background(self) -> None:
        self.saves("  python3 save.py &\n  wait")

    def test_a_child_in_a_session_of_its_own(self) -> None:
        self.saves("  setsid python3 save.py &\n  sleep 60")

    def test_a_child_that_is_stopped(self) -> None:
        self.saves("  python3 save.py &\n  sleep 1; kill -STOP $!\n  wait")


    def test_the_writer_of_a_pipeline(self) -> None:
        job = self.saves("  python3 save.py 2>&1 | tee seen.txt | cat\n  echo left")
        seen = self.plane.job_directory(job) / "workdir/seen.txt"
        self.assertEqual(seen.read_text(), "training\nsaving\nsaved\n")

    def test_the_writer_of_a_process_substitution_and_of_a_loop(self) -> None:
        self.saves("  exec > >(while read -r line; do echo \"$line\"; done)\n  python3 save.py")

    def test_what_reads_from_a_pipe_and_saves_nothing_for_others_is_not_spared(self) -> None:
        self.saves("  seq 100 | while read n; do python3 save.py; done")
        self.saves("  (sleep 300 | sleep 300) & \n  python3 save.py")

    def test_a_supervisor_that_the_work_has_stopped_is_woken(self) -> None:
        self.saves("  kill -STOP $PPID\n  python3 save.py >> $MOHONA_OUTPUT/../attempts/0.1/rank0.log")


class Batch(PlaneTest):
    def run_batch(self, options: str, body: str, state: str = "succeeded") -> tuple[dict, str]:
        self.plane.write("save.py", SAVES)
        self.plane.write("job.sbatch", f"#!/bin/bash\n#SBATCH --job-name=steps {options}\n{body}")
        job = self.plane.ask("submit", "job.sbatch")["jobs"][0]["id"]
        seen = self.plane.wait(job, state, timeout=40)
        return seen, self.plane.log(job)

    def test_its_signal_goes_to_the_steps_and_not_to_the_shell(self) -> None:
        _, log = self.run_batch("--time=0:05 --signal=USR1@3",
                                'srun python3 save.py\necho "step left with $?"\n')
        self.assertEqual(log.splitlines(), ["training", "saving", "saved", "step left with 0"])

    def test_with_b_it_goes_to_the_shell_alone(self) -> None:
        _, log = self.run_batch(
            "--time=0:05 --signal=B:USR1@3",
            "trap 'echo told; kill -USR1 $pid; wait $pid; exit 0' USR1\n"
            "srun python3 save.py & pid=$!\nwait $pid\n")
        self.assertEqual(log.splitlines(), ["training", "told", "saving", "saved"])

    def cancelled_log(self, options: str, body: str) -> list[str]:
        self.plane.write("save.py", SAVES)
        self.plane.write("job.sbatch", f"#!/bin/bash\n#SBATCH --job-name=c {options}\n{body}")
        job = self.plane.ask("submit", "job.sbatch")["jobs"][0]["id"]
        until("it trains", lambda: "training" in self.plane.log(job))
        began = time.monotonic()
        self.plane.ask("cancel", job)
        self.plane.wait(job, "cancelled")
        self.assertLess(time.monotonic() - began, 15)
        return self.plane.log(job).splitlines()

    def test_a_cancel_tells_a_step_once_and_leaves_it_its_grace(self) -> None:
        self.assertEqual(self.cancelled_log("", "srun python3 save.py\n"),
                         ["training", "saving", "saved"])

    def test_a_cancel_of_a_script_without_steps_does_not_wait_out_a_signal_for_steps(self) -> None:
        self.assertEqual(self.cancelled_log("--time=10 --signal=USR1@300", "python3 save.py\n"),
                         ["training", "saving", "saved"])

    def test_scontrol_expands_host_lists(self) -> None:
        _, log = self.run_batch(
            "--nodes=2 --ntasks-per-node=1",
            'scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1\n'
            'scontrol show hostnames "node[1-2,07]"\nscontrol show job 1 2>&1\necho $?\n')
        self.assertEqual(log.splitlines(), [
            "127.0.0.1", "node1", "node2", "node07",
            "scontrol: only 'scontrol show hostnames [LIST]' is known here", "1"])

    def test_srun_passes_its_input_on_to_every_task(self) -> None:
        _, log = self.run_batch(
            "--ntasks=2", 'srun -n 1 bash <<EOF\necho "from the document"\nEOF\n'
            "echo words | srun -l cat | sort\nsrun --input=none cat\necho \"left with $?\"\n")
        self.assertEqual(log.splitlines(),
                         ["from the document", "0: words", "1: words", "left with 0"])

    def test_a_task_begins_with_no_signal_ignored_or_blocked(self) -> None:
        _, log = self.run_batch("", "srun grep -E 'Sig(Ign|Blk)' /proc/self/status\n")
        self.assertEqual(log.split(), ["SigBlk:", "0" * 16, "SigIgn:", "0" * 16])

    def test_when_one_task_fails_the_others_are_ended_soon(self) -> None:
        began = time.monotonic()
        _, log = self.run_batch(
            "--ntasks=2", "srun bash -c '[ $SLURM_PROCID = 1 ] && exit 3; sleep 50'\n"
            'echo "left with $?"\n')
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual(log.splitlines(),
                         ["srun: task 1 exited with 3; the others are ended", "left with 3"])

    def test_srun_ends_with_the_highest_code_when_none_is_ended(self) -> None:
        _, log = self.run_batch("--ntasks=3", "srun -K0 bash -c 'exit $((SLURM_PROCID * 2))'\n"
                                "echo $?\n")
        self.assertEqual(log, "4\n")

    def test_srun_knows_the_options_of_real_scripts(self) -> None:
        _, log = self.run_batch("--ntasks=1 --cpus-per-task=2", """
srun -c $SLURM_CPUS_PER_TASK bash -c 'echo one $SLURM_CPUS_PER_TASK'
srun --jobid $SLURM_JOB_ID echo two
srun --jobid=999 echo never 2>&1
srun -l echo three
srun -w $(scontrol show hostnames | head -1) --cpu-bind=cores --gres=gpu:1 --gpus-per-task 1 -u echo four
srun --mem=1G --overlap --exact -N1 -n1 --mpi=pmix -K --unbuffered echo five
A=1 B=2 srun --export=B,C=3 bash -c 'echo ${A-none} $B $C'
A=1 srun --export=ALL,C=3 bash -c 'echo $A $C'
srun --multi-prog conf 2>&1
srun --no-such-thing echo 2>&1
srun --output=out.%t --chdir=/ -n2 bash -c 'echo $PWD $SLURM_PROCID'; cat out.0 out.1
srun no-such-program 2>&1; echo "left with $?"
""")
        self.assertEqual(log.splitlines(), [
            "one 2", "two",
            "srun: job 999 is not this one; steps of other jobs cannot be started here",
            "0: three", "four", "five", "none 2 3", "1 3",
            "srun: --multi-prog cannot be done here",
            "srun: --no-such-thing is not an option that is known here",
            "/ 0", "/ 1", "srun: cannot run no-such-program: No such file or directory",
            "left with 2"])

    def test_an_output_whose_directory_is_not_there_gets_one(self) -> None:
        self.run_batch("--output=logs/%x-%j.out", "echo ok\n")
        written = list((self.plane.work / "logs").iterdir())
        self.assertEqual([path.read_text() for path in written], ["ok\n"])

    def test_an_output_that_cannot_be_written_is_the_reason(self) -> None:
        self.plane.write("file", "x")
        seen, _ = self.run_batch("--output=file/%j.out", "echo ok\n", "failed")
        self.assertEqual(seen["reason"], "exit code 125: cannot write the log "
                         f"{self.plane.work}/file/{seen['id']}.out: Not a directory")

    def test_an_output_that_is_a_pipe_is_refused_and_holds_nobody_up(self) -> None:
        os.mkfifo(self.plane.work / "out.pipe")
        self.plane.write("job.sbatch", "#!/bin/bash\n#SBATCH --output=out.pipe\necho hello\n")
        job = self.plane.ask("submit", "job.sbatch")["jobs"][0]["id"]
        seen = self.plane.wait_for_end(job)
        self.assertEqual(seen["reason"], "exit code 125: cannot write the log "
                         f"{self.plane.work}/out.pipe: it is not a regular file")
        logs = self.plane.mohona("logs", job)
        self.assertIn("it is not a regular file", logs.stderr)
        self.assertTrue(self.plane.is_up())


class Begins(PlaneTest):
    def says(self, run: str, more: str = "") -> str:
        job = self.plane.submit(f"{more}\nrun: |\n  " + run.replace("\n", "\n  "))
        self.plane.wait(job)
        return self.plane.log(job)

    def test_a_loop_into_head_ends(self) -> None:
        self.assertEqual(self.says("while :; do echo water; done | head -1\necho passed",
                                   "max_duration: 20s"), "water\npassed\n")

    def test_no_signal_is_ignored_or_blocked(self) -> None:
        said = self.says("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2")
        # bash itself ignores nothing in what it starts; KILL and STOP cannot be.
        self.assertEqual(said.split(), ["0" * 16, "0" * 16])

    def test_standard_input_is_empty_and_only_standard_files_are_open(self) -> None:
        self.assertEqual(self.says("readlink /proc/self/fd/0; cat; umask\n"
                                   "ls /proc/self/fd > $MOHONA_OUTPUT/fds\n"
                                   "xargs < $MOHONA_OUTPUT/fds"),
                         "/dev/null\n0022\n0 1 2 3\n")  # 3 is the directory itself

    def test_the_limit_of_open_files_is_the_one_that_the_controller_was_started_with(self) -> None:
        plane = Plane()
        self.addCleanup(plane.end)
        os.environ["MOHONA_HOME"] = str(plane.home)
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (777, hard))
        try:
            plane.up()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        job = plane.submit("run: ulimit -Sn; ulimit -Hn")
        plane.wait(job)
        self.assertEqual(plane.log(job), f"777\n{hard}\n")


class Logs(PlaneTest):
    def test_a_line_to_dev_stderr_keeps_what_was_written_before(self) -> None:
        job = self.plane.submit("run: |\n  echo one\n  echo two\n  echo three > /dev/stderr\n"
                                "  echo four > /dev/stdout\n  echo five")
        self.plane.wait(job)
        self.assertEqual(self.plane.log(job), "one\ntwo\nthree\nfour\nfive\n")

    @unittest.skipUnless(os.getuid() == 0, "only root can become somebody else")
    def test_who_drops_their_rights_can_still_open_it(self) -> None:
        job = self.plane.submit("run: |\n  setpriv --reuid=65534 --regid=65534 --clear-groups "
                                "sh -c 'echo mine > /dev/stderr'\n  echo done")
        self.plane.wait(job)
        self.assertEqual(self.plane.log(job), "mine\ndone\n")

    def test_what_keeps_the_log_open_does_not_hold_up_the_end(self) -> None:
        job = self.plane.submit("run: |\n  setsid sleep 600 &\n  echo done")
        began = time.monotonic()
        self.plane.wait(job)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.plane.log(job), "done\n")

    def test_much_output_arrives_whole_and_in_order(self) -> None:
        job = self.plane.submit("run: seq 1 300000; printf end")
        self.plane.wait(job)
        path = self.plane.job_directory(job) / "attempts/0.1/rank0.log"
        self.assertEqual(path.read_text(),
                         "".join(f"{n}\n" for n in range(1, 300_001)) + "end")

    def test_attempts_that_share_a_file_do_not_share_a_line(self) -> None:
        self.plane.write("job.sbatch", "#!/bin/bash\n#SBATCH --output=both.txt --array=0-1%1\n"
                         "printf part$SLURM_ARRAY_TASK_ID\n")
        job = self.plane.ask("submit", "job.sbatch")["jobs"][0]["id"]
        self.plane.wait(job)
        self.assertEqual((self.plane.work / "both.txt").read_text(), "part0\npart1")

    def test_output_and_errors_of_one_file_keep_their_order(self) -> None:
        self.plane.write("job.sbatch", "#!/bin/bash\n#SBATCH -o ordered.txt -e ./ordered.txt\n"
                         "for n in $(seq 500); do echo out $n; echo err $n >&2; done\n")
        job = self.plane.ask("submit", "job.sbatch")["jobs"][0]["id"]
        self.plane.wait(job)
        self.assertEqual((self.plane.work / "ordered.txt").read_text(),
                         "".join(f"out {n}\nerr {n}\n" for n in range(1, 501)))

    def test_a_limit_of_file_sizes_ends_the_log_and_not_the_work(self) -> None:
        job = self.plane.submit("run: |\n  prlimit --pid $PPID --fsize=65536:\n"
                                "  head -c 200000 /dev/zero | tr '\\0' x\n"
                                "  sleep 1; touch $MOHONA_OUTPUT/done")
        self.plane.wait(job)
        self.assertTrue((self.plane.job_directory(job) / "output/done").exists())
        path = self.plane.job_directory(job) / "attempts/0.1/rank0.log"
        self.assertEqual(path.read_bytes(), b"x" * 65536)

    def test_what_work_puts_in_the_place_of_its_log_is_not_followed(self) -> None:
        job = self.plane.submit(
            "run: |\n  cd $(dirname $MOHONA_PROGRESS); rm rank0.log; mkfifo rank0.log; sleep 600")
        path = self.plane.job_directory(job) / "attempts/0.1/rank0.log"
        until("the pipe is there", lambda: path.is_fifo())
        self.assertIn("it is not a regular file", self.plane.mohona("logs", job).stderr)
        self.plane.ask("cancel", job)
        self.plane.wait(job, "cancelled")


class Ends(PlaneTest):
    def reason(self, run: str, state: str = "failed", more: str = "") -> str:
        job = self.plane.submit(f"{more}\nrun: |\n  {run}")
        return self.plane.wait(job, state)["reason"]

    def test_a_code_is_a_signal_only_when_one_ended_the_work(self) -> None:
        for run, reason in (("exit 255", "exit code 255"), ("exit 137", "exit code 137"),
                            ("exit 129", "exit code 129"), ("kill -9 $$", "ended by signal 9"),
                            ("kill -TERM $$", "ended by signal 15")):
            with self.subTest(run):
                self.assertEqual(self.reason(run), reason)

    def test_an_interpreter_that_is_not_there_is_the_reason(self) -> None:
        job = self.plane.submit("run: |\n  #!/no/such/shell\n  echo")
        self.assertEqual(self.plane.wait(job, "failed")["reason"],
                         "exit code 126: the script's interpreter cannot be started: "
                         "No such file or directory")

    @unittest.skipUnless(can_limit_memory(), "jobs get no control groups here")
    def test_a_child_that_was_killed_for_memory_is_told_everywhere(self) -> None:
        job = self.plane.submit("name: swells\nresources: {cpus: 1, memory: 128MB}\nrun: |\n"
                                "  python3 -c 'b = bytearray(400 << 20)'\n  echo \"left with $?\"")
        seen = self.plane.wait(job)
        told = ("a process was killed for memory (128 MB): it used more than the memory it asked "
                "for")
        self.assertEqual(self.plane.log(job).splitlines()[-1], "left with 137")
        self.assertEqual(seen["reason"], told)
        for command in ("ls", "show", "explain"):
            arguments = [command] if command == "ls" else [command, job]
            self.assertIn(told, self.plane.mohona(*arguments).stdout, command)

    def test_what_work_puts_in_the_place_of_its_end_is_no_end(self) -> None:
        job = self.plane.submit(
            "name: pipe\nrun: |\n  cd $(dirname $MOHONA_PROGRESS); mkfifo exit.json; sleep 600")
        false = self.plane.submit("name: false\nrun: |\n  cd $(dirname $MOHONA_PROGRESS)\n"
                                  """  echo '{"outcome":{},"at":1}' > exit.json; sleep 600""")
        folder = self.plane.submit("name: folder\nrun: |\n  cd $(dirname $MOHONA_PROGRESS)\n"
                                   "  mkdir -p exit.json/full; sleep 1; exit 7")
        zero = self.plane.submit("name: zero\nrun: |\n  cd $(dirname $MOHONA_PROGRESS)\n"
                                 "  ln -s /dev/zero exit.json; sleep 1; exit 8")
        self.assertEqual(self.plane.wait(folder, "failed")["reason"], "exit code 7")
        self.assertEqual(self.plane.wait(zero, "failed")["reason"], "exit code 8")
        until("the pipe is there", lambda: (
            self.plane.job_directory(job) / "attempts/0.1/exit.json").is_fifo())
        began = time.monotonic()
        self.plane.kill()
        self.plane.up()
        self.assertEqual([self.plane.show(n)["state"] for n in (job, false)], ["running"] * 2)
        self.assertLess(time.monotonic() - began, 10)
        # Its supervisor gone as well, nobody knows how it ended.
        for supervisor in self.plane.supervisors():
            if f"jobs/{job}/" in Path(f"/proc/{supervisor}/cmdline").read_text():
                os.kill(supervisor, signal.SIGKILL)
        until("it is lost", lambda: self.plane.attempts(job)[0].get("end") == "lost")
        for number in (job, false):
            self.plane.ask("cancel", number)
            self.plane.wait(number, "cancelled")


class Files(PlaneTest):
    def tree(self, name: str, files: dict[str, str]) -> Path:
        top = self.plane.work / name
        for path, text in files.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text)
        return top

    def said(self, text: str) -> str:
        job = self.plane.submit(text)
        self.plane.wait(job)
        return self.plane.log(job)

    def test_pipes_and_sockets_of_a_workdir_are_left_out_and_named(self) -> None:
        top = self.tree("project", {"code.txt": "code\n", "sub/x": ""})
        os.mkfifo(top / "control")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(top / "sub/ipc"))
        self.assertEqual(self.said("workdir: project\nrun: cat code.txt; ls"),
                         "mohona: not copied to the working directory: control (a named pipe), "
                         "sub/ipc (a socket)\ncode\ncode.txt\nsub\n")

    def test_skyignore_is_heeded(self) -> None:
        self.tree("sky", {".skyignore": "data/\n*.ckpt\n!keep.ckpt\n/top\n# no\n",
                          ".gitignore": "code.txt\n", "code.txt": "", "data/large": "",
                          "last.ckpt": "", "sub/last.ckpt": "", "sub/keep.ckpt": "", "top": "",
                          "sub/top": "", "sub/data/x": ""})
        self.assertEqual(self.said("workdir: sky\nrun: find . -type f | sort").split(),
                         ["./.gitignore", "./.skyignore", "./code.txt", "./sub/keep.ckpt",
                          "./sub/top"])

    def test_without_it_gitignore_is(self) -> None:
        self.tree("git", {".gitignore": "*.log\n.venv/\n", "a.log": "", "code.py": "",
                          ".venv/bin/python": "", "sub/.gitignore": "/out\n", "sub/out": "",
                          "sub/deep/out": "", ".git/info/exclude": "mine\n", "mine": ""})
        self.assertEqual(
            self.said("workdir: git\nrun: find . -type f -not -path './.git/*' | sort").split(),
            ["./.gitignore", "./code.py", "./sub/.gitignore", "./sub/deep/out"])

    def test_directories_keep_their_mode(self) -> None:
        top = self.tree("modes", {"shut/file": "x", "open/file": "y"})
        (top / "open").chmod(0o775)
        (top / "shut").chmod(0o555)
        self.addCleanup((top / "shut").chmod, 0o755)
        self.assertEqual(self.said('workdir: modes\nrun: stat -c "%a %n" open shut; cat shut/file'),
                         "775 open\n555 shut\nx")

    def test_a_copy_can_be_stopped(self) -> None:
        self.tree("waits", {"x": "x"})
        job = self.plane.submit("workdir: waits\nrun: sleep 600\nresources: {cpus: 1000}")
        (self.plane.job_directory(job)).mkdir(parents=True, exist_ok=True)
        self.plane.ask("cancel", job)
        import fcntl
        job = self.plane.show(job)["id"] + 1
        (self.plane.job_directory(job)).mkdir(parents=True)
        with open(self.plane.job_directory(job) / "prepare.lock", "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.assertEqual(self.plane.submit("workdir: waits\nrun: sleep 600"), job)
            until("its supervisor waits", lambda: (
                self.plane.job_directory(job) / "attempts/0.1/started.json").exists())
            self.plane.ask("cancel", job)
            self.plane.wait(job, "cancelled", timeout=5)

    def test_a_mount_target_is_free_again_when_its_job_has_ended(self) -> None:
        one, two = self.tree("one", {"x": "1\n"}), self.tree("two", {"x": "2\n"})
        target = self.plane.root / "shared/data"
        text = "name: {}\nfile_mounts: {{" + str(target) + ": {}}}\nrun: cat " + f"{target}/x; {{}}"
        self.assertEqual(self.said(text.format("first", one, "")), "1\n")
        self.assertEqual(self.said(text.format("second", two, "")), "2\n")
        holds = self.plane.submit(text.format("holds", one, "sleep 600"))
        until("it runs", lambda: self.plane.log(holds) == "1\n")
        self.assertEqual(self.said(text.format("same", one, "")), "1\n")
        late = self.plane.submit(text.format("late", two, ""))
        reason = self.plane.wait(late, "failed")["reason"]
        self.assertRegex(reason, rf"{target} is a mount of (same|holds) \(job \d+\), which is "
                         r"running: late \(job \d+\) has to wait for its end, or to use another place")
        self.plane.ask("cancel", holds)
        self.plane.wait(holds, "cancelled")
        self.assertEqual(self.said(text.format("then", two, "")), "2\n")

    def test_a_link_that_is_not_ours_is_not_replaced(self) -> None:
        one = self.tree("mine", {"x": "1\n"})
        target = self.plane.root / "theirs"
        target.symlink_to("/etc")
        job = self.plane.submit(f"file_mounts: {{{target}: {one}}}\nrun: 'true'")
        self.assertEqual(self.plane.wait(job, "failed")["reason"],
                         f"exit code 1: {target} is a link to /etc already; it is not replaced")
        self.assertEqual(os.readlink(target), "/etc")

    def test_files_behind_an_output_that_is_a_link_stay_where_they_are(self) -> None:
        mine = self.tree("precious", {"x": "1\n"})
        job = self.plane.submit("name: linked\nshards: {count: 1}\nrun: |\n"
                                f"  rm -r $MOHONA_OUTPUT; ln -s {mine} $MOHONA_OUTPUT")
        self.assertIn("its output is a link, not a directory; nothing was published",
                      self.plane.wait(job, "failed")["reason"])
        self.assertEqual(os.listdir(mine), ["x"])
        self.assertEqual(os.listdir(self.plane.job_directory(job) / "output"), [])

    def test_a_file_and_a_directory_of_one_name_are_a_conflict(self) -> None:
        job = self.plane.submit("""
name: clash
shards: {count: 2, at_once: 1}
run: |
  if [ $MOHONA_SHARD_INDEX = 0 ]; then echo x > $MOHONA_OUTPUT/d
  else mkdir $MOHONA_OUTPUT/d; echo y > $MOHONA_OUTPUT/d/f; fi
""")
        self.assertIn("another shard has written d already: put $MOHONA_SHARD_INDEX",
                      self.plane.wait(job, "failed")["reason"])

    def test_shards_are_listed_within_bounds(self) -> None:
        top = self.tree("loops", {"x.txt": ""})
        for n in range(8):
            (top / f"again{n}").symlink_to(".")
        job = self.plane.submit("shards: {inputs: loops/" + "*/" * 12 + "*.txt}\nrun: 'true'")
        seen = self.plane.wait(job, "failed", timeout=90)
        self.assertRegex(seen["reason"], r"has too many files to look at|takes too long to list")


if __name__ == "__main__":
    unittest.main()
