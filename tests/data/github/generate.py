#!/usr/bin/env python3
"""Makes the simulated usage report: tests/data/github/lines.json. The same on every run.

A row is a line of the report as GitHub writes it, amounts as the JSON numbers' text. `from` and `until` are the first and the
last moment at which the report shows the line: a restated line ends and another begins, a late one begins after its day.
"""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

COLUMNS = ["day", "date", "product", "sku", "quantity", "unit", "price", "gross", "discount", "net", "org", "repo", "from", "until"]
RESTATED = "2026-08-03T18:00:00Z"
LATE = "2026-08-06T09:00:00Z"
# product, sku, unit, price, organization, repository, quantity of a day, share that is discounted in per cent, days between two
USES = [
    ("actions", "actions_linux", "minutes", "0.006", "acme", "acme/api", "412", 100, 1),
    ("actions", "actions_linux", "minutes", "0.006", "acme", "acme/web", "1031", 25, 1),
    ("actions", "actions_windows_8_core", "minutes", "0.042", "acme", "acme/api", "17.5", 0, 3),
    ("actions", "actions_macos_l", "minutes", "0.077", "acme", "acme/app", "61", 0, 4),
    ("git_lfs", "git_lfs_storage", "GigabyteHours", "9.41e-05", "acme", "", "13.503", 0, 1),
    ("copilot", "copilot_business", "user-months", "19", "acme", None, "0.8387096774193549", 0, 1),
    ("packages", "packages_bandwidth", "gigabytes", "0.5", "acme", "acme/web", "3.25", 40, 5),
    ("quantum_runner", "quantum_runner_4_qubit", "QubitHours", "1.5", "acme", "acme/lab", "2", 0, 7),
    ("actions", "actions_beos_2_core", "minutes", "0.001", "acme", "acme/lab", "5", 0, 9),
]
# Days on which GitHub writes the same in another spelling.
OTHER = ("2026-07-21", "2026-07-22")
SPELLINGS = {"actions": "Actions", "actions_linux": "Actions Linux", "minutes": "Minutes", "acme/api": "api", "acme": "Acme"}


def number(value):
    return format(value.normalize(), "f")


def row(day, use, quantity, begins, until):
    product, sku, unit, price, org, repo, _, discounted, _ = use
    gross = quantity * Decimal(price)
    discount = gross * discounted / 100
    written = [product, sku, number(quantity), unit, price, number(gross), number(discount), number(gross - discount), org, repo]
    stamp = f"{day}T00:00:00Z"
    if day in OTHER:
        written = [SPELLINGS.get(text, text) for text in written]
        stamp = day
    return [day, stamp, *written, begins, until]


def main():
    rows = []
    first = date(2026, 7, 1)
    # The middle of July has no use: days without lines are days, too.
    days = [n for n in range(38) if not 3 <= n <= 18]
    for n in days:
        day = str(first + timedelta(days=n))
        begins = f"{day}T00:00:00Z"
        for place, use in enumerate(USES):
            if n % use[8]:
                continue
            quantity = Decimal(use[6]) + (Decimal(n * 7 % 11) if place < 4 else 0)
            restated = day in ("2026-07-31", "2026-08-02") and place < 2
            rows.append(row(day, use, quantity, begins, RESTATED if restated else None))
            if restated:
                rows.append(row(day, use, quantity + Decimal("12.5"), RESTATED, None))
        if day == "2026-07-02":
            # The same twice: one record, two lines.
            rows.append(row(day, USES[0], Decimal(33), begins, None))
        if day == "2026-08-01":
            # Withdrawn with the restatement.
            rows.append(row(day, USES[2], Decimal(1), begins, RESTATED))
        if day == "2026-07-29":
            rows.append(row(day, USES[3], Decimal(9), LATE, None))
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    text = f'{{"columns":{json.dumps(COLUMNS)},"rows":[\n{lines}\n]}}\n'
    (Path(__file__).parent / "lines.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
