"""The example end to end, in seconds: tokenise, train, be stopped, resume, serve, ask.

    /usr/bin/python3 examples/chat/test_chat.py
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

try:
    import torch  # noqa: F401
except ImportError:
    print("test_chat: skipped: PyTorch is not installed (Debian: apt-get install python3-torch "
          "libopenblas0-pthread)", flush=True)
    sys.exit(0)

HERE = Path(__file__).resolve().parent
SIZE = ["--layers", "2", "--heads", "2", "--width", "32", "--context", "32", "--batch", "4"]
STEPS = 300  # so many that a signal at step 10 comes in the middle
# A handbook of a few lines: the real one need not be installed.
PAGE = """<html><head><title>no</title></head><body><p id="title">no</p>
<div class="section"><h2 class="title">{n}.1. What Is Part {n}?</h2>
<div class="para">Part {n} is a <b>package</b> that holds programs &amp; files, in order.</div>
<pre class="screen"># no</pre>
<div class="sidebar"><p class="title"><strong><em>BACK TO BASICS</em> Mirrors</strong></p>
<div class="para">A mirror is a machine that holds the same packages as another, number {n}.</div>
</div><div class="para">Installing part {n} means unpacking it, and configuring it then.</div>
</div></body></html>"""


def start(script: str, *args: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *args], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **env})


def finish(process: subprocess.Popen[str], seconds: float = 60) -> str:
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError("did not end: " + process.communicate()[0]) from None


def run(script: str, *args: str) -> str:
    process = start(script, *args)
    output = finish(process)
    assert process.returncode == 0, output
    return output


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Pipeline(unittest.TestCase):
    folder: tempfile.TemporaryDirectory[str]
    root: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = Path(cls.folder.name)
        (cls.root / "html").mkdir()
        for n in range(30):
            (cls.root / "html" / f"page{n:02}.html").write_text(PAGE.format(n=n))
        run("corpus.py", str(cls.root / "corpus"), "--handbook", str(cls.root / "html"),
            "--shards", "3", "--vocabulary", "400", "--paragraphs", "2")
        for shard in sorted((cls.root / "corpus").glob("*.txt")):
            run("tokenise.py", str(shard), str(cls.root / "tokens"))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    def ranks(self, name: str, *args: str, **env: str) -> list[subprocess.Popen[str]]:
        port = str(free_port())
        return [start("train.py", "--data", str(self.root / "tokens"),
                      "--vocabulary", str(self.root / "corpus" / "vocab.json"),
                      "--checkpoint", str(self.root / name / "ckpt"),
                      "--output", str(self.root / name / "model"),
                      "--steps", str(STEPS), "--cpu", *SIZE, *args,
                      RANK=str(rank), LOCAL_RANK="0", WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
                      MASTER_PORT=port, **env)
                for rank in range(2)]

    def train(self, name: str, **env: str) -> str:
        ranks = self.ranks(name, **env)
        outputs = [finish(process) for process in ranks]
        self.assertEqual([p.returncode for p in ranks], [0, 0], outputs)
        return outputs[0]

    def test_corpus_is_prose_under_questions(self) -> None:
        text = "".join(p.read_text() for p in sorted((self.root / "corpus").glob("*.txt")))
        self.assertTrue(text.startswith(
            "Q: what is part 0?\nA: Part 0 is a package that holds programs & files, in order."
            "\n\nQ: what is mirrors?\nA: A mirror is a machine that holds the same packages as "
            "another, number 0.\n\nQ: more: what is part 0?\nA: Installing part 0 means"), text)
        self.assertNotIn("no", text.split())

    def test_tokens_give_the_text_back(self) -> None:
        from array import array
        from bpe import END, Vocabulary
        vocabulary = Vocabulary.load(self.root / "corpus" / "vocab.json")
        for shard in sorted((self.root / "corpus").glob("*.txt")):
            ids = array("H")
            ids.frombytes((self.root / "tokens" / f"{shard.stem}.bin").read_bytes())
            self.assertEqual((ids[0], ids[-1]), (END, END))
            back = vocabulary.decode(list(ids)).decode()
            self.assertEqual(back, shard.read_text().replace("\n\n", ""))
        odd = "naïve  \t€_x 𝛼\n"
        self.assertEqual(vocabulary.decode(vocabulary.encode(odd)).decode(), odd)
        self.assertFalse(list((self.root / "tokens").glob("*.partial")))

    def test_a_missing_handbook_is_explained(self) -> None:
        process = start("corpus.py", str(self.root / "none"), "--handbook", "/nowhere")
        self.assertIn("apt-get install debian-handbook", finish(process))
        self.assertEqual(process.returncode, 1)

    def test_stopped_and_resumed_is_as_if_never_stopped(self) -> None:
        whole = self.train("whole")
        last = re.search(rf"finished step {STEPS} loss ([\d.]+) validation [\d.]+", whole)
        self.assertIsNotNone(last, whole)

        # One rank alone is told; both must stop after the same step.
        ranks = self.ranks("cut")
        seen = []
        for line in ranks[0].stdout or []:
            seen.append(line)
            if line.startswith(f"step 10/{STEPS} "):
                ranks[1].send_signal(signal.SIGTERM)
        outputs = [finish(process) for process in ranks]
        self.assertEqual([p.returncode for p in ranks], [143, 143], (seen, outputs))
        match = re.search(r"checkpoint at step (\d+) loss ([\d.]+)", seen[-1])
        assert match, seen
        step, loss = match.groups()
        self.assertTrue(10 <= int(step) < STEPS, step)

        progress = self.root / "progress"
        resumed = self.train("cut", MOHONA_PROGRESS=str(progress))
        self.assertTrue(resumed.startswith(f"resumed from step {step} (loss {loss})\n"), resumed)
        self.assertIn(f"finished step {STEPS} loss {last.group(1) if last else ''} ", resumed)
        self.assertRegex(progress.read_text(), rf"^{STEPS}/{STEPS} loss=\d+\.\d+\n$")

        self.serve_and_ask(self.root / "cut" / "model")

    def serve_and_ask(self, model: Path) -> None:
        server = start("serve.py", "--model", str(model), "--port", "0")
        try:
            line = (server.stdout or sys.stdin).readline()
            match = re.fullmatch(r"serving handbook at http://127\.0\.0\.1:(\d+)\n", line)
            assert match, line
            port = int(match.group(1))
            self.check_answers(port)
            self.check_refusals(port)
            url = f"http://127.0.0.1:{port}"
            said = run("ask.py", url, "What is part 3?", "--seed", "1", "--max-tokens", "8")
            self.assertTrue(said.strip())
        finally:
            server.send_signal(signal.SIGTERM)
            rest = finish(server, 10)
        self.assertEqual(server.returncode, 0, rest)
        silent = start("ask.py", f"http://127.0.0.1:{free_port()}", "Anyone?")
        finish(silent)
        self.assertEqual(silent.returncode, 1)

    def call(self, port: int, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, raw)
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def check_answers(self, port: int) -> None:
        self.assertEqual(self.call(port, "GET", "/health")[0], 200)
        models = json.loads(self.call(port, "GET", "/v1/models")[1])
        self.assertEqual(models["data"][0]["id"], "handbook")

        body = {"messages": [{"role": "system", "content": "x"},
                             {"role": "user", "content": [{"type": "text", "text": "Mirrors?"}]}],
                "max_tokens": 12, "seed": 7}
        status, raw = self.call(port, "POST", "/v1/chat/completions", body)
        whole = json.loads(raw)
        self.assertEqual((status, whole["object"]), (200, "chat.completion"))
        self.assertLessEqual(whole["usage"]["completion_tokens"], 12)
        content = whole["choices"][0]["message"]["content"]

        body |= {"stream": True, "stream_options": {"include_usage": True}}
        status, raw = self.call(port, "POST", "/v1/chat/completions", body)
        events = raw.decode().strip().split("\n\n")
        self.assertEqual((status, events[-1]), (200, "data: [DONE]"))
        chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
        pieces = [c["choices"][0]["delta"].get("content", "") for c in chunks[:-1]]
        self.assertEqual("".join(pieces).strip(), content)  # one seed, one answer
        self.assertEqual(chunks[-1]["usage"], whole["usage"])
        self.assertIn(chunks[-2]["choices"][0]["finish_reason"], ("length", "stop"))

        body = {"prompt": "Q: what", "max_tokens": 20, "temperature": 0}
        text = json.loads(self.call(port, "POST", "/v1/completions", body)[1])["choices"][0]["text"]
        stop = text[2:4]
        cut = json.loads(self.call(port, "POST", "/v1/completions", {**body, "stop": stop})[1])
        self.assertEqual(cut["choices"][0]["text"], text[: text.index(stop)])
        self.assertEqual(cut["choices"][0]["finish_reason"], "stop")

    def check_refusals(self, port: int) -> None:
        chat = "/v1/chat/completions"
        user = [{"role": "user", "content": "x"}]
        for path, body, status, word in [
                (chat, b"{", 400, "not JSON"), (chat, b"[]", 400, "JSON object"),
                (chat, {}, 400, "'messages'"), (chat, {"messages": [{"role": "user"}]}, 400, "t"),
                (chat, {"messages": user, "max_tokens": "9"}, 400, "'max_tokens'"),
                (chat, {"messages": user, "temperature": 3}, 400, "'temperature'"),
                (chat, {"messages": user, "stream": 1}, 400, "'stream'"),
                (chat, {"messages": user, "stop": [""]}, 400, "'stop'"),
                (chat, b"[" * 100_000, 400, "not JSON"),
                ("/v1/completions", {"prompt": 1}, 400, "'prompt'"),
                ("/v1/nothing", {}, 404, "/v1/nothing")]:
            got, raw = self.call(port, "POST", path, body)
            error = json.loads(raw)["error"]
            self.assertEqual((got, error["type"]), (status, "invalid_request_error"), body)
            self.assertIn(word, error["message"])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
            s.sendall(f"POST {chat} HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n".encode())
            self.assertIn(b" 413 ", s.makefile("rb").readline())


if __name__ == "__main__":
    unittest.main(verbosity=1)
