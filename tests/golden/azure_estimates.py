#!/usr/bin/env python3
"""The expected estimates of running virtual machines for a day that is over, worked out from tests/data/azure/machines.json with
plain `decimal`.

Which price belongs to which machine is written down here by hand; nothing is taken from the collector. A machine costs the
seconds that it ran on the day times the price of an hour over 3600, rounded half to even to 18 places.

Writes estimated.json into tests/golden/azure (or the folder given by --out).
"""

import argparse
import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
getcontext().prec = 80
SHOP = "11111111-aaaa-4bbb-8ccc-000000000001"
DAY = "2026-08-02"  # of the day after it, the estimate goes up to the run's own time
CURRENCY = "EUR"
# Machine and its price's SKU; all others have no price.
PRICED = {"rent-1": "DZH318Z0/0001", "rent-2": "DZH318Z0/0012", "rent-3": "DZH318Z0/0022"}
COLUMNS = ["day", "resource", "subscription", "region", "sku", "meter", "service", "quantity", "unit", "price", "cost", "currency", "basis"]


def places(value):
    return value.quantize(Decimal(1).scaleb(-18), rounding=ROUND_HALF_EVEN)


def text(value):
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def rows(data):
    prices = {price["id"]: price for price in data["prices"]}
    begin = datetime.fromisoformat(DAY).replace(tzinfo=UTC)
    end = begin + timedelta(days=1)
    for one in data["machines"]:
        if one["name"] not in PRICED:
            continue
        created = begin
        if one["created"]:
            created = datetime.fromisoformat(one["created"][:19] + "+00:00")
        seconds = int((end - max(begin, created)).total_seconds())
        price = prices[PRICED[one["name"]]]
        hourly = price["price"][CURRENCY]
        path = f"/subscriptions/{SHOP}/resourceGroups/rg-rent/providers/Microsoft.Compute/virtualMachines/{one['name']}"
        yield [
            DAY, path.lower(), SHOP, one["location"], price["id"], price["meter"], "Virtual Machines",
            text(places(Decimal(seconds) / 3600)), "Hours", text(hourly), text(places(hourly * seconds / 3600)), CURRENCY, "estimated",
        ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=HERE / "azure")
    out = parser.parse_args().out
    data = json.loads((HERE.parent / "data" / "azure" / "machines.json").read_text(), parse_float=Decimal)
    lines = ",\n".join(json.dumps(row) for row in sorted(rows(data)))
    (out / "estimated.json").write_text(f'{{"columns": {json.dumps(COLUMNS)},\n"rows": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
