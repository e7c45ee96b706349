#!/usr/bin/env python3
"""The expected current records of the Datadog collector, worked out from the simulated account.

Independent of collector, host and simulator: plain `decimal` over tests/data/datadog/account.json, after the fact sheet and the
agreed mapping: a day costs its running total less the one before; a billed month has one adjustment for each organization and
product; the view by tag says what no team takes. Writes initial.json, restated.json, billed.json and by-tag.json into
tests/golden/datadog (or the folder given by --out).
"""

import argparse
import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
getcontext().prec = 60
STATES = [
    ("initial", "2026-08-03T12:00:00Z", False),
    ("restated", "2026-08-05T12:00:00Z", False),
    ("billed", "2026-08-16T12:00:00Z", True),
]
# Datadog tells days that lie two days back.
LAG = 2
PRICING = {"committed": "Committed", "on_demand": "Standard"}
COLUMNS = [
    "ChargePeriod.start", "ChargePeriod.end", "ChargeCategory", "Finality", "Basis", "BillingAccountId", "SubAccountId",
    "SubAccountName", "RegionId", "ServiceName", "ServiceCategory", "SkuId", "PricingCategory", "Extra.x_ChargeType",
    "Extra.x_CostSource", "BillingCurrency", "BilledCost", "EffectiveCost",
]  # fmt: skip
TAG_COLUMNS = ["ChargePeriod.start", "SubAccountId", "ServiceName", "Tags.team", "Extra.x_Attribution", "BilledCost"]
NAMES = {"o1a2b3c4d5": "acme", "o9z8y7x6w5": "acme-labs"}


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def record(first, end, category, final, org, product, kind, source, cost):
    return [
        f"{first}T00:00:00Z", f"{end}T00:00:00Z", category, "final" if final else "open", "billed", "p-acme", org, NAMES[org], "eu",
        product, "Security" if product.startswith("siem") else "Management and Governance", product,
        None if kind is None else PRICING.get(kind, "Other"), kind, source, "USD", text(cost), text(cost),
    ]  # fmt: skip


def records(account, now, billed):
    last = date.fromisoformat(now[:10]) - timedelta(days=LAG)
    rows, spent = [], defaultdict(Decimal)
    for month, org, product, kind, begins, until, totals in account["series"]:
        if not (begins <= now and (until is None or now < until)):
            continue
        final = billed and month == "2026-07"
        before = Decimal(0)
        for number, total in enumerate(totals):
            day = date.fromisoformat(f"{month}-{number + 1:02}")
            if day > last:
                break
            total = Decimal(total or 0)
            if total != before:
                of = (day, day + timedelta(days=1), "Usage", final, org, product, kind, "estimated_cost", total - before)
                rows.append(record(*of))
            before = total
        if month == "2026-07":
            spent[org, product] += before
    if billed:
        bills = defaultdict(Decimal)
        for _, org, product, _, cost in account["billed"]:
            bills[org, product] += Decimal(cost)
        for org, product in sorted({*bills, *spent}):
            beyond = bills[org, product] - spent[org, product]
            if beyond:
                of = ("2026-07-01", "2026-08-01", "Adjustment", True, org, product, None, "historical_cost", beyond)
                rows.append(record(*of))
    return rows


def by_tag(account):
    left = defaultdict(Decimal)
    for _, org, product, _, cost in account["billed"]:
        left[org, product] += Decimal(cost)
    rows = []
    for _, org, product, team, cost in account["shares"]:
        if team is not None:
            left[org, product] -= Decimal(cost)
            rows.append(["2026-07-01T00:00:00Z", org, product, team, None, text(Decimal(cost))])
    for (org, product), cost in left.items():
        if cost:
            rows.append(["2026-07-01T00:00:00Z", org, product, None, "unattributed", text(cost)])
    return rows


def write(path, columns, rows):
    rows.sort(key=lambda row: [cell or "" for cell in row])
    shown = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    path.write_text(f'{{"columns":{json.dumps(columns)},"rows":[\n{shown}\n]}}\n', encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "datadog")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    account = json.loads((HERE.parent / "data" / "datadog" / "account.json").read_text(encoding="utf-8"))
    for name, now, billed in STATES:
        write(out / f"{name}.json", COLUMNS, records(account, now, billed))
    write(out / "by-tag.json", TAG_COLUMNS, by_tag(account))


if __name__ == "__main__":
    main()
