#!/usr/bin/env python3
"""The expected current records of the Elastic collector, worked out from the simulated organization's product lines.

Independent of collector, host and simulator: plain `decimal` over tests/data/elastic/lines.json, after the fact sheet and the agreed
mapping: a record for every day, instance and product line with a cost or a quantity; what a day's total has more than its lines is
a record of its own. States are moments of the clock; the books begin with July.

Writes initial.json, restated.json, closed.json and contract.json (closed, in euros by a price list) into tests/golden/elastic (or
the folder given by --out).
"""

import argparse
import json
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
getcontext().prec = 80
STATES = {
    "initial": "2026-08-03T12:00:00Z",
    "restated": "2026-08-04T12:00:00Z",
    "closed": "2026-08-09T12:00:00Z",
    "contract": "2026-08-09T12:00:00Z",
}
FIRST = "2026-07-01"
CATEGORIES = {"deployment": "Databases", "security": "Security"}
CLOUDS = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Microsoft"}
COLUMNS = [
    "ChargePeriod.start", "ChargePeriod.end", "BillingPeriod.start", "ChargeCategory", "ChargeFrequency", "ChargeDescription",
    "BillingAccountId", "ServiceProviderName", "HostProviderName", "ServiceName", "ServiceCategory", "RegionId", "ResourceId",
    "ResourceName", "ResourceType", "SkuId", "SkuMeter", "Extra.x_Kind", "Extra.x_Attribution", "BillingCurrency", "BilledCost",
    "EffectiveCost", "ListCost", "ContractedCost", "ConsumedQuantity", "ConsumedUnit", "PricingQuantity", "PricingUnit",
    "PricingCategory", "PricingCurrency", "ListUnitPrice", "PriceCard", "Finality", "Basis",
]  # fmt: skip


def text(value):
    if value is None:
        return None
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def card(state, day):
    """Price of an ECU, its currency and its card."""
    if state != "contract":
        return Decimal(1), "USD", "ecu-price@default"
    if day < "2026-07-16":
        return Decimal("0.915"), "EUR", "ecu-price@2026-01-01"
    return Decimal("0.8725"), "EUR", "ecu-price@2026-07-16"


def next_day(day):
    year, month, of = (int(part) for part in day.split("-"))
    return f"{year}-{month + 1:02}-01" if of == 31 else f"{year}-{month:02}-{of + 1:02}"


def record(state, now, day, instance, line, ecu):
    price, currency, of_card = card(state, day)
    cost, dollars = ecu * price, currency == "USD"
    quantity = Decimal(line["quantity"]) if line and Decimal(line["quantity"]) else None
    rate = Decimal(line["rate"]) if line else None
    listed = quantity is not None and dollars and rate * quantity == ecu
    sku = line["sku"] if line else None
    parts = sku.rsplit("_", 3) if sku else []
    capacity = len(parts) == 4 and parts[2].isdigit() and parts[3].isdigit()
    kind = instance["type"] if instance else None
    return [
        f"{day}T00:00:00Z", f"{next_day(day)}T00:00:00Z", f"{day[:8]}01T00:00:00Z", "Usage" if line else "Adjustment",
        "Usage-Based" if line else None, line["name"] if line else "Total less product lines", "3166899605", "Elastic",
        CLOUDS.get(sku.split(".")[0]) if sku else None, f"Elastic Cloud {kind}" if kind else "Elastic Cloud",
        CATEGORIES.get(kind, "Other"), parts[1] if capacity else None, instance["id"] if instance else None,
        (instance["name"] or None) if instance else None, kind, sku, line["type"] if line else None,
        line["kind"] if line else None, None if line else "unattributed", currency, text(cost), text(cost),
        text(ecu) if line and dollars else None, text(cost) if line else None, text(quantity),
        line["unit"] if quantity is not None else None, text(quantity), line["unit"] if quantity is not None else None, "Standard",
        "ECU", text(rate) if listed else None, of_card,
        # A month is closed seven days after its end.
        "final" if day < "2026-08-01" and now >= "2026-08-08T00:00:00Z" else "open", "estimated",
    ]  # fmt: skip


def records(state, now, versions):
    days = {}
    for version in versions:
        # Days are asked for up to the one before; the books begin with July.
        if FIRST <= version["day"] < now[:10]:
            days.setdefault(version["day"], []).append(version)
    result = []
    for day, members in days.items():
        shown = [member for member in members if not member["hidden"]]
        for member in shown:
            line = member["line"]
            ecu = Decimal(line["total_ecu"])
            if ecu or Decimal(line["quantity"]):
                result.append(record(state, now, day, member["instance"], line, ecu))
        hidden = sum(Decimal(member["line"]["total_ecu"]) for member in members if member["hidden"])
        if hidden:
            result.append(record(state, now, day, None, None, hidden))
    result.sort(key=lambda row: [cell or "" for cell in row])
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "elastic")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    data = json.loads((HERE.parent / "data" / "elastic" / "lines.json").read_text(encoding="utf-8"))
    for state, now in STATES.items():
        seen = [v for v in data if v["since"] <= now and (v["until"] is None or now < v["until"])]
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in records(state, now, seen))
        head = f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n'
        (out / f"{state}.json").write_text(head + rows + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
