#!/usr/bin/env python3
"""The expected current records of the Anthropic collector's counted stream, worked out from the simulated organization's lines.

Independent of collector, host and simulator: plain `decimal` over tests/data/anthropic/costs.json, after the fact sheet and the
agreed mapping: by UTC day, workspace, model, cost and token type, tier, context and place; cents become dollars. A line has the
tokens of tests/data/anthropic/usage.json where it alone of its day can be meant. States are moments of the clock.

Writes initial.json, restated.json and closed.json into tests/golden/anthropic (or the folder given by --out).
"""

import argparse
import json
from collections import Counter, defaultdict
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "anthropic"
getcontext().prec = 60
STATES = {
    "initial": "2026-08-03T12:00:00Z",
    "restated": "2026-08-04T12:00:00Z",
    "closed": "2026-08-09T12:00:00Z",
}
# July is taken as settled a week after its end.
FINAL_AT = {"2026-07": "2026-08-08T00:00:00Z", "2026-08": "2026-09-08T00:00:00Z"}
WORKSPACES = {"wrkspc_01AB": "Support", "wrkspc_02CD": "Research", "wrkspc_03EF": "Pilot", None: "Default workspace"}
TOKENS = {
    "uncached_input_tokens": "uncached",
    "cache_read_input_tokens": "read",
    "cache_creation.ephemeral_5m_input_tokens": "write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "write_1h",
    "output_tokens": "output",
}
SKU = ["model", "cost_type", "token_type", "service_tier", "context_window"]
COLUMNS = [
    "ChargePeriod.start", "ChargePeriod.end", "BillingPeriod.start", "ChargeCategory", "ChargeFrequency", "BillingAccountId",
    "SubAccountId", "SubAccountName", "ServiceName", "ServiceCategory", "ServiceProviderName", "SkuId", "SkuMeter",
    "ChargeDescription", "ResourceId", "RegionId", "BillingCurrency", "BilledCost", "EffectiveCost", "ConsumedQuantity",
    "ConsumedUnit", "Tags.model", "Tags.service_tier", "Tags.inference_geo", "Basis", "Finality",
]  # fmt: skip


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def next_day(day):
    year, month, number = map(int, day.split("-"))
    last = {7: 31, 8: 31}[month]
    return f"{year}-{month + 1:02}-01" if number == last else f"{year}-{month:02}-{number + 1:02}"


def used(usage, day, workspace, kind):
    model, _, token_type, tier, context = kind
    name = TOKENS.get(token_type)
    of = (day, workspace, model, tier, context)
    places = ("day", "workspace", "model", "service_tier", "context_window")
    return sum(row[name] for row in usage if name and tuple(row[place] for place in places) == of)


def records(lines, usage, now):
    groups = defaultdict(Decimal)
    for line in lines:
        if line["from"] <= now and (line["until"] is None or now < line["until"]):
            kind = tuple(line[name] for name in SKU)
            key = (line["day"], line["workspace"], line["description"], kind, line["inference_geo"], line["currency"])
            groups[key] += Decimal(line["amount"]).scaleb(-2)
    alike = Counter((day, workspace, kind) for day, workspace, _, kind, _, _ in groups)
    rows = []
    for (day, workspace, description, kind, geo, currency), cost in groups.items():
        model, cost_type, token_type, tier, _ = kind
        tokens = 0 if cost < 0 or alike[day, workspace, kind] > 1 else used(usage, day, workspace, kind)
        region = None if geo == "not_available" else geo
        rows.append(
            [
                f"{day}T00:00:00Z", f"{next_day(day)}T00:00:00Z", f"{day[:7]}-01T00:00:00Z", "Credit" if cost < 0 else "Usage",
                None if cost < 0 else "Usage-Based", "12345678-1234-5678-1234-567812345678", workspace or "default",
                WORKSPACES[workspace], "Claude API", "AI and Machine Learning", "Anthropic",
                "|".join(part for part in kind if part) or None, token_type or cost_type, description, model, region, currency,
                text(cost), text(cost), str(tokens) if tokens else None, "Tokens" if tokens else None, model,
                tier, region, "billed", "final" if FINAL_AT[day[:7]] <= now else "open",
            ]
        )  # fmt: skip
    return sorted(rows, key=lambda row: [cell or "" for cell in row])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "anthropic")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    lines = json.loads((DATA / "costs.json").read_text(encoding="utf-8"))
    usage = json.loads((DATA / "usage.json").read_text(encoding="utf-8"))
    for name, now in STATES.items():
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in records(lines, usage, now))
        head = f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n'
        (out / f"{name}.json").write_text(head + rows + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
