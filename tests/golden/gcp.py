#!/usr/bin/env python3
"""The expected current records of the Google Cloud collector's counted stream, worked out from the simulated export's lines.

Independent of collector, host and simulator: plain `decimal` over tests/data/gcp/lines.json, after the fact sheet and the agreed
mapping: by UTC day, invoice month, project, service, SKU, region and kind of cost, every credit a record of its own; each amount
is rounded to 18 places (half away from zero) before it is added up. States are moments of the clock and follow each other; each
file holds the days that differ from the state before.

Writes initial.json, late.json, closed.json and credited.json into tests/golden/gcp (or the folder given by --out).
"""

import argparse
import json
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "gcp"
getcontext().prec = 80
STATES = [
    ("initial", "2026-08-03T12:00:00Z"),
    ("late", "2026-08-04T12:00:00Z"),
    ("closed", "2026-08-07T12:00:00Z"),
    ("credited", "2026-08-09T12:00:00Z"),
]
FIRST = "2026-07-01"  # the books begin with the month before the first run's
# Midnight in Los Angeles, where invoice months begin; and whether ten days have passed since their end.
MONTHS = {
    "202606": ("2026-06-01T07:00:00Z", "final"),
    "202607": ("2026-07-01T07:00:00Z", "open"),
    "202608": ("2026-08-01T07:00:00Z", "open"),
}
SERVICES = {
    "Compute Engine": "Compute",
    "Kubernetes Engine": "Compute",
    "Cloud Run Functions": "Compute",
    "Cloud SQL": "Databases",
    "Cloud Storage": "Storage",
}
COLUMNS = [
    "day", "billing", "category", "correction", "kind", "provider", "project", "project_name", "service", "service_category",
    "sku", "description", "region", "credit", "credit_id", "currency", "billed", "list", "contracted", "quantity", "unit",
    "priced", "pricing_unit", "pricing", "finality",
]  # fmt: skip


def exact(text):
    return Decimal(text).quantize(Decimal(1).scaleb(-18), rounding=ROUND_HALF_UP)


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def used_month(line):
    """The month of use in Los Angeles, seven hours behind in summer."""
    used = line["usage_start_time"]
    day, hour = used[:10], int(used[11:13])
    if day.endswith("-01") and hour < 7:
        return f"2026{int(day[5:7]) - 1:02}"
    return day[:4] + day[5:7]


def records(lines):
    groups = defaultdict(list)
    for line in lines:
        day = (line["usage_start_time"] or line["export_time"])[:10]
        if day < FIRST:
            continue
        corrected = bool(line["adjustment"] and line["usage_start_time"] and used_month(line) < line["invoice_month"])
        key = (
            day, line["invoice_month"], line["cost_type"], line["project_id"], line["service_id"], line["sku_id"],
            line["region"], line["currency"], line["transaction_type"], line["seller"], corrected,
        )  # fmt: skip
        groups[*key, line["unit"], line["pricing_unit"], None].append((line, exact(line["cost"])))
        for credit in line["credits"]:
            which = (credit["type"], credit["id"], credit["name"])
            groups[*key, None, None, which].append((line, exact(credit["amount"])))
    days = defaultdict(list)
    for key, members in groups.items():
        day, month, kind, project, _, sku, region, currency, transaction, seller, corrected, unit, pricing_unit, credit = key
        line = members[0][0]
        whole = lambda name: None if any(m[0][name] is None for m in members) else sum(exact(m[0][name]) for m in members)  # noqa: E731
        billed = sum(member[1] for member in members)
        usage = credit is None and kind == "regular"
        bought = usage and line["sku"].startswith("Commitment")
        category = {"tax": "Tax"}.get(kind, "Adjustment")
        if usage:
            category = "Purchase" if bought else "Usage"
        if credit is not None:
            category = "Credit"
        listed = whole("list") if credit is None else None
        quantity = whole("amount") if usage and unit else None
        priced = whole("priced") if usage and pricing_unit else None
        if not billed and not listed and not quantity:
            continue
        pricing = None
        if usage:
            pricing = "Dynamic" if "Spot" in line["sku"] or "Preemptible" in line["sku"] else "Standard"
        billing, finality = MONTHS[month]
        days[day].append(
            [
                day, billing, category, "yes" if corrected else None, kind if kind != "regular" else None,
                "Google Cloud" if transaction == "GOOGLE" else seller, project, line["project_name"], line["service"],
                SERVICES.get(line["service"], "Other"), sku, credit[2] if credit else line["sku"], region,
                credit[0] if credit else None, (credit[1] or None) if credit else None, currency, text(billed),
                text(listed) if listed is not None else None, text(billed) if usage else None,
                text(quantity) if quantity else None, unit if quantity else None, text(priced) if priced else None,
                pricing_unit if priced else None, pricing, finality,
            ]
        )  # fmt: skip
    for of in days.values():
        of.sort(key=lambda row: [cell or "" for cell in row])
    return dict(days)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "gcp")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    lines = json.loads((DATA / "lines.json").read_text(encoding="utf-8"))
    before = {}
    for name, now in STATES:
        known = records([line for line in lines if line["export_time"] <= now])
        changed = [known[day] for day in sorted(known) if known[day] != before.get(day)]
        assert set(before) <= set(known), "a day lost all its records"
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for of in changed for row in of)
        head = f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n'
        (out / f"{name}.json").write_text(head + rows + "\n]}\n", encoding="utf-8")
        before = known


if __name__ == "__main__":
    main()
