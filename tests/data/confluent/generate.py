#!/usr/bin/env python3
"""Makes the simulated organization's costs: tests/data/confluent/rows.json. The same on every run.

A version of a row is seen from `since` on and, where it was restated or withdrawn, until `until`. Amounts are JSON numbers with the
digits of binary floating-point numbers, as Confluent writes them: that is what the float arithmetic below is for.
"""

import json
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).parent
FIRST, LAST = date(2026, 6, 29), date(2026, 8, 8)
PROD = ("lkc-7w1p0", "prod-kafka", "env-prod1")
DEV = ("lkc-d3v99", "dev-kafka", "env-dev42")
SINK = ("lcc-s1nk5", "orders-sink", "env-prod1")
# product, line type, access, unit, price, quantity, discount (share), resource, days between two rows
USES = [
    ("KAFKA", "KAFKA_NUM_CKUS", "PRIVATE_LINK", "CKU-hour", 1.5, 24.0, 0.2, PROD, 1),
    ("KAFKA", "KAFKA_STORAGE", "PRIVATE_LINK", "GB-hour", 0.00012053, 8121.7, 0.2, PROD, 1),
    ("KAFKA", "KAFKA_BASE", "INTERNET", "Hour", 0.0015, 24.0, 0.0, DEV, 2),
    ("KAFKA", "KAFKA_NETWORK_WRITE", "INTERNET", "GB", 0.05, 0.7, 0.0, DEV, 3),
    ("CONNECT", "CONNECT_NUM_TASKS", "PRIVATE_LINK", "Task-hour", 0.1111, 48.0, 0.2, SINK, 2),
    ("STREAM_GOVERNANCE", "GOVERNANCE_BASE", None, "Hour", 0.137, 24.0, 0.0, None, 7),
]  # fmt: skip
LATE = "2026-08-04T06:00:00Z"
CLOSING = "2026-08-06T06:00:00Z"


def resource(of, day):
    """The current shape; of the dev cluster's rows of the first days the legacy one."""
    if of is None:
        return {}
    identity, name, environment = of
    if of is DEV and day < date(2026, 7, 10):
        return {
            "resource": {"id": identity, "display_name": name, "environment": "development"},
            "environment": {"id": environment},
        }
    return {"resource": {"id": identity, "display_name": name, "environment": {"id": environment}}}


def main():
    versions, number = [], 0

    def add(day, days, since, until=None, **fields):
        nonlocal number
        number += 1
        end = day + timedelta(days=days)
        row = {"id": f"dlz-{number:07x}", "start_date": str(day), "end_date": str(end), "granularity": "DAILY", **fields}
        versions.append({"since": since, "until": until, "row": row})

    day = FIRST
    while day <= LAST:
        since = f"{day + timedelta(days=1)}T20:00:00Z"
        for product, line_type, access, unit, price, quantity, share, of, every in USES:
            if (day - FIRST).days % every:
                continue
            original = price * quantity
            row = {
                "product": product, "line_type": line_type, "price": price, "unit": unit, "quantity": quantity,
                "original_amount": original, "discount_amount": original * share, "amount": original - original * share,
                **resource(of, day),
            }  # fmt: skip
            if access:
                row["network_access_type"] = access
            until = None
            # A day whose storage is restated, and a row that is withdrawn.
            if line_type == "KAFKA_STORAGE" and day == date(2026, 7, 30):
                until = LATE
            if line_type == "CONNECT_NUM_TASKS" and day == date(2026, 7, 19):
                until = LATE
            add(day, 1, since, until, **row)
            if line_type == "KAFKA_STORAGE" and until:
                more = {**row, "quantity": 9000.25, "original_amount": 1.0847, "discount_amount": 0.2169, "amount": 0.8678}
                add(day, 1, LATE, None, **more)
        day += timedelta(days=1)
    # A late row, twice the same use on one day at another price, and things nobody has seen before.
    base = {"product": "KAFKA", "line_type": "KAFKA_NETWORK_READ", "network_access_type": "PRIVATE_LINK", "unit": "GB"}
    late = {"price": 0.05, "quantity": 10.5, "original_amount": 0.525, "discount_amount": 0, "amount": 0.525}
    more = {"price": 0.02, "quantity": 100, "original_amount": 2.0, "amount": 2.0}
    add(date(2026, 7, 15), 1, LATE, None, **base, **late, **resource(PROD, date(2026, 7, 15)))
    add(date(2026, 7, 15), 1, LATE, None, **base, **more, **resource(PROD, date(2026, 7, 15)))
    add(
        date(2026, 7, 21), 1, "2026-07-23T00:00:00Z", None, product="TELEPATHY", line_type="THOUGHTS_PER_SECOND", unit="Thoughts",
        price=1e-7, quantity=123456789, original_amount=12.3456789, amount=12.3456789,
    )  # fmt: skip
    # Only what is required: no product, no amount.
    add(date(2026, 7, 22), 1, "2026-07-24T00:00:00Z", None, line_type="AUDIT_LOG_READ", unit="GB", original_amount=0.1)
    # Support of the month and the credit that closes it.
    for month, since in ((date(2026, 7, 1), "2026-07-03T00:00:00Z"), (date(2026, 8, 1), "2026-08-03T00:00:00Z")):
        add(
            month, 31, since, None, product="SUPPORT_CLOUD_DEVELOPER", line_type="SUPPORT", unit="Month", price=29, quantity=1,
            original_amount=29, discount_amount=0, amount=29,
        )  # fmt: skip
    add(date(2026, 7, 31), 1, CLOSING, None, line_type="PROMO_CREDIT", unit="USD", original_amount=-100.55, amount=-100.55)
    lines = ",\n".join(json.dumps(version, separators=(",", ":")) for version in versions)
    (HERE / "rows.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
