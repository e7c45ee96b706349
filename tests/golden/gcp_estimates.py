#!/usr/bin/env python3
"""The expected estimates of running instances for a day that is over, worked out from tests/data/gcp/machines.json with plain `decimal`.

Which SKU prices which family is written down here by hand; nothing is taken from the collector. A part of a machine costs its
size times the seconds that it ran on the day times the price of an hour over 3600, rounded half to even to 18 places.

Writes estimated.json into tests/golden/gcp (or the folder given by --out).
"""

import argparse
import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
getcontext().prec = 80
DAY = "2026-08-02"  # of the day after it, the estimate goes up to the run's own time
# Instance, its core's SKU and its memory's; all others have no price.
PRICED = {
    "render-1": ("2E27-4F75-95CD", "2E27-4F75-95CE"),
    "render-2": ("4A5E-1D3C-0001", "4A5E-1D3C-0002"),
    "old-1": ("2E27-4F75-95CF", "2E27-4F75-95D0"),
}
COLUMNS = ["day", "resource", "project", "region", "zone", "sku", "service", "quantity", "unit", "price", "cost", "currency", "basis"]


def places(value):
    return value.quantize(Decimal(1).scaleb(-18), rounding=ROUND_HALF_EVEN)


def text(value):
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def rows(data):
    skus = {sku["skuId"]: sku for sku in data["skus"]}
    begin = datetime.fromisoformat(DAY).replace(tzinfo=UTC)
    end = begin + timedelta(days=1)
    for one in data["instances"]:
        if one["status"] != "RUNNING" or one["name"] not in PRICED:
            continue
        started = datetime.fromisoformat(one["started"] or one["created"]).astimezone(UTC).replace(microsecond=0)
        seconds = int((end - max(begin, started)).total_seconds())
        if seconds <= 0:
            continue
        shape = data["machine_types"][one["type"]]
        sizes = [(Decimal(shape["guestCpus"]), "vCPU-Hours"), (Decimal(shape["memoryMb"]) / 1024, "GiB-Hours")]
        for (size, unit), sku in zip(sizes, PRICED[one["name"]], strict=True):
            [[_, units, nanos]] = skus[sku]["rates"]
            price = Decimal(units) + Decimal(nanos).scaleb(-9)
            yield [
                DAY,
                f"//compute.googleapis.com/projects/{data['project']}/zones/{one['zone']}/instances/{one['name']}",
                data["project"], one["zone"].rsplit("-", 1)[0], one["zone"], sku, "Compute Engine",
                text(places(size * seconds / 3600)), unit, text(price), text(places(size * seconds * price / 3600)),
                "USD", "estimated",
            ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=HERE / "gcp")
    out = parser.parse_args().out
    data = json.loads((HERE.parent / "data" / "gcp" / "machines.json").read_text())
    lines = ",\n".join(json.dumps(row) for row in sorted(rows(data)))
    (out / "estimated.json").write_text(f'{{"columns": {json.dumps(COLUMNS)},\n"rows": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
