#!/usr/bin/env python3
"""Writes invoices.json: what the simulated MongoDB Atlas organization is billed, each thing with the time from which on it is so.

A line is shown from `from` until `gone`. An invoice has phases: from a time on a status, a tax and a credit in cents.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

JULY, AUGUST = "66d7254246a21a4103600007", "66d7254246a21a4103600008"
PROD, DEV = "5f1a00000000000000000001", "5f1a00000000000000000002"
lines = []


def at(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def post(invoice, start, end, cents, sku, *, shown=None, gone=None, **more):
    """A line; it posts at ten past two on the day after it begins, unless said otherwise."""
    shown = shown or at(start + timedelta(days=1, hours=2, minutes=10))
    line = {
        "sku": sku,
        "created": shown,
        "startDate": at(start),
        "endDate": at(end),
        "totalPriceCents": cents,
        **more,
    }
    lines.append({"invoice": invoice, "from": shown, "gone": gone, "line": line})


def day_of(start):
    invoice = JULY if start.month == 7 else AUGUST
    end = start + timedelta(days=1)
    orders = {"groupId": PROD, "groupName": "prod", "clusterName": "orders", "cloudProvider": "AWS", "tags": {"env": ["prod"]}}
    search = {"groupId": PROD, "groupName": "prod", "clusterName": "catalog", "cloudProvider": "GCP", "tags": {"env": ["prod", "eu"]}}
    sandbox = {"groupId": DEV, "groupName": "dev", "clusterName": "sandbox", "cloudProvider": "AZURE"}
    hours = {"quantity": 72.0, "unit": "server hours"}
    if start.day == 30 and start.month == 7:
        # A node less, as it turns out two days later.
        post(invoice, start, end, 3888, "ATLAS_AWS_INSTANCE_M30", gone="2026-08-02T08:00:00Z", discountCents=194, percentDiscount=5.0, unitPriceDollars=0.54, **hours, **orders)
        post(invoice, start, end, 2592, "ATLAS_AWS_INSTANCE_M30", shown="2026-08-02T08:00:00Z", discountCents=130, percentDiscount=5.0, unitPriceDollars=0.54, quantity=48.0, unit="server hours", **orders)
    else:
        post(invoice, start, end, 3888, "ATLAS_AWS_INSTANCE_M30", discountCents=194, percentDiscount=5.0, unitPriceDollars=0.54, **hours, **orders)
    post(invoice, start, end, 1440, "ATLAS_GCP_INSTANCE_M20", unitPriceDollars=0.2, **hours, **search)
    gone = "2026-08-02T08:00:00Z" if (start.month, start.day) == (7, 29) else None
    post(invoice, start, end, 576, "ATLAS_AZURE_INSTANCE_M10", unitPriceDollars=0.08, gone=gone, **hours, **sandbox)
    # Too little to cost a cent.
    gigabytes = {"quantity": 0.123456789012345 + start.day, "unit": "GB"}
    post(invoice, start, end, 0, "ATLAS_AWS_DATA_TRANSFER_SAME_REGION", unitPriceDollars=0.0001, **gigabytes, **orders)
    if start.day % 2:
        storage = {"quantity": 1250.5, "unit": "GB days"}
        post(invoice, start, end, 583, "ATLAS_AWS_BACKUP_SNAPSHOT_STORAGE", unitPriceDollars=0.004666666666666667, **storage, **orders)
    if start.day % 5 == 0:
        requests = {"groupId": PROD, "groupName": "prod", "stitchAppName": "shop-app", "cloudProvider": "ATLAS", "unit": "million requests"}
        post(invoice, start, end, 200, "REALM_APP_REQUESTS", quantity=1.0, unitPriceDollars=2.0, tierLowerBound=0.0, tierUpperBound=1.0, **requests)
        post(invoice, start, end, 75, "REALM_APP_REQUESTS", quantity=0.5, unitPriceDollars=1.5, tierLowerBound=1.0, **requests)


def main():
    first = datetime(2026, 7, 20, tzinfo=UTC)
    for number in range(19):
        day_of(first + timedelta(days=number))
    for start, end in [((7, 1), (8, 1)), ((8, 1), (9, 1))]:
        begin, over = (datetime(2026, *month, tzinfo=UTC) for month in (start, end))
        shown = "2026-07-20T02:10:00Z" if start[0] == 7 else "2026-08-02T02:10:00Z"
        post(JULY if start[0] == 7 else AUGUST, begin, over, 4900, "ATLAS_DEVELOPER_SUPPORT", shown=shown, quantity=1.0, unit="months", unitPriceDollars=49.0, cloudProvider="ATLAS")
    late = datetime(2026, 7, 25, tzinfo=UTC)
    post(JULY, late, late + timedelta(days=1), -250, "ATLAS_CREDIT", shown="2026-08-07T09:00:00Z", note="Goodwill for the outage of 25 July", cloudProvider="ATLAS")
    odd = datetime(2026, 8, 6, tzinfo=UTC)
    post(AUGUST, odd, odd + timedelta(days=1), 99, "QUANTUM_LEDGER_UNITS", quantity=3.0, unit="qubits", unitPriceDollars=0.33, groupId=PROD, groupName="prod", cloudProvider="MOON")
    invoices = [
        {"id": JULY, "start": "2026-07-01T00:00:00Z", "end": "2026-08-01T00:00:00Z", "phases": [
            {"from": "2026-07-20T00:00:00Z", "status": "PENDING", "tax": 0, "credits": 0},
            {"from": "2026-08-02T06:00:00Z", "status": "CLOSED", "tax": 0, "credits": 0},
            {"from": "2026-08-05T00:00:00Z", "status": "INVOICED", "tax": 4127, "credits": 5000},
            {"from": "2026-08-08T00:00:00Z", "status": "PAID", "tax": 4127, "credits": 5000},
        ]},
        {"id": AUGUST, "start": "2026-08-01T00:00:00Z", "end": "2026-09-01T00:00:00Z", "phases": [
            {"from": "2026-08-02T00:00:00Z", "status": "PENDING", "tax": 0, "credits": 0},
        ]},
    ]  # fmt: skip
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in lines)
    heads = ",\n".join(json.dumps(head, separators=(",", ":")) for head in invoices)
    text = f'{{"invoices":[\n{heads}\n],\n"lines":[\n{rows}\n]}}\n'
    (Path(__file__).parent / "invoices.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
