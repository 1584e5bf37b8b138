"""A bill against our own settlement: what was put there is found, and told as a person reads it."""

import csv
import gzip
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADING = "hour,hours,resource,sku,cloud,region,zone,account,unit_seconds\n"
# Two machines of $4 all day, and a plan of $1.50 an hour at half that price. So every hour has a fee
# of $1.50, 0.75 hours that are covered, and 1.25 that cost $5.
CONTRACTS = """
offers:
- {sku: box, family: box, cloud: aws, region: us-east-1, price: 4}
- {sku: tray, family: tray, cloud: gcp, region: europe-west4, price: 1}
contracts:
- name: aws
  cloud: aws
  commitments:
  - {name: plan, from: 2026-03-01, to: 2027-03-01, dollars_per_hour: 1.5, rates: [{off: 50%}], hourly: 1.5}
"""
USAGE = """2026-03-04T00:00:00Z,24,i-1,box,aws,us-east-1,us-east-1a,,3600
2026-03-04T00:00:00Z,24,i-2,box,aws,us-east-1,us-east-1b,,3600
2026-03-04T00:00:00Z,24,i-3,tray,gcp,europe-west4,,,3600
"""


class Reconcile(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "contracts.yaml").write_text(CONTRACTS)
        (self.folder / "usage.csv").write_text(HEADING + USAGE)
        self.files = ["--contracts", "contracts.yaml", "--usage", "usage.csv"]
        self.run_mohona(0, "export", "focus", *self.files, "--out", "bill.csv")
        with (self.folder / "bill.csv").open() as file:
            self.rows = list(csv.DictReader(file))

    def run_mohona(self, status, *arguments):
        done = subprocess.run([os.environ["MOHONA_BINARY"], *arguments], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status < 2 else done.stderr

    def reconcile(self, status, *arguments):
        """The rows as they stand now, as a bill."""
        columns = list(self.rows[0])
        with (self.folder / "bill.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns[::-1], quoting=csv.QUOTE_ALL)  # in another order
            writer.writeheader()
            writer.writerows(self.rows)
        return self.run_mohona(status, "reconcile", "bill.csv", *self.files, *arguments)

    def usage(self, hour, sku="box", covered=False):
        """The rows of that hour's usage."""
        return [row for row in self.rows if row["ChargePeriodStart"] == f"2026-03-04T{hour:02}:00:00Z"
                and row["SkuId"] == sku and (row["CommitmentDiscountStatus"] == "Used") == covered]

    def test_our_own_export_agrees(self):
        for cost in ("billed", "effective"):
            self.assertIn("\nBoth agree.\n", self.reconcile(0, "--cost", cost))
        self.assertEqual(self.reconcile(0, "--cloud", "gcp"), """\
2026-03-04T00:00:00Z to 2026-03-05T00:00:00Z, billed cost

                                            ROWS                    MONEY
  the bill                                    24                   $24.00
  ours                                        24                   $24.00
  difference                                                        $0.00
  96 rows of the bill are of another cloud or time.

Both agree.
""")

    def test_a_bill_of_one_cloud_says_nothing_of_others(self):
        self.rows = [row for row in self.rows if row["ProviderName"] == "gcp"]
        self.assertIn("\nBoth agree.\n", self.reconcile(0))

    def test_a_large_export_of_every_kind_of_charge_agrees(self):
        self.files[1] = str(ROOT / "tests" / "focus" / "contracts.yaml")
        (self.folder / "usage.csv").write_text(HEADING + "".join(
            f"2026-01-01T00:00:00Z,{24 * 59},r-{i},{sku},{place},,{seconds}\n"
            for i, (sku, place, seconds) in enumerate([
                ("p5.48xlarge", "aws,us-east-1,us-east-1a", 3600), ("p5.48xlarge/spot", "aws,us-east-1,", 1801),
                ("m7i.48xlarge", "aws,us-east-1,us-east-1a", 2000), ("D4s", "azure,eastus,", 3599),
                ("cpu", "gcp,us-central1,", 7200), ("bm-gpu-h100-8", "oci,us-ashburn-1,", 1800)])))
        self.run_mohona(0, "export", "focus", *self.files, "--to", "2026-03-01", "--out", "bill.csv")
        with gzip.open(self.folder / "bill.csv.gz", "wb") as file:
            file.write((self.folder / "bill.csv").read_bytes())
        for more in ([], ["--cost", "effective"], ["--from", "2026-01-20", "--to", "2026-02-10"]):
            self.assertIn("\nBoth agree.\n", self.run_mohona(0, "reconcile", "bill.csv.gz", *self.files, *more))

    def test_a_bill_by_the_day_agrees(self):
        days = {}
        for row in self.rows:
            key = tuple(row[name] for name in ("ChargeCategory", "ProviderName", "SkuId", "CommitmentDiscountId",
                                               "CommitmentDiscountStatus"))
            if key not in days:
                days[key] = dict(row, ChargePeriodStart="2026-03-04 00:00:00", ChargePeriodEnd="2026-03-05 00:00:00",
                                 ProviderName={"aws": "Amazon Web Services", "gcp": "Google Cloud"}[row["ProviderName"]])
                continue
            for name in ("BilledCost", "ConsumedQuantity", "PricingQuantity"):
                if row[name]:
                    days[key][name] = f"{float(days[key][name]) + float(row[name]):.2f}"
        self.rows = list(days.values())
        self.assertIn("\nBoth agree.\n", self.reconcile(0))

    def test_what_was_put_there_is_found(self):
        # Half an hour more than ran.
        row = self.usage(1)[0]
        row["ConsumedQuantity"] = str(float(row["ConsumedQuantity"]) + 0.5)
        row["BilledCost"] = str(float(row["BilledCost"]) + 2)
        # Another price, for all of the hour.
        for row in self.usage(2):
            row["BilledCost"] = str(float(row["BilledCost"]) * 1.25)
        # The plan covered nothing.
        for row in self.usage(3, covered=True):
            row.update(CommitmentDiscountId="", CommitmentDiscountStatus="", BilledCost="3")
        # Another team's machine, a tax, a correction, a rounded row, and an hour that is missing.
        other = self.usage(4)[0]
        self.rows.append(dict(other, SkuId="crate", ConsumedQuantity="2", BilledCost="7"))
        self.rows.append(dict(other, SkuId="", ChargeCategory="Tax", ConsumedQuantity="NULL", PricingQuantity="NULL",
                              BilledCost="9.5", ChargePeriodStart="2026-03-01T00:00:00Z",
                              ChargePeriodEnd="2026-04-01T00:00:00Z"))
        self.rows.append(dict(self.usage(5)[0], ChargeClass="Correction", BilledCost="-1", ConsumedQuantity="-0.25"))
        row = self.usage(6)[0]
        row["BilledCost"] = str(float(row["BilledCost"]) + 0.004)
        missing = self.usage(7, sku="tray")
        self.rows = [row for row in self.rows if row not in missing]
        self.assertEqual(self.reconcile(1), """\
2026-03-04T00:00:00Z to 2026-03-05T00:00:00Z, billed cost

                                            ROWS                    MONEY
  the bill                                   122                 $200.754
  ours                                       120                  $180.00
  difference                                                      $20.754

  WHY                   DIFFERENCES         ROWS                    MONEY
  rounding                        1            2                   $0.004
  late or corrected               1            1                   -$1.00
  coverage                        1            3                    $3.00
  fee, tax or credit              1            1                    $9.50
  only on the bill                1            1                    $7.00
  only in ours                    1            1                   -$1.00
  price                           1            2                    $1.25
  quantity                        1            2                    $2.00
  unexplained                                                       $0.00

Of $24.754 that differ up or down, 100.0 % are explained; by rounding $0.004 (0.0 %).

The largest:
  $9.50  fee, tax or credit: tax in us-east-1 in 2026-03: billed $9.50, our contracts know no such tax
  $7.00  only on the bill: crate in us-east-1 on 2026-03-04 at 04:00: billed 2 machine-hours for $7.00, we have none
  $3.00  coverage: box in us-east-1 on 2026-03-04 at 03:00: commitments cover 0 of 2 machine-hours on the bill, 0.75 in ours
  $2.00  quantity: box in us-east-1 on 2026-03-04 at 01:00: billed 1.75 machine-hours at $4.00, we have 1.25: 0.5 are only on the bill
  $1.25  price: box in us-east-1 on 2026-03-04 at 02:00: billed 1.25 machine-hours at $5.00, our price is $4.00
  -$1.00  late or corrected: box in us-east-1 on 2026-03-04 at 05:00: the bill corrects an earlier one by -$1.00
  -$1.00  only in ours: tray in europe-west4 on 2026-03-04 at 07:00: we have 1 machine-hour for $1.00, the bill has none
""")

    def test_json_and_names(self):
        for row in self.rows:
            row["SkuId"] = row["SkuId"].replace("box", "XF6YS6EN")
            row["CommitmentDiscountId"] = row["CommitmentDiscountId"].replace("aws/plan", "arn:1:plan/2")
        out = json.loads(self.reconcile(1, "--json"))
        self.assertFalse(out["agrees"])
        self.assertEqual((out["difference"], out["unexplained"]), ("0", "0"))
        self.assertEqual({one["kind"] for one in out["differences"]},
                         {"only on the bill", "only in ours", "fee, tax or credit"})
        (self.folder / "names.csv").write_text(
            "what,theirs,ours\nsku,XF6YS6EN,box\ncommitment,arn:1:plan/2,aws/plan\n")
        out = json.loads(self.reconcile(0, "--json", "--names", "names.csv"))
        self.assertEqual((out["agrees"], out["differences"]), (True, []))
        (self.folder / "names.csv").write_text("what,theirs,ours\nshape,XF6YS6EN,box\n")
        self.assertEqual(self.reconcile(2, "--names", "names.csv"), "mohona: names.csv:2: what is 'shape'; expected "
                         "cloud, region, sku or commitment\n")

    def test_mistakes(self):
        self.rows[3]["BillingCurrency"] = "EUR"
        self.assertEqual(self.reconcile(2), "mohona: bill.csv:5: BillingCurrency is 'EUR'; expected USD: contracts are "
                         "in US dollars only\n")
        self.assertIn("cannot read nothing.csv", self.run_mohona(2, "reconcile", "nothing.csv", *self.files))
        (self.folder / "bill.csv").write_text("SkuId,BilledCost\n")
        self.assertIn("bill.csv:1: no column BillingAccountId, no column BillingCurrency",
                      self.run_mohona(2, "reconcile", "bill.csv", *self.files))
        self.rows[3]["BillingCurrency"] = "USD"
        self.assertEqual(self.reconcile(2, "--cloud", "azure"),
                         f"mohona: bill.csv: none of its {len(self.rows)} rows is of that cloud and time\n")


if __name__ == "__main__":
    unittest.main()
