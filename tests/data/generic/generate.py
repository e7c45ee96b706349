#!/usr/bin/env python3
"""Makes what the simulated Prometheus and the simulated file server hold: metrics.json and lines.json beside this script.

The same on every run. A sample is [end of its hour, text, since when it is there]; of two with the same end the later one counts, and
an empty text stands for none, so that every state is a moment of the clock. Texts are written as Prometheus writes floats: up to 17
digits. Lines are bills of a colocation: each row has the time since when it is in the file.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
FIRST, LAST = datetime(2026, 8, 2, 18), datetime(2026, 8, 3, 12)  # starts of the first and after the last hour
QUERIES = {
    "cpu": 'sum by (instance, dc) (increase(node_cpu_seconds_total{mode!="idle"}[1h])) / 3600',
    "memory": "max by (instance) (avg_over_time((node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)[1h:1m])) / 2^30",
    "gpu": "count by (Hostname, modelName) (DCGM_FI_DEV_GPU_UTIL)",
    "container-cpu": 'sum by (namespace, pod) (increase(container_cpu_usage_seconds_total{container!="",image!=""}[1h])) / 3600',
    "rack-power": "sum by (rack) (increase(rack_joules_total[1h])) / 3600000",
    "health": "min_over_time((count(up) or vector(0))[1h:1m])",
}  # fmt: skip
N1, N2, N3 = ({"instance": f"n{n}:9100", "dc": dc} for n, dc in ((1, "fra1"), (2, "fra1"), (3, "ams2")))
# query, labels, whole part of its samples, hours (counted from FIRST) in which it is there; None: in all
SERIES = [
    ("cpu", N1, "3", None),
    ("cpu", N2, "0", None),
    ("cpu", N3, "12", range(6, 18)),
    ("memory", {"instance": "n1:9100"}, "30", None),
    ("memory", {"instance": "n2:9100"}, "61", [hour for hour in range(18) if hour != 4]),
    ("container-cpu", {"namespace": "shop", "pod": "web-1"}, "0", None),
    ("container-cpu", {"namespace": "shop", "pod": "web-2"}, "1", range(2, 5)),
    ("rack-power", {"rack": "r7"}, "4", [0, 1, 5, 6, 11, 12, 13, 17]),
]
# query, labels, hour, text, since: what is known later than at the end of its hour
LATER = [
    ("cpu", N1, 10, "3.7500000000000004", "2026-08-03T08:00:00Z"),  # restated
    ("cpu", N3, 6, "12.25", "2026-08-03T08:00:00Z"),  # arrives late
    ("cpu", N3, 7, "12.125", "2026-08-03T08:00:00Z"),
    ("gpu", {"Hostname": "g1", "modelName": "NVIDIA H100 80GB HBM3"}, 7, "8", "2026-08-03T08:00:00Z"),  # was NaN
    ("container-cpu", {"namespace": "shop", "pod": "web-2"}, 4, "", "2026-08-03T08:00:00Z"),  # withdrawn
]  # fmt: skip
RACKS, POWER, SETUP = "Racks", "Power, metered", "Remote Hands"
# day, amount, product, kind, team, room, kWh, since
LINES = [
    ("2026-07-30", "410.10", RACKS, "usage", "core", "ams2-1", "", "2026-07-31"),
    ("2026-07-31", "410.10", RACKS, "usage", "core", "ams2-1", "", "2026-08-01"),
    ("2026-07-31", "410.10", RACKS, "usage", "web", "ams2-1", "", "2026-08-01"),
    ("2026-07-31", "0.123456789012345678", POWER, "usage", "core", "ams2-1", "0.58", "2026-08-01"),
    ("2026-07-31", "-20", RACKS, "credit", "web", "ams2-1", "", "2026-08-01"),
    ("2026-08-01", "410.10", RACKS, "usage", "core", "ams2-1", "", "2026-08-02"),
    ("2026-08-01", "0.90", RACKS, "usage", "core", "ams2-1", "", "2026-08-02"),  # the same once more: added up
    ("2026-08-01", "12.5", SETUP, "levy", "", "", "", "2026-08-02"),
    ("2026-08-02", "410.10", RACKS, "usage", "core", "ams2-1", "", "2026-08-03"),
    ("2026-07-31", "3.99", SETUP, "purchase", "web", "", "", "2026-08-04"),  # late
    ("2026-08-03", "410.10", RACKS, "usage", "core", "ams2-1", "", "2026-08-04"),
]  # fmt: skip
WITHDRAWN = {4: "2026-08-04"}  # the credit is taken back: index, since


def stamp(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def digits(seed):
    """Sixteen digits behind the point, never ending in 0."""
    state = seed * 2862933555777941757 + 3037000493
    for _ in range(3):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return f"{state % 10**15:015}{state % 9 + 1}"


def main():
    series = {}
    at = lambda query, labels: series.setdefault((query, json.dumps(labels, sort_keys=True)), [])  # noqa: E731
    end = lambda hour: stamp(FIRST + timedelta(hours=hour + 1))  # noqa: E731
    hours = int((LAST - FIRST) / timedelta(hours=1))
    for number, (query, labels, whole, there) in enumerate(SERIES):
        for hour in range(hours) if there is None else there:
            late = any(later[:3] == (query, labels, hour) and hour in (6, 7) for later in LATER)
            if not late:
                at(query, labels).append([end(hour), f"{whole}.{digits(number * 100 + hour)}", end(hour)])
    gpu = {"Hostname": "g1", "modelName": "NVIDIA H100 80GB HBM3"}
    for hour in range(hours):
        at("gpu", gpu).append([end(hour), "NaN" if hour == 7 else "8", end(hour)])
        at("health", {}).append([end(hour), "5", end(hour)])
    for query, labels, hour, text, since in LATER:
        at(query, labels).append([end(hour), text, since])
    held = [
        {"query": query, "labels": json.loads(labels), "samples": samples}
        for (query, labels), samples in series.items()
    ]
    (HERE / "metrics.json").write_text(dumped({"queries": QUERIES, "series": held}))
    names = ("day", "amount", "product", "kind", "team", "room", "kwh", "since")
    rows = [dict(zip(names, line)) for line in LINES]
    for index, until in WITHDRAWN.items():
        rows[index]["until"] = until
    (HERE / "lines.json").write_text(dumped(rows))


def dumped(data):
    text = json.dumps(data, indent=1)
    # a sample a line
    import re

    return re.sub(r"\[\s+(\"[^\"]*\"),\s+(\"[^\"]*\"),\s+(\"[^\"]*\")\s+\]", r"[\1, \2, \3]", text) + "\n"


if __name__ == "__main__":
    main()
