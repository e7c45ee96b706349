#!/usr/bin/env python3
"""The expected current records of the Redis Cloud collector, worked out from the lines of the simulated account's cost reports.

Independent of collector, host and simulator: plain `decimal` over tests/data/redis-cloud/lines.json, after the fact sheet and the
agreed mapping: the report's FOCUS columns, each line in the month in which its charge begins. States are moments of the clock.

Writes a file a state into tests/golden/redis-cloud (or the folder given by --out).
"""

import argparse
import json
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "redis-cloud"
getcontext().prec = 60
STATES = {
    "initial": "2026-08-03T12:00:00Z",
    "restated": "2026-08-05T12:00:00Z",
    "closed": "2026-08-07T12:00:00Z",
}
# From when on a month is final: five days after its end.
FINAL = {"2026-07": "2026-08-06T00:00:00Z", "2026-08": "2026-09-06T00:00:00Z"}
CATEGORIES = {"Usage", "Purchase", "Tax", "Adjustment"}
COLUMNS = [
    "ChargePeriod.start", "ChargePeriod.end", "BillingPeriod.start", "BillingPeriod.end", "ChargeCategory", "ChargeFrequency",
    "ChargeDescription", "BillingAccountId", "BillingAccountName", "ServiceProviderName", "InvoiceIssuerName", "ServiceName",
    "ServiceCategory", "ServiceSubcategory", "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType", "SkuId",
    "PricingCategory", "PricingQuantity", "PricingUnit", "ListUnitPrice", "ContractedUnitPrice", "ConsumedQuantity", "ConsumedUnit",
    "BillingCurrency", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "Tags.team", "Tags.note",
    "Extra.x_ConsumedUnit", "Extra.x_ServiceCategory", "Finality", "Basis",
]  # fmt: skip


def number(text):
    if not text:
        return None
    plain = format(Decimal(text), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def record(line, now):
    of = lambda name: line.get(name) or None  # noqa: E731
    unit = of("PricingUnit")
    known = line["ServiceCategory"] == "Databases"
    return [
        line["ChargePeriodStart"], line["ChargePeriodEnd"], line["BillingPeriodStart"], line["BillingPeriodEnd"],
        line["ChargeCategory"] if line["ChargeCategory"] in CATEGORIES else "Adjustment", line["ChargeFrequency"],
        of("ChargeDescription"), line["BillingAccountId"], line["BillingAccountName"], "Redis", None, line["ServiceName"],
        line["ServiceCategory"] if known else "Other", line["ServiceSubcategory"], of("RegionId"), of("RegionName"), of("ResourceId"),
        of("ResourceName"), of("ResourceType"), f"{line['ServiceName']} {unit}" if unit else line["ServiceName"], "Standard",
        number(of("PricingQuantity")), unit, number(of("ListUnitPrice")), number(of("ContractedUnitPrice")),
        number(of("ConsumedQuantity")), of("ConsumedUnit"), line["BillingCurrency"], number(line["BilledCost"]),
        number(line["EffectiveCost"]), number(line["ListCost"]), number(line["ContractedCost"]),
        line.get("Tags", {}).get("team"), line.get("Tags", {}).get("note"), of("ConsumedUnit"),
        None if known else line["ServiceCategory"], "final" if now >= FINAL[line["ChargePeriodStart"][:7]] else "open", "billed",
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "redis-cloud")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    lines = json.loads((DATA / "lines.json").read_text(encoding="utf-8"))
    for name, now in STATES.items():
        shown = [
            of["line"] for of in lines
            if of["from"] <= now and (of["gone"] is None or of["gone"] > now) and of["line"]["ChargePeriodStart"][:7] in FINAL
        ]  # fmt: skip
        rows = sorted((record(line, now) for line in shown), key=lambda row: [cell or "" for cell in row])
        text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        (out / f"{name}.json").write_text(f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n{text}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
