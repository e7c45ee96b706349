#!/usr/bin/env python3
"""The expected current records of the AWS collector's counted stream, worked out from the simulated bill's lines.

Independent of collector, host and simulator: plain `decimal` over tests/data/aws/lines.json, after the fact sheet and
the agreed mapping: costs after private discounts, usage by day, account, service and usage type, everything else by day,
account, record type and service. States follow each other; each file holds the days that differ from the state before.

Writes initial.json, restated.json, closed.json and credited.json into tests/golden/aws (or the folder given by --out),
and export.json: what the FOCUS export of July says on 2026-08-03, by day, account, service and charge category.
"""

import argparse
import json
from collections import defaultdict
from datetime import date
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "aws"
getcontext().prec = 60
# Name, patches applied so far, first day of the run's look-back, today.
STATES = [
    ("initial", [], "2026-07-01", "2026-08-03"),
    ("restated", ["restate"], "2026-07-01", "2026-08-03"),
    ("closed", ["restate"], "2026-07-01", "2026-08-07"),
    ("credited", ["restate", "credit"], "2026-07-01", "2026-08-08"),
]
USAGE = {"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation"}
CATEGORIES = {
    "Credit": "Credit",
    "Refund": "Credit",
    "Tax": "Tax",
    "Fee": "Purchase",
    "SavingsPlanRecurringFee": "Purchase",
}
SERVICES = {
    "Amazon Elastic Compute Cloud - Compute": "Compute",
    "EC2 - Other": "Compute",
    "Amazon Elastic Container Service for Kubernetes": "Compute",
    "AWS Lambda": "Compute",
    "Amazon Relational Database Service": "Databases",
    "Amazon Simple Storage Service": "Storage",
    "AWS Cost Explorer": "Management and Governance",
    "AWS CloudTrail": "Management and Governance",
    "Savings Plans for AWS Compute usage": "Compute",
}


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def closed(day, today):
    """A month closes when the sixth of the next one has passed."""
    year, month = (day.year, day.month + 1) if day.month < 12 else (day.year + 1, 1)
    return today >= date(year, month, 6)


def records(lines, names, first, today):
    sums = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0), set()])
    for line in lines:
        if not first <= line["day"] <= today:
            continue
        usage = line["record_type"] in USAGE
        key = (
            line["day"], line["account"], line["service"],
            None if usage else line["record_type"], line["usage_type"] if usage else None,
        )  # fmt: skip
        of = sums[key]
        of[0] += Decimal(line["net_unblended"])
        of[1] += Decimal(line["net_amortized"])
        of[2] += Decimal(line["quantity"])
        if line["unit"] != "N/A":
            of[3].add(line["unit"])
    days = defaultdict(list)
    for (day, account, service, record_type, usage_type), (billed, effective, quantity, units) in sums.items():
        if record_type is not None:
            quantity = Decimal(0)
        if billed == 0 and effective == 0 and quantity == 0:
            continue
        days[day].append(
            {
                "day": day,
                "account": account,
                "account_name": names[account],
                "category": "Usage" if record_type is None else CATEGORIES.get(record_type, "Adjustment"),
                "record_type": record_type,
                "service": service,
                "service_category": SERVICES.get(service, "Other"),
                "usage_type": usage_type,
                "currency": "USD",
                "billed": text(billed),
                "effective": text(effective),
                "quantity": text(quantity) if quantity and len(units) == 1 else None,
                "unit": next(iter(units)) if quantity and len(units) == 1 else None,
                "finality": "final" if closed(date.fromisoformat(day), date.fromisoformat(today)) else "open",
            }
        )
    for of in days.values():
        of.sort(key=lambda r: (r["account"], r["service"], r["record_type"] or "", r["usage_type"] or ""))
    return dict(days)


def export(lines):
    """A savings plan's covered usage is billed nothing there and has its amortised cost; the negation is no line."""
    sums = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    for line in lines:
        kind = line["record_type"]
        if not line["day"].startswith("2026-07") or kind == "SavingsPlanNegation":
            continue
        category = "Usage" if kind in USAGE else CATEGORIES.get(kind, "Adjustment")
        of = sums[line["day"], line["account"], line["service"], category]
        of[0] += 0 if kind == "SavingsPlanCoveredUsage" else Decimal(line["net_unblended"])
        of[1] += Decimal(line["net_amortized"])
        of[2] += 1
    return [[*key, text(of[0]), text(of[1])] for key, of in sorted(sums.items())]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "aws")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    file = json.loads((DATA / "lines.json").read_text(encoding="utf-8"))
    before = {}
    for name, patches, first, today in STATES:
        lines = [dict(zip(file["columns"], row, strict=True)) for row in file["rows"]]
        for patch in patches:
            change = json.loads((DATA / "patches" / f"{patch}.json").read_text(encoding="utf-8"))
            change = {k: [dict(zip(file["columns"], row, strict=True)) for row in v] for k, v in change.items()}
            for line in change["remove"]:
                lines.remove(line)
            lines.extend(change["add"])
        now = records(lines, file["accounts"], first, today)
        changed = [{"day": d, "records": now[d]} for d in sorted(now) if now[d] != before.get(d)]
        assert set(before) <= set(now), "a day lost all its records"
        rows = ",\n".join(
            f'{{"day":"{c["day"]}","records":[\n'
            + ",\n".join(json.dumps(r, separators=(",", ":")) for r in c["records"])
            + "\n]}"
            for c in changed
        )
        (out / f"{name}.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")
        before = now
    lines = [dict(zip(file["columns"], row, strict=True)) for row in file["rows"]]
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in export(lines))
    (out / "export.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
