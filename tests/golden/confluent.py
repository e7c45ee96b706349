#!/usr/bin/env python3
"""The expected current records of the Confluent collector, worked out from the simulated organization's rows.

Independent of collector, host and simulator: plain `decimal` over tests/data/confluent/rows.json, after the fact sheet and the agreed
mapping: a record for every day (or longer period), product, line type, unit, network access, environment and resource; rows that
agree in these are added up. States are moments of the clock; the books begin with July.

Writes initial.json, restated.json and closed.json into tests/golden/confluent (or the folder given by --out).
"""

import argparse
import json
from collections import defaultdict
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
getcontext().prec = 80
STATES = {
    "initial": "2026-08-03T12:00:00Z",
    "restated": "2026-08-04T12:00:00Z",
    "closed": "2026-08-09T12:00:00Z",
}
FIRST = "2026-07-01"
CATEGORIES = {"KAFKA": "Integration", "CONNECT": "Integration", "STREAM_GOVERNANCE": "Management and Governance"}
TYPES = {"lkc": "Kafka Cluster", "lcc": "Connector"}
COLUMNS = [
    "ChargePeriod.start", "ChargePeriod.end", "BillingPeriod.start", "BillingPeriod.end", "ChargeCategory", "ChargeFrequency",
    "ChargeDescription", "BillingAccountId", "SubAccountId", "SubAccountType", "ServiceProviderName", "ServiceName",
    "ServiceCategory", "SkuId", "SkuMeter", "ResourceId", "ResourceName", "ResourceType", "Extra.x_NetworkAccessType",
    "Extra.x_Attribution", "BillingCurrency", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ConsumedQuantity",
    "ConsumedUnit", "PricingQuantity", "PricingUnit", "PricingCategory", "ListUnitPrice", "Finality", "Basis",
]  # fmt: skip


def text(value):
    if value is None:
        return None
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def total(values):
    return None if any(value is None for value in values) else sum(values, Decimal(0))


def environment(row):
    inside = row.get("resource", {}).get("environment")
    return row.get("environment", {}).get("id") or (inside["id"] if isinstance(inside, dict) else inside)


def records(rows, now):
    groups = defaultdict(list)
    for row in rows:
        if row["start_date"] < FIRST:
            continue
        of = row.get("resource", {})
        key = (
            row["start_date"], row["end_date"], row.get("product"), row["line_type"], row["unit"], row.get("network_access_type"),
            environment(row), of.get("id"), of.get("display_name"),
        )  # fmt: skip
        groups[key].append(row)
    result = []
    for key, members in groups.items():
        start, end, product, line_type, unit, access, sub_account, identity, name = key
        credit = line_type == "PROMO_CREDIT"
        support = line_type == "SUPPORT"
        usage = not credit and not support
        amounts = [m.get("amount", m["original_amount"] - m.get("discount_amount", Decimal(0))) for m in members]
        cost = sum(amounts, Decimal(0))
        listed = None if credit else total([m["original_amount"] for m in members])
        known = [m["quantity"] for m in members if "quantity" in m]
        quantity = None if credit or not known else sum(known, Decimal(0))
        prices = {m.get("price") if m.get("price") is not None and m["price"] * m["quantity"] == m["original_amount"] else None for m in members}
        price = prices.pop() if len(prices) == 1 and quantity is not None else None
        month = start[:8] + "01"
        next_month = f"2026-{int(start[5:7]) + 1:02}-01"
        category = "Usage" if usage else "Credit" if credit else "Purchase"
        frequency = {"Usage": "Usage-Based", "Purchase": "Recurring", "Credit": None}[category]
        result.append(
            [
                f"{start}T00:00:00Z", f"{end}T00:00:00Z", f"{month}T00:00:00Z", f"{next_month}T00:00:00Z", category, frequency,
                line_type, "b0a1c2d3-org", sub_account, "Environment" if sub_account else None, "Confluent", product or "Unknown",
                CATEGORIES.get(product, "Other"), line_type, unit, identity, name, TYPES[identity[:3]] if identity else None,
                access, "unattributed" if usage and not identity else None, "USD", text(cost), text(cost), text(listed),
                None if credit else text(cost), text(quantity) if usage else None, unit if usage and quantity is not None else None,
                text(quantity), unit if quantity is not None else None, "Standard" if quantity is not None else None, text(price),
                # A month is closed seven days after its end.
                "final" if start < "2026-08-01" and now >= "2026-08-08T00:00:00Z" else "open", "billed",
            ]
        )  # fmt: skip
    result.sort(key=lambda row: [cell or "" for cell in row])
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "confluent")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    data = (HERE.parent / "data" / "confluent" / "rows.json").read_text(encoding="utf-8")
    versions = json.loads(data, parse_float=Decimal, parse_int=Decimal)
    for name, now in STATES.items():
        # Costs are asked for up to the day before.
        seen = [v["row"] for v in versions if v["since"] <= now and (v["until"] is None or now < v["until"])]
        seen = [row for row in seen if row["start_date"] < now[:10]]
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in records(seen, now))
        head = f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n'
        (out / f"{name}.json").write_text(head + rows + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
