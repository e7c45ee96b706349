#!/usr/bin/env python3
"""The expected current records of the MongoDB Atlas collector, worked out from the simulated organization's invoices.

Independent of collector, host and simulator: plain `decimal` over tests/data/mongodb-atlas/invoices.json, after the fact sheet and
the agreed mapping: a record a line, its discount taken off; lines of several days spread over them to the cent, the earlier days
first; tax and credit of an invoice as records of their own. States are moments of the clock.

Writes a file a state into tests/golden/mongodb-atlas (or the folder given by --out).
"""

import argparse
import json
from datetime import datetime, timedelta
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "mongodb-atlas"
getcontext().prec = 60
STATES = {
    "initial": "2026-08-01T12:00:00Z",
    "restated": "2026-08-03T12:00:00Z",
    "invoiced": "2026-08-05T12:00:00Z",
    "corrected": "2026-08-08T12:00:00Z",
}
ORGANIZATION = "5f0c00000000000000000001"
# SKU: charge category, service category.
SKUS = {
    "ATLAS_AWS_INSTANCE_M30": ("Usage", "Databases"),
    "ATLAS_GCP_INSTANCE_M20": ("Usage", "Databases"),
    "ATLAS_AZURE_INSTANCE_M10": ("Usage", "Databases"),
    "ATLAS_AWS_DATA_TRANSFER_SAME_REGION": ("Usage", "Networking"),
    "ATLAS_AWS_BACKUP_SNAPSHOT_STORAGE": ("Usage", "Storage"),
    "REALM_APP_REQUESTS": ("Usage", "Developer Tools"),
    "ATLAS_DEVELOPER_SUPPORT": ("Purchase", "Other"),
    "ATLAS_CREDIT": ("Credit", "Databases"),
    "QUANTUM_LEDGER_UNITS": ("Usage", "Other"),
}
CLOUDS = {"AWS": "Amazon Web Services", "GCP": "Google Cloud", "AZURE": "Microsoft Azure", "ATLAS": None, "MOON": "MOON"}
COLUMNS = [
    "ChargePeriod.start", "ChargePeriod.end", "BillingPeriod.start", "BillingPeriod.end", "ChargeCategory", "ChargeFrequency",
    "BillingAccountId", "SubAccountId", "SubAccountName", "HostProviderName", "ServiceName", "ServiceCategory", "ResourceId",
    "ResourceType", "SkuId", "ChargeDescription", "InvoiceId", "BillingCurrency", "BilledCost", "EffectiveCost", "ListCost",
    "ContractedCost", "ConsumedQuantity", "ConsumedUnit", "ListUnitPrice", "Extra.x_TierLowerBound", "Tags.env", "Finality", "Basis",
]  # fmt: skip


def text(value):
    if value is None:
        return None
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def moment(text_of):
    return datetime.strptime(text_of, "%Y-%m-%dT%H:%M:%SZ")


def shares(amount, days, places):
    """A sum in equal steps, what is left a step each to the first."""
    step = Decimal(1).scaleb(-places)
    steps = int(abs(amount) / step)
    sign = 1 if amount >= 0 else -1
    return [sign * step * (steps // days + (1 if day < steps % days else 0)) for day in range(days)]


def of_line(line, invoice, phase):
    category, service = SKUS[line["sku"]]
    listed = Decimal(line["totalPriceCents"]) / 100
    billed = listed - Decimal(line.get("discountCents", 0)) / 100
    start, end = moment(line["startDate"]), moment(line["endDate"])
    days = (end - start).days
    priced = category in ("Usage", "Purchase")
    quantity = Decimal(line["quantity"]) if "quantity" in line else None
    name = line.get("clusterName") or line.get("stitchAppName")
    parts = zip(
        shares(billed, days, 2), shares(listed, days, 2), shares(quantity, days, 18) if quantity is not None else [None] * days, strict=True
    )
    for day, (part, of_list, used) in enumerate(parts):
        begin = start + timedelta(days=day)
        yield [
            begin.strftime("%Y-%m-%dT%H:%M:%SZ"), (begin + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            invoice["start"], invoice["end"], category,
            {"Usage": "Usage-Based", "Purchase": "Recurring", "Credit": "One-Time"}[category],
            ORGANIZATION, line.get("groupId"), line.get("groupName"), CLOUDS[line["cloudProvider"]], "MongoDB Atlas", service,
            f"{line['groupId']}/{name}" if name else None,
            ("Cluster" if "clusterName" in line else "Application") if name else None,
            line["sku"], line.get("note") or line["sku"], invoice["id"] if phase["status"] != "PENDING" else None, "USD",
            text(part), text(part), text(of_list) if priced else None, text(part) if priced else None,
            text(used) if priced else None, line["unit"] if priced else None,
            text(Decimal(line["unitPriceDollars"])) if priced else None,
            text(Decimal(line["tierLowerBound"])) if "tierLowerBound" in line else None,
            ",".join(line["tags"]["env"]) if "tags" in line else None,
            "open" if phase["status"] == "PENDING" else "final", "billed",
        ]  # fmt: skip


def of_invoice(kind, service, description, cents, invoice, phase):
    amount = text(Decimal(cents) / 100)
    return [
        invoice["start"], invoice["end"], invoice["start"], invoice["end"], kind, "One-Time", ORGANIZATION, None, None, None,
        "MongoDB Atlas", service, None, None, None, description, invoice["id"] if phase["status"] != "PENDING" else None, "USD",
        amount, amount, None, None, None, None, None, None, None, "open" if phase["status"] == "PENDING" else "final", "billed",
    ]  # fmt: skip


def records(data, now):
    rows = []
    for invoice in data["invoices"]:
        phases = [phase for phase in invoice["phases"] if phase["from"] <= now]
        if not phases:
            continue
        phase = phases[-1]
        for of in data["lines"]:
            if of["invoice"] == invoice["id"] and of["from"] <= now and (of["gone"] is None or of["gone"] > now):
                rows.extend(of_line(of["line"], invoice, phase))
        if phase["tax"]:
            rows.append(of_invoice("Tax", "Other", "Sales tax", phase["tax"], invoice, phase))
        if phase["credits"]:
            rows.append(of_invoice("Credit", "Databases", "Credits", -phase["credits"], invoice, phase))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "mongodb-atlas")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    data = json.loads((DATA / "invoices.json").read_text(encoding="utf-8"), parse_float=Decimal)
    for name, now in STATES.items():
        rows = sorted(records(data, now), key=lambda row: [cell or "" for cell in row])
        shown = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        (out / f"{name}.json").write_text(f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n{shown}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
