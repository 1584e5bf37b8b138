"""Contracts and usage in, an invoice out, as the command prints it."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "contracts"
HEADING = "hour,hours,resource,sku,cloud,region,zone,account,unit_seconds\n"


def settle(contracts, usage, *more):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "usage.csv"
        file.write_text(HEADING + usage)
        return subprocess.run([os.environ["MOHONA_BINARY"], "settle", "--contracts", str(EXAMPLES / contracts),
                               "--usage", str(file), *more], capture_output=True, text=True)


class SettleTest(unittest.TestCase):
    # Ten machines of a family for a day: 330 dollars an hour at 55.04 × 60 % = 33.024 are 0.24
    # short, 0.0072674 of a machine; the broad plan's 25 % off covers it: × 41.28 = 0.30.
    USAGE = "2026-01-05T00:00:00Z,24,i,p5.48xlarge,aws,us-east-1,us-east-1a,platform,36000\n"

    def test_json(self):
        done = settle("aws-savings-plans.yaml", self.USAGE, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads(done.stdout)
        fees = {line["term"]: line["billed"] for line in out["lines"] if line["cause"] == "fee"}
        self.assertEqual(fees, {"compute": "2880.000000", "ec2-p5": "3960.000000"})
        self.assertEqual(out["billed"], "6840.000000")
        used = {one["name"]: one["used_permille"] for one in out["commitments"]}
        self.assertEqual(used, {"ec2-p5": 1000, "compute": 2})  # 0.30 of 120.00

    def test_text(self):
        done = settle("aws-private-pricing.yaml", self.USAGE, "--to", "2027-01-02")
        self.assertEqual(done.returncode, 0, done.stderr)
        # 240 × 55.04 × 0.91 = 12,020.736 of 10,000,000
        self.assertIn("aws-ppa commit, due 2027-01-01T08:00:00Z: 12020.736000 of 10000000.000000, "
                      "9987979.264000 missing", done.stdout)
        self.assertIn("true-up", done.stdout)

    def test_mistakes(self):
        done = settle("aws-savings-plans.yaml", "2026-01-05,24,i,p5,aws,,,,many\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'many' is not such a number", done.stderr)
        done = settle("aws-savings-plans.yaml", "2026-01-05,24,i,p9,aws,,,,3600\n")
        self.assertEqual((done.returncode, done.stderr), (2, "mohona: there is no offer for p9 in aws\n"))
        done = settle("no-such-file.yaml", "")
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
