"""Price files in, what is accepted and what is set aside out, as the command prints it."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from plane import Plane

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "list-prices.yaml"

CATALOGUE = """\
InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone
p5.48xlarge,H100,8.0,192.0,2048.0,"{'Gpus': [1, 2]}",55.04,14.246000,us-east-1,use1-az5
p5.48xlarge,H100,8.0,192.0,2048.0,,55.04,60.0,us-east-1,use1-az2
m7i.large,,,2.0,8.0,,0.0,,us-east-1,use1-az2
"""
SAID = ["--as-of", "2026-11-01", "--source", "a catalogue"]

PRICES = """
prices: {as_of: 2026-07-20, source: our own list, currency: USD}
offers: [{sku: box, cloud: local, price: 7.25}]
"""
FLEET = """
prices: [lists/prices.yaml]
pools: [{name: here, cloud: local, region: here, shape: {name: box, cpus: 4, memory: 4GB}, nodes: 1}]
contracts: []
"""


class PricesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "aws.csv").write_text(CATALOGUE)

    def prices(self, *arguments):
        return subprocess.run([os.environ["MOHONA_BINARY"], "prices", *map(str, arguments)], capture_output=True,
                              text=True, cwd=self.folder)

    def ask(self, *arguments):
        done = self.prices(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_shipped(self):
        out = self.ask(SHIPPED)
        self.assertGreaterEqual(len(out["offers"]), 60)
        self.assertEqual(out["set_aside"], [])
        only = self.ask(SHIPPED, "--gpu", "H100:8", "--region", "us-east-1")
        self.assertEqual([(one["sku"], one["tiers"][0]["price"]) for one in only["offers"]],
                         [("p5.48xlarge", "55.04")])

    def test_table(self):
        done = self.prices("aws.csv", *SAID)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), [
            "a catalogue, as of 2026-11-01",
            "  SKU                              PLACE                              ACCELERATORS      DOLLARS AN HOUR",
            "  p5.48xlarge                      aws/us-east-1/use1-az5             h100:8                      55.04",
            "  p5.48xlarge/spot                 aws/us-east-1/use1-az5             h100:8                     14.246",
            "  p5.48xlarge                      aws/us-east-1/use1-az2             h100:8                      55.04",
            "",
            "2 prices are set aside:",
            "  aws.csv:3: p5.48xlarge/spot in aws/us-east-1/use1-az2 at 60.00: spot at $60.00 costs more than on demand "
            "at $55.04 (aws.csv:3)",
            "  aws.csv:4: m7i.large in aws/us-east-1/use1-az2 at 0.00: a price of 0 is none"])

    def test_import(self):
        done = self.prices("aws.csv", *SAID, "--format", "yaml")
        self.assertEqual((done.returncode, done.stderr),
                         (0, "mohona: 2 prices are set aside; without --format yaml it is shown why\n"))
        (self.folder / "imported.yaml").write_text(done.stdout)
        again = self.ask("imported.yaml")
        before = self.ask("aws.csv", *SAID)
        for out in (again, before):
            for one in out["offers"]:
                del one["origin"]["file"], one["origin"]["line"]
        self.assertEqual(again["offers"], before["offers"])
        self.assertEqual(again["set_aside"], [])

    def test_without_provenance(self):
        out = self.ask("aws.csv")
        self.assertEqual(out["offers"], [])
        self.assertEqual({one["why"] for one in out["set_aside"]}, {"no source is named"})
        self.assertEqual(len(out["set_aside"]), 5)

    def test_mistakes(self):
        (self.folder / "vms.csv").write_text(CATALOGUE)
        (self.folder / "euro.yaml").write_text("prices: {currency: EUR}\n")
        for arguments, message in [
                (["vms.csv"], "mohona: vms.csv: nothing says of which cloud it is; say --cloud\n"),
                (["euro.yaml"], "euro.yaml:1:20: 'currency' cannot be 'EUR'\n"
                                "  1 | prices: {currency: EUR}\n"
                                "    |                    ^~~\n"
                                "  expected USD: amounts in other currencies are not understood yet\n"),
                (["euro.yaml", "--source", "me"], "mohona: --cloud, --as-of and --source are for CSV files; "
                                                  "a price file says them itself\n")]:
            done = self.prices(*arguments)
            self.assertEqual((done.returncode, done.stderr), (2, message))
        self.assertEqual(self.prices("no-such-file.yaml").returncode, 2)


class PricesOfAFleet(unittest.TestCase):
    # The list is found from where the fleet file was given, also at a start without it.
    def test_later_starts_read_them(self):
        plane = Plane(FLEET)
        self.addCleanup(plane.end)
        plane.write("../lists/prices.yaml", PRICES)
        plane.up()
        self.assertEqual(plane.mohona("down").returncode, 0)
        self.assertEqual(plane.mohona("up", "--detach").returncode, 0)
        job = plane.submit("name: one\nresources: {cpus: 4}\nrun: 'true'\n")
        plane.wait(job)
        self.assertIn("7.25", plane.mohona("explain", job, "--price").stdout)


if __name__ == "__main__":
    unittest.main()
