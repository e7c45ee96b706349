#!/usr/bin/env python3
"""The expected current records of the GitHub collector, worked out from the simulated report's lines.

Independent of collector, host and simulator: plain `decimal` over tests/data/github/lines.json, after the fact sheet and the
agreed mapping: a record for each day, product, SKU and repository; list and contracted cost are gross, billed and effective
net. Writes initial.json, restated.json and closed.json into tests/golden/github (or the folder given by --out).
"""

import argparse
import json
from collections import defaultdict
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
getcontext().prec = 60
STATES = [
    ("initial", "2026-08-03T12:00:00Z"),
    ("restated", "2026-08-03T18:30:00Z"),
    ("closed", "2026-08-07T12:00:00Z"),
]
SERVICES = {"actions": "GitHub Actions", "git_lfs": "Git LFS", "copilot": "GitHub Copilot", "packages": "GitHub Packages"}
UNITS = {"minutes": "Minutes", "gigabytehours": "GB-Hours", "usermonths": "User-Months", "gigabytes": "GB"}
COLUMNS = [
    "ChargePeriod.start", "ChargePeriod.end", "ChargeCategory", "ChargeFrequency", "Finality", "Basis", "BillingAccountId",
    "SubAccountId", "ServiceName", "ServiceCategory", "SkuId", "ResourceId", "Tags.repository", "BillingCurrency", "ListCost",
    "ContractedCost", "BilledCost", "EffectiveCost", "PricingQuantity", "PricingUnit", "ConsumedQuantity", "ListUnitPrice",
]  # fmt: skip


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def next_day(day):
    year, month, of = map(int, day.split("-"))
    last = {7: 31, 8: 31}[month]
    return f"{year}-{month:02}-{of + 1:02}" if of < last else f"{year}-{month + 1:02}-01"


def records(lines, now):
    # Final once the fifth of the next month has passed.
    july_is_final = now >= "2026-08-06"
    sums = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
    prices = {}
    for line in lines:
        shown = line["from"] <= now and (line["until"] is None or now < line["until"])
        if not shown or line["day"] > now[:10]:
            continue
        product = line["product"].lower()
        sku = line["sku"].lower().replace(" ", "_")
        unit = UNITS.get(line["unit"].lower().replace("-", ""), line["unit"])
        repository = line["repo"] or None
        if repository and "/" not in repository:
            repository = f"{line['org'].lower()}/{repository}"
        key = (line["day"], product, sku, unit, line["org"].lower(), repository)
        for place, name in enumerate(("gross", "net", "quantity")):
            sums[key][place] += Decimal(line[name])
        prices[key] = line["price"]
    rows = []
    for key, (gross, net, quantity) in sums.items():
        day, product, sku, unit, org, repository = key
        licence = unit == "User-Months"
        final = day < "2026-08" and july_is_final
        rows.append([
            f"{day}T00:00:00Z", f"{next_day(day)}T00:00:00Z", "Purchase" if licence else "Usage",
            "Recurring" if licence else "Usage-Based", "final" if final else "open", "billed", "acme", org,
            SERVICES.get(product, product), "Developer Tools" if product in SERVICES else "Other", sku, repository, repository, "USD",
            text(gross), text(gross), text(net), text(net), text(quantity), unit, None if licence else text(quantity),
            text(Decimal(prices[key])),
        ])  # fmt: skip
    return sorted(rows, key=lambda row: [cell or "" for cell in row])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "github")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    file = json.loads((HERE.parent / "data" / "github" / "lines.json").read_text(encoding="utf-8"))
    lines = [dict(zip(file["columns"], row, strict=True)) for row in file["rows"]]
    for name, now in STATES:
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in records(lines, now))
        text_of = f'{{"columns":{json.dumps(COLUMNS)},"rows":[\n{rows}\n]}}\n'
        (out / f"{name}.json").write_text(text_of, encoding="utf-8")


if __name__ == "__main__":
    main()
