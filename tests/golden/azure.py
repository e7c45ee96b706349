#!/usr/bin/env python3
"""The expected current records of the Azure collector's counted stream, worked out from the simulated bill's lines.

Independent of collector, host and simulator: plain `decimal` over tests/data/azure/lines.json, after the fact sheet and the
agreed mapping: use by day, subscription, service and meter; everything else by day, subscription, charge type and service;
billed is the actual cost, effective the amortized one. Records without any cost are none. States follow each other; each
file holds the days that differ from the state before.

Writes initial.json, restated.json, closed.json and credited.json (the first subscription) into tests/golden/azure (or the
folder given by --out), billing.json (the whole billing account on 2026-08-03), and export.json (what the FOCUS export of
July says of the first subscription on that day, by day, service and charge category).
"""

import argparse
import json
from collections import defaultdict
from datetime import date
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "azure"
getcontext().prec = 60
SHOP = "11111111-aaaa-4bbb-8ccc-000000000001"
# Name, patches applied so far, first day of the run's look-back, today.
STATES = [
    ("initial", [], "2026-07-01", "2026-08-03"),
    ("restated", ["restate"], "2026-07-01", "2026-08-03"),
    ("closed", ["restate"], "2026-07-01", "2026-08-07"),
    ("credited", ["restate", "credit"], "2026-07-01", "2026-08-08"),
]
CATEGORIES = {
    "Usage": "Usage",
    "UnusedReservation": "Usage",
    "Purchase": "Purchase",
    "Refund": "Credit",
    "RoundingAdjustment": "Adjustment",
}
SERVICES = {
    "Virtual Machines": "Compute",
    "Azure Kubernetes Service": "Compute",
    "Functions": "Compute",
    "SQL Database": "Databases",
    "Storage": "Storage",
    "Bandwidth": "Networking",
    "Key Vault": "Security",
}


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def closed(day, today):
    """A month closes when the fifth of the next one has passed."""
    year, month = (day.year, day.month + 1) if day.month < 12 else (day.year + 1, 1)
    return today >= date(year, month, 6)


def records(lines, first, today, wide):
    sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in lines:
        if not first <= line["day"] <= today or not (wide or line["subscription"] == SHOP):
            continue
        usage = line["charge_type"] == "Usage"
        # Use that belongs to no subscription cannot be asked for by service and meter.
        lost = usage and not line["subscription"]
        key = (
            line["day"], line["subscription"] or None, None if usage else line["charge_type"],
            "Unassigned" if lost else line["service"] or "Unassigned", line["meter"] if usage and not lost else None,
            line["currency"],
        )  # fmt: skip
        sums[key][0] += Decimal(line["actual"] or 0)
        sums[key][1] += Decimal(line["amortized"] or 0)
    days = defaultdict(list)
    for (day, subscription, charge_type, service, meter, currency), (billed, effective) in sums.items():
        if billed == 0 and effective == 0:
            continue
        days[day].append(
            {
                "day": day,
                "subscription": subscription,
                "category": CATEGORIES.get(charge_type or "Usage", "Adjustment"),
                "charge_type": charge_type,
                "correction": charge_type == "Refund",
                "service": service,
                "service_category": SERVICES.get(service, "Other"),
                "meter": meter,
                "currency": currency,
                "billed": text(billed),
                "effective": text(effective),
                "finality": "final" if closed(date.fromisoformat(day), date.fromisoformat(today)) else "open",
            }
        )
    for of in days.values():
        of.sort(key=lambda r: [r[k] or "" for k in ("subscription", "service", "charge_type", "meter")])
    return dict(days)


def export(lines):
    sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in lines:
        if line["subscription"] == SHOP and line["day"].startswith("2026-07"):
            of = sums[line["day"], line["service"] or "Unassigned", CATEGORIES.get(line["charge_type"], "Adjustment")]
            of[0] += Decimal(line["actual"] or 0)
            of[1] += Decimal(line["amortized"] or 0)
    return [[*key, text(of[0]), text(of[1])] for key, of in sorted(sums.items())]


def write(path, days):
    rows = ",\n".join(
        f'{{"day":"{day}","records":[\n' + ",\n".join(json.dumps(r, separators=(",", ":")) for r in of) + "\n]}"
        for day, of in days
    )
    path.write_text(f"[\n{rows}\n]\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "azure")
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
        now = records(lines, first, today, wide=False)
        assert set(before) <= set(now), "a day lost all its records"
        write(out / f"{name}.json", [(d, now[d]) for d in sorted(now) if now[d] != before.get(d)])
        before = now
        if name == "initial":
            write(out / "billing.json", sorted(records(lines, first, today, wide=True).items()))
            rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in export(lines))
            (out / "export.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
