#!/usr/bin/env python3
"""Makes the simulated Datadog account: tests/data/datadog/account.json. The same on every run.

`series`: running totals of a month by organization, product and type, one for each day, as the texts of floats; null where the
day lacks the product. `from` and `until` are the first and the last moment at which Datadog tells them so. `billed`: what a
month came to, told from the 16th of the next one. `shares`: a billed month by the tag `team`, told from the 19th on.
"""

import json
from decimal import Decimal
from pathlib import Path

RESTATED = "2026-08-05T06:00:00Z"
PARENT, CHILD = "o1a2b3c4d5", "o9z8y7x6w5"
# Organization, product, type, cost of a day, days between two on which it costs anything.
USES = [
    (PARENT, "infra_host", "committed", "15.17", 4),
    (PARENT, "infra_host", "on_demand", "0.1", 7),
    (PARENT, "logs_indexed_15day", "on_demand", "1.2700000000000002", 3),
    (PARENT, "siem_analyzed", "on_demand", "3.3", 10),
    (CHILD, "infra_host", "on_demand", "2.31", 6),
    (CHILD, "synthetics_api_tests", "on_demand", "72", 15),
    (CHILD, "quantum_tracing", "reserved", "0.000012345678901234", 9),
]


def text(value):
    return format(value, "f")


def totals(cost, every, days, noise=Decimal(0)):
    total, told = Decimal(0), []
    for day in range(1, days + 1):
        if (day - 1) % every == 0:
            total += Decimal(cost) + noise * day
        told.append(text(total))
    return told


def main():
    series, billed, shares = [], [], []
    for org, product, kind, cost, every in USES:
        july = totals(cost, every, 31, Decimal("0.00000000000001"))
        restated = list(july)
        if (org, product, kind) == (PARENT, "infra_host", "committed"):
            # The high-water mark of the month falls on the fifth: the totals of all later days move.
            restated = july[:4] + [text(Decimal(told) - Decimal("1.5")) for told in july[4:]]
        if product == "logs_indexed_15day":
            restated = july[:27] + [text(Decimal(told) + Decimal("0.4")) for told in july[27:]]
        if restated == july:
            series.append(["2026-07", org, product, kind, "2026-07-01T00:00:00Z", None, july])
        else:
            series.append(["2026-07", org, product, kind, "2026-07-01T00:00:00Z", RESTATED, july])
            series.append(["2026-07", org, product, kind, RESTATED, None, restated])
        august = totals(cost, every, 31)
        if product == "siem_analyzed":
            # Taken back, and not told any more.
            august[5:] = [None] * 26
        series.append(["2026-08", org, product, kind, "2026-08-01T00:00:00Z", None, august])
        beyond = {"infra_host": "-0.77", "logs_indexed_15day": "0.123456789"}.get(product, "0")
        bill = Decimal(restated[-1]) + Decimal(beyond)
        billed.append(["2026-07", org, product, kind, text(bill)])
    # The bill knows a product that the estimates do not.
    billed.append(["2026-07", PARENT, "ci_visibility", "on_demand", "5.25"])
    shares.append(["2026-07", PARENT, "infra_host", "core", "60.5"])
    shares.append(["2026-07", PARENT, "infra_host", "web", "31.25"])
    shares.append(["2026-07", PARENT, "logs_indexed_15day", "core", "7.000000000000001"])
    shares.append(["2026-07", CHILD, "infra_host", "web", "9.5"])
    shares.append(["2026-07", CHILD, "synthetics_api_tests", None, "72"])
    account = {
        "columns": {
            "series": ["month", "org", "product", "type", "from", "until", "totals"],
            "billed": ["month", "org", "product", "type", "cost"],
            "shares": ["month", "org", "product", "team", "cost"],
        },
        "series": series,
        "billed": billed,
        "shares": shares,
    }
    parts = [f'"columns":{json.dumps(account["columns"])}']
    for name in ("series", "billed", "shares"):
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in account[name])
        parts.append(f'"{name}":[\n{rows}\n]')
    (Path(__file__).parent / "account.json").write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
