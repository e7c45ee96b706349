#!/usr/bin/env python3
"""Makes the simulated organization's consumption: tests/data/elastic/lines.json. The same on every run.

A version of a product line is seen from `since` on and, where it was restated or withdrawn, until `until`. A hidden line counts in
totals and is not listed. Amounts are texts here and numbers in replies.
"""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).parent
FIRST, LAST = date(2026, 6, 29), date(2026, 8, 8)
PROD = {"id": "4679751e171d403d8603cb1639b67e57", "name": "prod-logs", "type": "deployment"}
DEV = {"id": "0c5ce1ab171d403d8603cb1639b60000", "name": "", "type": "deployment"}
SIEM = {"id": "f1e2d3c4b5a697887766554433221100", "name": "siem", "type": "security"}
# instance, type, kind, sku, unit, rate, quantity, days between two lines
USES = [
    (PROD, "capacity", "elasticsearch", "aws.es.datahot.c6gd_us-east-1_4096_2", "hour", "0.3072", "24", 1),
    (PROD, "capacity", "kibana", "aws.kibana.c5d_us-east-1_1024_1", "hour", "0", "24", 7),
    (PROD, "data_out", None, "aws.data-transfer-out", "GB", "0.05", "0.4715", 1),
    (PROD, "storage_api", None, "aws.snapshot-storage-api", "1000 API Calls", "0.0018", "77.123", 3),
    (DEV, "capacity", "elasticsearch", "gcp.es.datahot.n2.68x10x45_europe-west1_8192_1", "hour", "0.6145", "23.5", 2),
    (DEV, "data_in", None, "gcp.data-transfer-in", "GB", "0", "0", 2),
    (SIEM, "security_ingest", None, "serverless_security_ingest_complete", "GB", "0.11", "12.345", 2),
]  # fmt: skip
LATE = "2026-08-04T06:00:00Z"
CLOSING = "2026-08-05T06:00:00Z"


def main():
    versions = []

    def add(day, of, since, until=None, hidden=False, ecu=None, **line):
        rounded = (Decimal(line["rate"]) * Decimal(line["quantity"])).quantize(Decimal("0.0001"))
        version = {"since": since, "until": until, "hidden": hidden, "day": str(day), "instance": of}
        versions.append({**version, "line": {**line, "total_ecu": ecu or str(rounded.normalize().__format__("f"))}})

    def line(meter, kind, sku, unit, rate, quantity):
        return {"name": f"Cloud Enterprise, {sku}", "type": meter, "kind": kind, "sku": sku, "unit": unit, "rate": rate, "quantity": quantity}

    day = FIRST
    while day <= LAST:
        since = f"{day + timedelta(days=1)}T09:00:00Z"
        for of, meter, kind, sku, unit, rate, quantity, every in USES:
            if (day - FIRST).days % every:
                continue
            until, hidden = None, False
            if day == date(2026, 7, 30) and kind == "elasticsearch" and of is PROD:
                until = LATE  # restated
            if day == date(2026, 7, 29) and meter == "data_out":
                until = LATE  # withdrawn
            if day == date(2026, 7, 25) and of is SIEM:
                until, hidden = CLOSING, True  # listed late
            add(day, of, since, until, hidden, **line(meter, kind, sku, unit, rate, quantity))
            if until and kind == "elasticsearch":
                add(day, of, LATE, **line(meter, kind, sku, unit, rate, "23.25"))
            if hidden:
                add(day, of, CLOSING, **line(meter, kind, sku, unit, rate, quantity))
        day += timedelta(days=1)
    # Late lines: one of the last days, one of longer ago.
    out = line("data_internode", None, "aws.data-transfer-inter-node", "GB", "0.016", "250.5")
    add(date(2026, 7, 31), PROD, LATE, **out)
    add(date(2026, 7, 15), PROD, CLOSING, **out)
    # What nobody has seen before.
    new = {"id": "aa00bb11cc22dd33ee44ff5566778899", "name": "mind", "type": "clairvoyance"}
    add(date(2026, 7, 21), new, "2026-07-22T09:00:00Z", **line("telepathy", None, "serverless_thoughts", "1000 Thoughts", "0.25", "8"))
    text = ",\n".join(json.dumps(version, separators=(",", ":")) for version in versions)
    (HERE / "lines.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
