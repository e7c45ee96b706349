#!/usr/bin/env python3
"""Makes the simulated account's system tables: usage.json and prices.json in tests/data/databricks. The same on every run.

A line is one row of system.billing.usage, its structs flattened to `struct.field`, tags as pairs in no order, with the moment at
which it came. Rows are only ever appended: corrections are a RETRACTION of negative quantity and a RESTATEMENT that come later, so
that every state of the table is a moment of the clock.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
ACCOUNT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
MAIN, LAB = "1234567890123456", "6543210987654321"
FIRST, LAST = date(2026, 7, 10), date(2026, 8, 4)
EAST = "US_EAST_N_VIRGINIA"
ETL = {"run_as": "etl@example.com", "created_by": "ann@example.com"}
TEAM = [["team", "data"], ["env", "prod"]]
# workspace, product, features, SKU, unit, usage type, metadata, identity, tags, quantity, days between two lines, hours
USES = [
    (MAIN, "ALL_PURPOSE", {"is_photon": "false", "is_serverless": "false"}, "PREMIUM_ALL_PURPOSE_COMPUTE", "DBU", "COMPUTE_TIME",
     {"cluster_id": "0710-091500-abc", "node_type": "m5.large"}, {"owned_by": "bob@example.com"}, TEAM, "3.25", 1, (9, 14)),
    (MAIN, "JOBS", {"jobs_tier": "CLASSIC", "is_serverless": "false"}, "PREMIUM_JOBS_COMPUTE", "DBU", "COMPUTE_TIME",
     {"job_id": "501", "job_run_id": "501{day}{hour}", "job_name": "nightly load", "cluster_id": "{day}-{hour}-job"}, ETL, TEAM,
     "4.5", 1, (10, 11)),
    (MAIN, "JOBS", {"is_serverless": "true"}, f"PREMIUM_JOBS_SERVERLESS_COMPUTE_{EAST}", "DBU", "COMPUTE_TIME",
     {"job_id": "777", "job_run_id": "777{day}", "job_name": "report"}, ETL, None, "1.000000001", 2, (5,)),
    (MAIN, "SQL", {"sql_tier": "PRO", "is_serverless": "false"}, f"PREMIUM_SQL_PRO_COMPUTE_{EAST}", "DBU", "COMPUTE_TIME",
     {"warehouse_id": "a1b2c3d4e5f60718"}, {"owned_by": "bi@example.com"}, [["team", "bi"]], "2", 2, (8,)),
    (MAIN, "SQL", {"sql_tier": "PRO", "is_serverless": "false"}, f"PREMIUM_SQL_PRO_COMPUTE_{EAST}", "DBU", "COMPUTE_TIME",
     {"warehouse_id": "a1b2c3d4e5f60718"}, {"owned_by": "bi@example.com"}, [["team", "sales"]], "0.5", 4, (16,)),
    (MAIN, "SQL", {"sql_tier": "PRO", "is_serverless": "true"}, f"PREMIUM_SERVERLESS_SQL_COMPUTE_{EAST}", "DBU", "COMPUTE_TIME",
     {"warehouse_id": "ffeeddccbbaa0011"}, {"owned_by": "bi@example.com"}, None, "0.12345678901234567", 3, (10, 13)),
    (LAB, "DLT", {"dlt_tier": "ADVANCED", "is_photon": "true"}, "PREMIUM_DLT_ADVANCED_COMPUTE_(PHOTON)", "DBU", "COMPUTE_TIME",
     {"dlt_pipeline_id": "5f0c1f3e-pipe", "cluster_id": "{day}-dlt"}, ETL, None, "6.75", 3, (2,)),
    (LAB, "MODEL_SERVING", {"serving_type": "FOUNDATION_MODEL"}, f"PREMIUM_SERVERLESS_REAL_TIME_INFERENCE_{EAST}", "DBU", "TOKEN",
     {"endpoint_name": "chat-large"}, {}, None, "0.0625", 4, (12,)),
    (LAB, "VECTOR_SEARCH", {"is_serverless": "true"}, f"PREMIUM_SERVERLESS_REAL_TIME_INFERENCE_{EAST}", "DBU", "COMPUTE_TIME",
     {"endpoint_id": "ep-9", "endpoint_name": "docs"}, {}, None, "1.5", 5, (1,)),
    (None, "DEFAULT_STORAGE", {}, f"PREMIUM_DATABRICKS_STORAGE_{EAST}", "DSU", "STORAGE_SPACE", {}, {}, None, "30.1", 7, (0,)),
    (MAIN, "NETWORKING", {}, f"PREMIUM_PRIVATE_CONNECTIVITY_{EAST}", "GB", "NETWORK_BYTE", {}, {}, None, "12.75", 6, (7,)),
    (LAB, "INTERACTIVE", {"is_serverless": "true"}, f"PREMIUM_ALL_PURPOSE_SERVERLESS_COMPUTE_{EAST}", "DBU", "COMPUTE_TIME",
     {"notebook_id": "99"}, {"run_as": "__REDACTED__"}, None, "0.75", 6, (15,)),
    (LAB, "QUANTUM_LAKE", {}, "PREMIUM_QUANTUM_LAKE", "DBU", "COMPUTE_TIME", {}, {}, None, "7", 9, (18,)),
]  # fmt: skip
STRUCTS = {
    "product_features": ["jobs_tier", "sql_tier", "dlt_tier", "is_serverless", "is_photon", "serving_type"],
    "usage_metadata": [
        "cluster_id", "job_id", "job_run_id", "job_name", "warehouse_id", "node_type", "notebook_id", "dlt_pipeline_id",
        "endpoint_id", "endpoint_name", "app_id", "app_name", "database_instance_id",
    ],
    "identity_metadata": ["run_as", "owned_by", "created_by"],
}  # fmt: skip
COLUMNS = [
    "record_id", "account_id", "workspace_id", "sku_name", "cloud", "usage_start_time", "usage_end_time", "usage_date",
    "custom_tags", "usage_unit", "usage_quantity", "record_type", "ingestion_date", "billing_origin_product", "usage_type",
    *(f"{struct}.{field}" for struct, fields in STRUCTS.items() for field in fields), "came",
]  # fmt: skip
# SKU, unit, price, price with a promotion, from, until
CHANGE = "2026-07-15T12:00:00Z"
BEGUN = "2024-01-01T00:00:00Z"
LIST = [
    ("PREMIUM_ALL_PURPOSE_COMPUTE", "DBU", "0.55", "0.55", BEGUN, None),
    ("PREMIUM_JOBS_COMPUTE", "DBU", "0.15", "0.15", BEGUN, CHANGE),
    ("PREMIUM_JOBS_COMPUTE", "DBU", "0.1625", "0.1625", CHANGE, None),
    (f"PREMIUM_JOBS_SERVERLESS_COMPUTE_{EAST}", "DBU", "0.45", "0.35", BEGUN, None),
    (f"PREMIUM_SQL_PRO_COMPUTE_{EAST}", "DBU", "0.55", "0.55", BEGUN, None),
    (f"PREMIUM_SERVERLESS_SQL_COMPUTE_{EAST}", "DBU", "0.7", None, BEGUN, None),
    ("PREMIUM_DLT_ADVANCED_COMPUTE_(PHOTON)", "DBU", "0.36", "0.36", BEGUN, None),
    (f"PREMIUM_SERVERLESS_REAL_TIME_INFERENCE_{EAST}", "DBU", "0.07", "0.07", BEGUN, None),
    (f"PREMIUM_DATABRICKS_STORAGE_{EAST}", "DSU", "0.023", "0.023", BEGUN, None),
    (f"PREMIUM_PRIVATE_CONNECTIVITY_{EAST}", "GB", "0.01", "0.01", BEGUN, None),
    (f"PREMIUM_PRIVATE_CONNECTIVITY_{EAST}", "HOUR", "0.05", "0.05", BEGUN, None),
    (f"PREMIUM_ALL_PURPOSE_SERVERLESS_COMPUTE_{EAST}", "DBU", "0.75", "0.75", BEGUN, None),
    ("PREMIUM_QUANTUM_LAKE", "DBU", "0.001", "0.001", BEGUN, None),
]
OWN = [
    ("PREMIUM_ALL_PURPOSE_COMPUTE", "DBU", "0.44", None, BEGUN, None),
    ("PREMIUM_JOBS_COMPUTE", "DBU", "0.12", None, BEGUN, None),
]


def stamp(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Table:
    def __init__(self):
        self.rows = []

    def add(self, use, day, hour, quantity=None, kind="ORIGINAL", came=None):
        workspace, product, features, sku, unit, usage_type, metadata, identity, tags, usual, _, _ = use
        start = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        end = start + timedelta(hours=1)
        came = came or end + timedelta(hours=6)
        names = {"day": day.strftime("%m%d"), "hour": f"{hour:02}"}
        row = {
            "record_id": f"rec-{len(self.rows):05}", "account_id": ACCOUNT, "workspace_id": workspace, "sku_name": sku,
            "cloud": "AWS", "usage_start_time": stamp(start), "usage_end_time": stamp(end), "usage_date": day.isoformat(),
            "custom_tags": tags, "usage_unit": unit, "usage_quantity": quantity or usual, "record_type": kind,
            "ingestion_date": came.date().isoformat(), "billing_origin_product": product, "usage_type": usage_type,
            "came": stamp(came),
        }  # fmt: skip
        for struct, fields in (("product_features", features), ("usage_metadata", metadata), ("identity_metadata", identity)):
            row |= {f"{struct}.{name}": value.format(**names) for name, value in fields.items()}
        self.rows.append([row.get(name) for name in COLUMNS])


def main():
    table = Table()
    day = FIRST
    while day <= LAST:
        for use in USES:
            if (day - FIRST).days % use[10] == 0:
                for hour in use[11]:
                    table.add(use, day, hour)
        day += timedelta(days=1)
    late = datetime(2026, 8, 4, 9, tzinfo=UTC)
    jobs, search = USES[1], USES[8]
    # 20 July: a job's run used less than was said. Its vector search, and that of 25 July, was no usage at all.
    table.add(jobs, date(2026, 7, 20), 10, "-4.5", "RETRACTION", late)
    table.add(jobs, date(2026, 7, 20), 10, "4.25", "RESTATEMENT", late)
    for day in (date(2026, 7, 20), date(2026, 7, 25)):
        table.add(search, day, 1, "-1.5", "RETRACTION", late)
    # A line of 31 July that comes late.
    table.add(USES[3], date(2026, 7, 31), 8, "1.25", "ORIGINAL", late)
    write("usage", COLUMNS, table.rows)
    columns = ["sku_name", "cloud", "currency_code", "usage_unit", "pricing.default", "pricing.effective_list.default",
               "price_start_time", "price_end_time", "account_id"]  # fmt: skip
    for name, prices in (("list_prices", LIST), ("account_prices", OWN)):
        write(name, columns, [[sku, "AWS", "USD", unit, *rest, ACCOUNT] for sku, unit, *rest in prices])


def write(name, columns, rows):
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    text = f'{{"columns":{json.dumps(columns)},\n"rows":[\n{lines}\n]}}\n'
    (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
