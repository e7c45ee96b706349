#!/usr/bin/env python3
"""The expected current records of the generic collector, worked out from what the simulated Prometheus and file server hold.

Independent of collector, host and simulator: plain `decimal` over tests/data/generic, after the fact sheet and the agreed mapping.
Use is priced by the rate of its day with the most conditions; the pricing quantity is rounded half to even so that its product with
each price has at most 18 places; what is measured stays as it is written. States are moments of the clock.

Writes usage-*.json and lines-*.json into tests/golden/generic (or the folder given by --out).
"""

import argparse
import json
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "generic"
getcontext().prec = 80
# An hour is read five minutes after its end.
USAGE_STATES = [
    ("initial", "2026-08-03T06:00:00Z"),
    ("restated", "2026-08-03T09:00:00Z"),
    ("closed", "2026-08-03T12:00:00Z"),
]
LINES_STATES = [("initial", "2026-08-03T12:00:00Z"), ("late", "2026-08-04T12:00:00Z")]
# meter: unit, service, category
METERS = {
    "cpu": ("Core-Hours", "Compute", "Compute"),
    "memory": ("GiB-Hours", "Memory", "Compute"),
    "gpu": ("GPU-Hours", "GPU", "Compute"),
    "container-cpu": ("Core-Hours", "Containers", "Compute"),
    "rack-power": ("kWh", "Power", "Other"),
}
# meter, from, label and start of its value, how it is written, price, list price
RATES = [
    ("cpu", "", None, "", "0.0310", "0.0350"),
    ("cpu", "2026-08-03", None, "", "0.0290", None),
    ("cpu", "", ("dc", "ams2"), "[dc=ams2]", "0.0265", None),
    ("memory", "", None, "", "0.0041", None),
    ("gpu", "", None, "", "2.90", None),
    ("gpu", "", ("modelName", "NVIDIA H100"), "[modelName=NVIDIA H100*]", "2.35", "2.90"),
    ("container-cpu", "", None, "", "0.0123", None),
    ("rack-power", "", None, "", "0.2134567", None),
]
USAGE_COLUMNS = [
    "ChargePeriod.start", "ServiceName", "ServiceCategory", "ResourceId", "SubAccountId", "RegionId", "SkuId", "SkuMeter", "PriceCard",
    "BillingCurrency", "BilledCost", "EffectiveCost", "ContractedCost", "ListCost", "ConsumedQuantity", "ConsumedUnit",
    "PricingQuantity", "ContractedUnitPrice", "Basis", "Tags.rack",
]  # fmt: skip
LINES_COLUMNS = [
    "ChargePeriod.start", "ServiceName", "ServiceCategory", "ChargeCategory", "Extra.x_Charge", "RegionId", "BillingCurrency",
    "BilledCost", "EffectiveCost", "ConsumedQuantity", "ConsumedUnit", "Tags.team", "Basis",
]  # fmt: skip


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def places(price):
    return max(0, -Decimal(text(Decimal(price))).as_tuple().exponent)


def hour_before(end):
    day, hour = end[:10], int(end[11:13])
    if hour == 0:
        return {"2026-08-03": "2026-08-02"}[day] + "T23:00:00Z"
    return f"{day}T{hour - 1:02}:00:00Z"


def rate(meter, labels, day):
    fitting = [
        row for row in RATES
        if row[0] == meter and row[1] <= day and (row[2] is None or labels.get(row[2][0], "").startswith(row[2][1]))
    ]  # fmt: skip
    return max(fitting, key=lambda row: (row[2] is not None, row[1]))


def resource(labels):
    if "pod" in labels:
        return f"{labels['namespace']}/{labels['pod']}"
    return labels.get("instance") or labels.get("Hostname")


def usage(series, now):
    rows = []
    for of in series:
        meter, labels = of["query"], of["labels"]
        if meter == "health":
            continue
        known = {}
        for end, sample, since in of["samples"]:
            if since <= now and end <= now:
                known[end] = sample
        for end, sample in known.items():
            if sample in ("", "NaN"):
                continue
            start = hour_before(end)
            unit, service, category = METERS[meter]
            _, begun, _, written, price, listed = rate(meter, labels, start[:10])
            taken = max(places(price), places(listed) if listed else 0)
            used = Decimal(sample)
            priced = used.quantize(Decimal(1).scaleb(-(18 - taken)), rounding=ROUND_HALF_EVEN)
            cost = priced * Decimal(price)
            rows.append(
                [
                    start, service, category, resource(labels), labels.get("namespace"), labels.get("dc"), meter + written, meter,
                    f"{meter}{written}@{begun or 'default'}", "EUR", "0", text(cost), text(cost),
                    text(priced * Decimal(listed)) if listed else None, text(used), unit, text(priced), text(Decimal(price)),
                    "estimated", labels.get("rack"),
                ]
            )  # fmt: skip
    return rows


def lines(rows, now):
    sums = {}
    for row in rows:
        if row["since"] > now or row.get("until", "9") <= now:
            continue
        charge = {"usage": "Usage", "credit": "Credit", "purchase": "Purchase"}.get(row["kind"], "Adjustment")
        key = (
            row["day"] + "T00:00:00Z", row["product"], charge, row["kind"] if charge == "Adjustment" else None, row["room"] or None,
            "kWh" if row["kwh"] else None, row["team"] or None,
        )  # fmt: skip
        cost, used = sums.get(key, (Decimal(0), Decimal(0)))
        sums[key] = (cost + Decimal(row["amount"]), used + Decimal(row["kwh"] or 0))
    found = []
    for (start, product, charge, odd, room, unit, team), (cost, used) in sums.items():
        quantity = text(used) if unit else None
        found.append([start, product, "Other", charge, odd, room, "EUR", text(cost), text(cost), quantity, unit, team, "billed"])
    return found


def write(path, columns, rows):
    rows.sort(key=lambda row: [cell or "" for cell in row])
    body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    path.write_text(f'{{"columns":{json.dumps(columns)},\n"rows":[\n{body}\n]}}\n', encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "generic")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    metrics = json.loads((DATA / "metrics.json").read_text(encoding="utf-8"))
    for name, now in USAGE_STATES:
        write(out / f"usage-{name}.json", USAGE_COLUMNS, usage(metrics["series"], now))
    bill = json.loads((DATA / "lines.json").read_text(encoding="utf-8"))
    for name, now in LINES_STATES:
        write(out / f"lines-{name}.json", LINES_COLUMNS, lines(bill, now))


if __name__ == "__main__":
    main()
