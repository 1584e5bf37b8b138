"""The door: who may come in, what is asked and answered, and what the shell is told."""

import http.client
import json
import socket
import unittest
from urllib.parse import urlparse

from plane import Plane, PlaneTest, mode


class OneController(PlaneTest):
    def test_a_second_controller_is_refused_and_told_of_the_first(self) -> None:
        for options in ((), ("--detach",)):
            done = self.plane.mohona("up", *options)
            self.assertEqual(done.returncode, 3)
            self.assertIn(f"(pid {self.plane.pid()})", done.stderr)
            self.assertIn("mohona down", done.stderr)
        self.assertTrue(self.plane.is_up())

    def test_the_socket_is_its_owners_alone(self) -> None:
        self.assertEqual(oct(mode(self.plane.home / "api.sock")), "0o600")
        self.assertEqual(oct(mode(self.plane.home)), "0o700")

    def test_a_home_with_a_very_long_path_works_too(self) -> None:
        root = Plane()
        self.addCleanup(root.end)
        plane = Plane(home=root.root / ("long-" * 20) / ("path-" * 20))
        self.addCleanup(plane.end)
        self.assertEqual(plane.mohona("up", "--detach").returncode, 0)
        self.assertEqual(plane.mohona("ls").returncode, 0)
        self.assertEqual(plane.mohona("down").returncode, 0)
        (plane.home / "controller.pid").unlink()  # `end` would ask by a path that is too long


class Audit(PlaneTest):
    def test_the_rules_are_looked_at_in_the_one_that_runs_and_in_its_journal(self) -> None:
        done = self.plane.request("POST", "/v1/jobs", {"text": "name: a\nrun: echo hi\n"})
        self.assertEqual(done.status, 201)
        self.assertEqual(self.plane.mohona("wait", "a").returncode, 0)
        answer = self.plane.request("GET", "/v1/audit")
        self.assertEqual((answer.status, answer.json["clean"], answer.json["jobs"]), (200, True, 1))
        asked = self.plane.mohona("audit")
        self.assertEqual((asked.returncode, asked.stdout),
                         (0, "1 job, 0 live attempts: every rule is kept\n"))
        self.assertEqual(self.plane.mohona("down").returncode, 0)
        read = self.plane.mohona("audit", "--json")
        self.assertEqual(read.returncode, 0)
        self.assertTrue(json.loads(read.stdout)["clean"])
        self.assertGreater(json.loads(read.stdout)["facts"], 5)


class Tcp(unittest.TestCase):
    def setUp(self) -> None:
        self.plane = Plane()
        self.addCleanup(self.plane.end)

    def ask(self, url: str, token: str | None) -> int:
        connection = http.client.HTTPConnection(urlparse(url).netloc, timeout=10)
        try:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            connection.request("GET", "/v1/jobs", headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def test_tcp_wants_the_token(self) -> None:
        self.plane.up("--listen", "127.0.0.1:0")
        url = (self.plane.home / "api.url").read_text().strip()
        token = (self.plane.home / "token").read_text().strip()
        self.assertGreaterEqual(len(token), 32)
        self.assertEqual([self.ask(url, t) for t in (None, "", token[:-1], token + "x", token)],
                         [401, 401, 401, 401, 200])

    def test_a_killed_controllers_port_is_free_for_the_next_though_its_work_goes_on(self) -> None:
        self.plane.up("--listen", "127.0.0.1:0")
        address = urlparse((self.plane.home / "api.url").read_text().strip()).netloc
        job = self.plane.submit("run: sleep 600")
        self.plane.wait(job, "running")
        self.plane.kill()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(address.split(":"), timeout=5)
        self.plane.up("--listen", address)
        self.assertEqual(self.plane.show(job)["state"], "running")


class Api(PlaneTest):
    fleet = """
pools:
  - {name: here, cloud: local, shape: {cpus: 64, memory: 64GB}, nodes: 1, share_nodes: true}
  - {name: spot, cloud: aws, shape: {cpus: 1}, nodes: 1, purchase: spot}
"""
    JOB = {"text": "name: keyed\nrun: 'true'"}

    def post(self, target: str, body, key: str = ""):
        return self.plane.request("POST", target, body, key)

    def test_a_repeated_key_gives_the_same_jobs_and_refuses_others(self) -> None:
        first = self.post("/v1/jobs", self.JOB, "key")
        again = self.post("/v1/jobs", self.JOB, "key")
        other = self.post("/v1/jobs", {"text": "name: keyed\nrun: 'false'"}, "key")
        self.assertEqual((first.status, again.status, other.status), (201, 200, 409))
        self.assertEqual(first.json, again.json)
        self.assertIn(f"(job {first.json['jobs'][0]['id']})", other.message)
        self.plane.kill()
        self.plane.up()
        after_restart = self.post("/v1/jobs", self.JOB, "key")
        self.assertEqual((after_restart.status, after_restart.json), (200, first.json))

    def test_a_batch_is_taken_whole_or_not_at_all(self) -> None:
        good = [{"name": f"batch-{i}", "run": "true"} for i in range(50)]
        count = len(self.plane.ask("ls", "--limit", 1000)["jobs"])
        refused = self.post("/v1/jobs:batch", {"jobs": good + [{"name": "bad", "runs": "true"}]})
        self.assertEqual(refused.status, 400)
        self.assertIn("jobs[50]", refused.message)
        self.assertEqual(len(self.plane.ask("ls", "--limit", 1000)["jobs"]), count)
        taken = self.post("/v1/jobs:batch", {"jobs": good})
        self.assertEqual((taken.status, len(taken.json["jobs"])), (201, 50))
        for job in taken.json["jobs"]:
            self.plane.wait(job["id"])

    def test_a_file_is_taken_whole_or_not_at_all(self) -> None:
        text = "name: one\nrun: 'true'\n---\nname: two\nneeds: nobody\nrun: 'true'"
        self.assertEqual(self.post("/v1/jobs", {"text": text}).status, 400)
        self.assertEqual(self.plane.request("GET", "/v1/jobs/one").status, 404)

    def test_pages_list_every_job_once_the_newest_first(self) -> None:
        jobs = [{"name": "paged", "run": "true"}] * 7
        ids = [job["id"] for job in self.post("/v1/jobs:batch", {"jobs": jobs}).json["jobs"]]
        seen, after = [], 0
        while after is not None:
            page = self.plane.request("GET", f"/v1/jobs?name=paged&limit=3&after={after}").json
            seen += [job["id"] for job in page["jobs"]]
            after = page["next"]
        self.assertEqual(seen, ids[::-1])

    def test_what_is_wrong_is_told(self) -> None:
        for method, target, body, status in (
                ("POST", "/v1/jobs", "{", 400), ("POST", "/v1/jobs", "[]", 400),
                ("POST", "/v1/jobs", {}, 400), ("POST", "/v1/jobs", {"text": 1}, 400),
                ("POST", "/v1/jobs", {"text": "run: ["}, 400),
                ("POST", "/v1/jobs", {"text": "run: 'true'", "envs": [1]}, 400),
                ("POST", "/v1/jobs:batch", {"jobs": []}, 400),
                ("POST", "/v1/jobs:batch", {"jobs": [1]}, 400),
                ("GET", "/v1/jobs?limit=x", None, 400),
                ("GET", "/v1/jobs?state=x", None, 400), ("GET", "/v1/cost?by=x", None, 400),
                ("GET", "/v1/cost?by=%ff", None, 400), ("GET", "/v1/jobs/%ff", None, 404),
                ("GET", "/v1/jobs/nobody", None, 404), ("GET", "/v1/jobs/0", None, 404),
                ("GET", "/v1/jobs/99999999999999999999", None, 404),
                ("POST", "/v1/jobs/nobody/cancel", None, 404),
                ("POST", "/v1/pools/nowhere/reclaim", {"notice": "1s"}, 404),
                ("POST", "/v1/pools/spot/reclaim", {"notice": "soon"}, 400),
                ("POST", "/v1/pools/spot/reclaim", {"notice": 5}, 400),
                ("POST", "/v1/pools/nowhere/cordon", {"nodes": "0"}, 404),
                ("POST", "/v1/pools/spot/cordon", {}, 400),
                ("POST", "/v1/pools/spot/cordon", {"nodes": 0}, 400),
                ("POST", "/v1/pools/spot/cordon", {"nodes": "first"}, 400),
                ("POST", "/v1/pools/spot/cordon", {"nodes": "1"}, 400),
                ("POST", "/v1/pools/spot/cordon", {"nodes": "0", "reason": "x" * 1001}, 400),
                ("GET", "/v1/pools/spot/cordon", None, 404),
                ("POST", "/v1/pools/spot/explode", {"nodes": "0"}, 404),
                ("GET", "/", None, 404), ("GET", "/v1", None, 404), ("GET", "/v2/jobs", None, 404),
                ("GET", "/v1/nothing", None, 404), ("DELETE", "/v1/jobs", None, 404)):
            with self.subTest(f"{method} {target} {body}"):
                answer = self.plane.request(method, target, body)
                self.assertEqual(answer.status, status)
                self.assertTrue(answer.message)

    def test_a_body_that_is_too_large_is_refused_before_it_is_read(self) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.plane.home / "api.sock"))
            connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n"
                               b"Content-Length: 1000000000000\r\n\r\n")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 413 "))

    def test_every_path_of_the_description_is_there(self) -> None:
        job = self.plane.submit("name: described\nrun: 'true'")
        described = json.loads(self.plane.request("GET", "/v1/openapi.json").text)
        self.assertEqual(described["openapi"], "3.1.0")
        for path, methods in described["paths"].items():
            for method in methods:
                if method == "parameters" or path == "/v1/shutdown":
                    continue
                target = path.replace("{job}", str(job)).replace("{pool}", "spot")
                with self.subTest(f"{method} {path}"):
                    answer = self.plane.request(method.upper(), target)
                    # It is there, and reads the request; the state may not let it be.
                    self.assertIn(answer.status, (200, 400, 409))
                    self.assertIsInstance(answer.json, dict)

    def test_commands_print_json_for_scripts(self) -> None:
        job = self.plane.submit("name: printed\nrun: echo hello")
        self.plane.wait(job)
        self.assertEqual(self.plane.ask("show", "printed")["id"], job)
        self.assertIn(job, [row["id"] for row in self.plane.ask("ls")["jobs"]])
        self.assertIn("succeeded", self.plane.ask("explain", job)["explanation"])
        self.assertEqual(self.plane.ask("logs", job)["text"], "hello\n")
        self.assertIn("total_usd", self.plane.ask("cost"))
        self.assertEqual([pool["name"] for pool in self.plane.ask("pools")["pools"]],
                         ["here", "spot"])


class Nodes(PlaneTest):
    fleet = """
pools:
  - {name: here, cloud: local, shape: {cpus: 64, memory: 64GB}, nodes: 1, share_nodes: true}
  - {name: hall, cloud: hall, shape: {cpus: 1}, nodes: 32, topology: {leaf: 8}, features: [ib]}
queues:
  - {name: default, guarantee: 60%, lend: none}
  - {name: research, guarantee: 40%}
scheduling: {ageing: never}
reservations:
  - {name: exam, pool: hall, nodes: 0-7, from: 2027-01-01T00:00:00Z, to: 2027-01-02T00:00:00Z,
     queues: [research]}
"""

    def not_up(self) -> list[tuple[str, str, str]]:
        hall = self.plane.ask("pools")["pools"][0]
        self.assertEqual(hall["name"], "hall")
        self.assertEqual(hall["topology"], {"leaf": 8, "block": 0, "fabric": 0})
        self.assertEqual(hall["features"], [{"name": "ib", "nodes": "all"}])
        self.assertEqual([(r["name"], r["nodes"], r["where"]) for r in hall["reservations"]],
                         [("exam", 8, "0-7")])
        return [(row["nodes"], row["state"], row["reason"]) for row in hall["not_up"]]

    def test_are_cordoned_and_given_back(self) -> None:
        pools = lambda *words: self.plane.ask("pools", *words)["changed"]
        self.assertTrue(pools("cordon", "hall", "16-31,3", "--reason", "new fans"))
        self.assertFalse(pools("cordon", "hall", "3", "--reason", "new fans"))
        self.assertTrue(pools("drain", "hall", "4"))
        self.assertTrue(pools("down", "hall", "5"))
        known = [("3,16-31", "cordoned", "new fans"), ("4", "draining", ""), ("5", "down", "")]
        self.assertEqual(self.not_up(), known)
        self.assertIn("up; 3,16-31 cordoned (new fans); 4 draining; 5 down",
                      self.plane.mohona("pools").stdout)
        self.plane.kill()
        self.plane.up()
        self.assertEqual(self.not_up(), known)
        self.assertTrue(pools("uncordon", "hall", "3"))
        self.assertEqual(self.not_up()[-1], ("16-31", "cordoned", "new fans"))
        self.assertTrue(pools("up", "hall", "all"))
        self.assertEqual(self.not_up(), [])
        refused = self.plane.mohona("pools", "down", "hall", "32")
        self.assertEqual((refused.returncode, refused.stderr),
                         (2, "mohona: 'hall' has 32 nodes, from 0; there is no node 32\n"))
        self.assertTrue(self.plane.says_same())

    def test_queues_and_reservations_are_those_of_the_fleet(self) -> None:
        for keys, message in (("queue: reserch", "did you mean 'research'?"),
                              ("reservation: exams", "did you mean 'exam'?"),
                              ("reservation: exam", "not for its queue, 'default'")):
            with self.subTest(keys):
                refused = self.plane.mohona("submit", "-", stdin=f"run: 'true'\n{keys}")
                self.assertEqual(refused.returncode, 2)
                self.assertIn(message, refused.stderr)
        self.assertEqual(
            self.plane.mohona("run", "-", stdin="run: 'true'\nqueue: research").returncode, 0)


class ExitStatus(PlaneTest):
    def status(self, *arguments, stdin: str | None = None) -> int:
        done = self.plane.mohona(*arguments, stdin=stdin)
        if done.returncode > 1:
            self.assertTrue(done.stderr, arguments)
        return done.returncode

    def test_0_is_fine(self) -> None:
        self.assertEqual(self.status("run", "-", stdin="run: 'true'"), 0)

    def test_1_is_a_job_that_failed(self) -> None:
        self.assertEqual(self.status("run", "-", stdin="name: f\nrun: exit 7"), 1)
        self.assertEqual(self.status("wait", "f"), 1)

    def test_2_is_a_wrong_command_or_file(self) -> None:
        for arguments in (("nothing",), ("submit",), ("submit", "no-such-file"), ("show", "nobody"),
                          ("cancel", "nobody"), ("ls", "--limit", "0"), ("cost", "--by", "x")):
            with self.subTest(arguments):
                self.assertEqual(self.status(*arguments), 2)
        self.assertEqual(self.status("submit", "-", stdin="runs: 'true'"), 2)

    def test_3_is_no_controller_or_no_end_in_time(self) -> None:
        job = self.plane.submit("run: sleep 600")
        self.assertEqual(self.status("wait", job, "--timeout", "100ms"), 3)
        self.plane.mohona("down")
        for arguments in (("ls",), ("down",), ("show", job)):
            with self.subTest(arguments):
                self.assertEqual(self.status(*arguments), 3)
        self.plane.up()


if __name__ == "__main__":
    unittest.main()
