#!/usr/bin/env python3
"""Past metrics of three hosts, and what the generic collector must book for them: `prometheus.py metrics` prints OpenMetrics text for
`promtool tsdb create-blocks-from openmetrics`, `prometheus.py records` the expected records.

Both follow from one table in exact decimals. Samples are a minute apart, counters grow evenly, and all steps are sums of powers of
two, so that Prometheus' own floats are exact: what the collector is compared with is arithmetic, not another Prometheus.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

FIRST, HOURS = datetime(2026, 8, 3, 0, tzinfo=UTC), 8
GIB = 2**30
# host: cores, busy seconds a minute by hour, GiB of memory in all, GiB in use, GiB of disk, hour with whose end its samples begin
HOSTS = {
    "n1:9100": (4, ["15", "30", "45", "60", "120", "240", "7.5", "0"], 16, "8", "100", -1),
    "n2:9100": (2, ["15", "15", "15", "15", "15", "15", "15", "15"], 8, "2.5", "50.25", -1),
    "n3:9100": (1, ["3.75", "0", "0", "60", "60", "0", "1.875", "30"], 4, "1", "8", 3),
}
SILENT = ("n2:9100", 2)  # the host is not scraped from this hour's first minute on, its end included
DARK = 5  # the hour in whose middle Prometheus itself saw nothing for twenty minutes
RESET = ("n1:9100", 3)  # the counter of the host begins anew with this hour
CARDS = {  # meter: unit, service, category, prices by first day
    "host": ("Host-Hours", "Hosts", "Compute", "0.05"),
    "cpu": ("Core-Hours", "Compute", "Compute", "0.031"),
    "cpu-capacity": ("Core-Hours", "Compute", "Compute", "0.01"),
    "memory": ("GiB-Hours", "Memory", "Compute", "0.0041"),
    "disk": ("GiB-Hours", "Storage", "Storage", "0.00011"),
}


def dark(minute):
    return DARK * 60 + 20 <= minute < DARK * 60 + 40


def speaks(host, minute):
    """Whether a host was scraped."""
    first, silent = HOSTS[host][5], (host, (minute - 1) // 60) == SILENT
    return not dark(minute) and not silent and minute >= (first + 1) * 60


def metrics():
    families = {}

    def add(family, labels, value, stamp, name=None):
        pairs = ",".join(f'{label}="{text}"' for label, text in labels.items())
        families.setdefault(family, []).append(f"{name or family}{{{pairs}}} {value} {stamp}")

    for host, (cores, busy, total, used, disk, _) in HOSTS.items():
        seconds, instance = Decimal(1000), {"instance": host}
        for minute in range(HOURS * 60 + 1):
            stamp, hour = int((FIRST + timedelta(minutes=minute)).timestamp()), (minute - 1) // 60
            if minute:
                reset = (host, hour) == RESET and minute == hour * 60 + 1
                seconds = (Decimal(0) if reset else seconds) + Decimal(busy[hour])
            if not speaks(host, minute):
                continue
            add("up", {"job": "node", **instance}, 1, stamp)
            for core in range(cores):
                for mode, value in (("user", seconds / cores), ("idle", minute * 60)):
                    labels = {**instance, "cpu": core, "mode": mode}
                    add("node_cpu_seconds", labels, value, stamp, "node_cpu_seconds_total")
            add("node_memory_MemTotal_bytes", instance, total * GIB, stamp)
            add("node_memory_MemAvailable_bytes", instance, int((total - Decimal(used)) * GIB), stamp)
            for kind, size in (("ext4", int(Decimal(disk) * GIB)), ("tmpfs", GIB)):
                add("node_filesystem_size_bytes", {**instance, "fstype": kind}, size, stamp)
    lines = []
    for family, samples in families.items():
        kind = "counter" if family == "node_cpu_seconds" else "gauge"
        lines += [f"# TYPE {family} {kind}", *samples]
    print("\n".join([*lines, "# EOF"]))


def text(value):
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def used(meter, host, hour):
    cores, busy, _, memory, disk, _ = HOSTS[host]
    return {
        "host": Decimal(1),
        "cpu": Decimal(busy[hour]) * 60 / 3600,
        "cpu-capacity": Decimal(cores),
        "memory": Decimal(memory),
        "disk": Decimal(disk),
    }[meter]


def records():
    rows = []
    for host, (*_, first) in HOSTS.items():
        for hour in range(first, HOURS):
            for meter, (unit, service, category, price) in CARDS.items():
                # Prometheus 2 counts the samples at both ends of a range: the first one tells of the hour before it, too; but a
                # counter tells nothing before its second sample.
                if hour == first and meter == "cpu":
                    continue
                # In the silent hour only averages have a sample, that of its beginning; after it an increase is extrapolated.
                if (host, hour) == SILENT and meter in ("cpu", "cpu-capacity"):
                    continue
                if (host, hour - 1) == SILENT and meter == "cpu":
                    continue
                amount = used(meter, host, hour)
                start = (FIRST + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")
                cost = text(amount * Decimal(price))
                rows.append([start, service, category, meter, host, text(amount), unit, cost, "EUR"])
    columns = [
        "ChargePeriod.start", "ServiceName", "ServiceCategory", "SkuMeter", "ResourceId", "ConsumedQuantity", "ConsumedUnit",
        "EffectiveCost", "BillingCurrency",
    ]  # fmt: skip
    print(json.dumps({"columns": columns, "rows": rows}))


if __name__ == "__main__":
    {"metrics": metrics, "records": records}[sys.argv[1]]()
