"""Random requests with hostile bytes, from a seed: the controller answers every one of them, or ends
the connection, and goes on. MOHONA_CASES says how many (2,000 if not said), MOHONA_SEED where they
begin.
"""

from __future__ import annotations

import json
import os
import random
import socket
import time
import unittest

from plane import Plane

CASES = int(os.environ.get("MOHONA_CASES", "2000"))
SEED = int(os.environ.get("MOHONA_SEED", "1"))
# A controller that takes longer for one of these has been held up by it.
ANSWER_MAX = 5.0

WORDS = ["jobs", "jobs:batch", "jobs:cancel", "pools", "cost", "status", "audit", "openapi.json",
         "v1", "1", "2", "0", "-1", "18446744073709551616", "explain", "price", "logs", "cancel",
         "here", "nobody", "reclaim", "restore", "cordon", "uncordon", "drain", "down", "up", "lost",
         "load", "..", "%00", "%ff%fe", "%2f", "\u202e", "a" * 5_000, ""]
QUERIES = ["limit", "after", "state", "name", "queue", "ids", "task", "rank", "attempt", "offset",
           "by", "job", "notice"]
VALUES = ["", "0", "-1", "1", "99999999999999999999", "%ff", "1,2,3,,x", "running", "\x00", "NaN",
          "1e308", "9" * 400, "cloud"]
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "get", "", "\x00"]
HEADERS = ["Content-Length: -1", "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked",
           "Transfer-Encoding: gzip, chunked", "Expect: 100-continue", "Expect: tea",
           "Idempotency-Key: \xff\xfe", "Idempotency-Key: " + "k" * 10_000, "Connection: close",
           "Connection: upgrade", "Upgrade: h2c", "Host:", "Authorization: Bearer x", "X: \x00",
           "no colon here", ": empty", "Content-Type: text/\x1b[2J"]
JOBS = ["run: 'true'", "run: exit 3\nretries: 1", "run: sleep 1\nmax_duration: 1s",
        "shards: {count: 3}\nrun: 'true'", "min_nodes: 1\nmax_nodes: 3\nrun: 'true'",
        "#!/bin/sh\n#SBATCH --array=0-3\ntrue", "- a\n- b", "\xff\xfe", "run: |\n\x00", "{}", "",
        "name: x\n---\nrun: a\n---\nneeds: nobody\nrun: b", "x: &a [*a]", "a: *b"]


def some_json(dice: random.Random, depth: int = 0) -> object:
    kind = dice.randrange(9 if depth < 6 else 6)
    if kind == 0:
        return dice.choice([None, True, False])
    if kind == 1:
        return dice.choice([0, -1, 1, 2**63, -2**63, 2**64, 10**30, 1.5, 1e308])
    if kind in (2, 3, 4, 5):
        return dice.choice(JOBS + VALUES + ["\ud800", "\u0000", "/", "all", "0-3", "\x1b[31m"])
    if kind == 6:
        return [some_json(dice, depth + 1) for _ in range(dice.randrange(4))]
    keys = ["text", "file", "directory", "envs", "secrets", "jobs", "nodes", "reason", "notice",
            "run", "name", "needs", "resources", "shards", "cpus_milli", "node", "", "\u0000"]
    return {dice.choice(keys): some_json(dice, depth + 1) for _ in range(dice.randrange(6))}


def some_body(dice: random.Random) -> bytes:
    kind = dice.randrange(8)
    if kind == 0:
        return b""
    if kind == 1:
        return dice.randbytes(dice.randrange(300))
    if kind == 2:
        return dice.choice([b"[", b"{", b'{"a":']) * dice.choice([3, 100, 50_000])
    if kind == 3:
        return json.dumps({"text": dice.choice(JOBS), "directory": dice.choice(["/", "", "\x00"])}
                          ).encode()
    if kind == 4:
        jobs = [some_json(dice, 4) for _ in range(dice.randrange(5))]
        return json.dumps({"jobs": jobs}).encode()
    text = json.dumps(some_json(dice), ensure_ascii=dice.random() < 0.5).encode(
        "utf-8", "surrogatepass")
    if kind == 5 and text:  # damaged
        at = dice.randrange(len(text))
        return text[:at] + dice.randbytes(dice.randrange(4)) + text[at + dice.randrange(4):]
    return text


def some_request(dice: random.Random) -> bytes:
    if dice.random() < 0.05:
        return dice.randbytes(dice.randrange(1, 400))
    method = dice.choice(METHODS[:2] if dice.random() < 0.85 else METHODS)
    segments = [dice.choice(WORDS) for _ in range(dice.randrange(1, 5))]
    path = "/v1/" + "/".join(segments) if dice.random() < 0.9 else dice.choice(WORDS)
    if dice.random() < 0.3:
        path += "?" + "&".join(dice.choice(QUERIES) + "=" + dice.choice(VALUES)
                               for _ in range(dice.randrange(1, 4)))
    body = some_body(dice) if method != "GET" or dice.random() < 0.1 else b""
    headers = ["Host: x", f"Content-Length: {len(body)}"]
    for _ in range(dice.randrange(3) if dice.random() < 0.3 else 0):
        headers.append(dice.choice(HEADERS))
    if dice.random() < 0.03:
        headers.append("X: " + "y" * 100_000)
    head = f"{method} {path} HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n"
    data = head.encode("latin-1", "replace") + body
    if dice.random() < 0.05:
        data = data[:dice.randrange(1, len(data) + 1)]  # and then silence
    return data


class RandomRequests(unittest.TestCase):
    def test_the_controller_answers_or_hangs_up_and_goes_on(self) -> None:
        plane = Plane().up()
        self.addCleanup(plane.end)
        pid = plane.pid()
        dice = random.Random(SEED)
        answered = 0
        for number in range(CASES):
            data = some_request(dice)
            if b"/v1/shutdown" in data:
                continue
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_MAX)
                connection.connect(str(plane.home / "api.sock"))
                begin = time.monotonic()
                try:
                    connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)  # no more is coming
                    answer = connection.recv(65536)
                except (BrokenPipeError, ConnectionResetError):
                    answer = b""
                except TimeoutError:
                    self.fail(f"request {number} of seed {SEED} got no answer: {data[:500]!r}")
                self.assertLess(time.monotonic() - begin, ANSWER_MAX)
            if answer:
                answered += 1
                self.assertTrue(answer.startswith(b"HTTP/1.1 "), answer[:100])
                self.assertNotIn(b"HTTP/1.1 500", answer[:20], f"request {number}: {data[:500]!r}")
            if number % 200 == 0:
                self.assertEqual(plane.request("GET", "/v1/jobs").status, 200)
        self.assertGreater(answered, CASES // 2)
        self.assertEqual(plane.pid(), pid)
        self.assertEqual(plane.mohona("ls").returncode, 0)
        self.assertTrue(json.loads(plane.mohona("audit", "--json").stdout)["clean"])


if __name__ == "__main__":
    unittest.main()
