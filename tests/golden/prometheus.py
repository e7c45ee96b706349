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
    "n1:9100": (4, ["15", "30", "45", "60", "120", "240", "7.5", "0"], 16, "8", "100", None),
    "n2:9100": (2, ["15", "15", "15", "15", "15", "15", "15", "15"], 8, "2.5", "50.25", None),
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
    return not dark(minute) and not silent and (first is None or minute >= (first + 1) * 60)


def metrics():
    families = {name: [] for name in ("up", "node_cpu_seconds", "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_filesystem_size_bytes")}
    for host, (cores, busy, total, used, disk, _) in HOSTS.items():
        at, seconds = Decimal(0), Decimal(1000)
        for minute in range(HOURS * 60 + 1):
            stamp = int((FIRST + timedelta(minutes=minute)).timestamp())
            hour = max(0, (minute - 1) // 60)
            if minute:
                if (host, hour) == RESET and minute == hour * 60 + 1:
                    seconds = Decimal(0)
                seconds += Decimal(busy[hour])
            if not speaks(host, minute):
                continue
            families["up"].append(f'up{{job="node",instance="{host}"}} 1 {stamp}')
            for core in range(cores):
                mine = seconds / cores
                families["node_cpu_seconds"].append(f'node_cpu_seconds_total{{instance="{host}",cpu="{core}",mode="user"}} {mine} {stamp}')
                families["node_cpu_seconds"].append(f'node_cpu_seconds_total{{instance="{host}",cpu="{core}",mode="idle"}} {minute * 60} {stamp}')
            free = int((total - Decimal(used)) * GIB)
            families["node_memory_MemTotal_bytes"].append(f'node_memory_MemTotal_bytes{{instance="{host}"}} {total * GIB} {stamp}')
            families["node_memory_MemAvailable_bytes"].append(f'node_memory_MemAvailable_bytes{{instance="{host}"}} {free} {stamp}')
            families["node_filesystem_size_bytes"].append(f'node_filesystem_size_bytes{{instance="{host}",fstype="ext4",device="a"}} {int(Decimal(disk) * GIB)} {stamp}')
            families["node_filesystem_size_bytes"].append(f'node_filesystem_size_bytes{{instance="{host}",fstype="tmpfs",device="t"}} {GIB} {stamp}')
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
        for hour in range(HOURS):
            for meter, (unit, service, category, price) in CARDS.items():
                if first is not None and hour < first:
                    continue
                # A counter tells nothing before its second sample.
                if hour == first and meter == "cpu":
                    continue
                # In the silent hour only averages have a sample, that of its beginning; after it an increase is extrapolated.
                if (host, hour) == SILENT and meter in ("cpu", "cpu-capacity"):
                    continue
                if (host, hour - 1) == SILENT and meter == "cpu":
                    continue
                amount = used(meter, host, hour)
                start = (FIRST + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")
                rows.append([start, service, category, meter, host, text(amount), unit, text(amount * Decimal(price)), "EUR"])
    columns = ["ChargePeriod.start", "ServiceName", "ServiceCategory", "SkuMeter", "ResourceId", "ConsumedQuantity", "ConsumedUnit", "EffectiveCost", "BillingCurrency"]
    print(json.dumps({"columns": columns, "rows": rows}))


if __name__ == "__main__":
    {"metrics": metrics, "records": records}[sys.argv[1]]()
