#!/usr/bin/env python3
"""The expected current records of the OpenAI collector's counted stream, worked out from the simulated organization's lines.

Independent of collector, host and simulator: plain `decimal` over tests/data/openai/costs.json, after the fact sheet and the
agreed mapping: by UTC day, project and line item; keys are added up. States are moments of the clock.

Writes initial.json, restated.json and closed.json into tests/golden/openai (or the folder given by --out).
"""

import argparse
import json
from collections import defaultdict
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "openai"
getcontext().prec = 60
STATES = {
    "initial": "2026-08-03T12:00:00Z",
    "restated": "2026-08-04T12:00:00Z",
    "closed": "2026-08-09T12:00:00Z",
}
# July is taken as settled a week after its end.
FINAL_AT = {"2026-07": "2026-08-08T00:00:00Z", "2026-08": "2026-09-08T00:00:00Z"}
PROJECTS = {"proj_search": "Search", "proj_support": "Support bot", "proj_old": "Prototype"}
UNITS = {
    "tokens": "Tokens",
    "1000_tokens": "1000 Tokens",
    "duration_seconds": "Seconds",
    "gibibyte_hours": "GiB-Hours",
    "images": "Images",
    "characters": "Characters",
}
COLUMNS = [
    "ChargePeriod.start", "ChargePeriod.end", "BillingPeriod.start", "ChargeCategory", "ChargeFrequency", "BillingAccountId",
    "SubAccountId", "SubAccountName", "ServiceName", "ServiceCategory", "ServiceProviderName", "SkuId", "SkuMeter",
    "ChargeDescription", "ResourceId", "BillingCurrency", "BilledCost", "EffectiveCost", "ConsumedQuantity", "ConsumedUnit",
    "PricingQuantity", "PricingUnit", "Tags.model", "Tags.metric", "Basis", "Finality",
]  # fmt: skip


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def next_day(day):
    year, month, number = map(int, day.split("-"))
    last = {7: 31, 8: 31}[month]
    return f"{year}-{month + 1:02}-01" if number == last else f"{year}-{month:02}-{number + 1:02}"


def records(lines, now):
    groups = defaultdict(list)
    for line in lines:
        if line["from"] <= now and (line["until"] is None or now < line["until"]):
            groups[line["day"], line["project"], line["item"], line["currency"], line["unit"]].append(line)
    rows = []
    for (day, project, item, currency, unit), members in groups.items():
        cost = sum(Decimal(member["value"]) for member in members)
        credit = cost < 0
        model, metric = item.rsplit(", ", 1) if ", " in item else (None, None)
        amount = None
        if unit and not credit:
            amount = text(sum(Decimal(member["quantity"]) for member in members))
            unit = UNITS.get(unit, unit)
        else:
            unit = None
        rows.append(
            [
                f"{day}T00:00:00Z", f"{next_day(day)}T00:00:00Z", f"{day[:7]}-01T00:00:00Z", "Credit" if credit else "Usage",
                None if credit else "Usage-Based", "org-AbC123", project, PROJECTS.get(project), "OpenAI API",
                "AI and Machine Learning", "OpenAI", item, metric, item, model, currency.upper(), text(cost), text(cost), amount,
                unit, amount, unit, model, metric, "billed", "final" if FINAL_AT[day[:7]] <= now else "open",
            ]
        )  # fmt: skip
    return sorted(rows, key=lambda row: [cell or "" for cell in row])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "openai")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    lines = json.loads((DATA / "costs.json").read_text(encoding="utf-8"))
    for name, now in STATES.items():
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in records(lines, now))
        head = f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n'
        (out / f"{name}.json").write_text(head + rows + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
