#!/usr/bin/env python3
"""What a plain Python agent does with the same views of Snowflake: fetch all rows, sum the money, insert the rows.

For the bench only. Over the SQL REST API with a programmatic access token, by requests and sqlite3 as such agents are written;
the statements are those of the fact sheet. It splits nothing over users, compares nothing with an earlier run and forwards nothing.

baseline.py --port PORT --secrets DIR --database FILE --since DAY --until DAY
Prints {"rows": number of rows, "billed": sum of the bill as decimal text}.
"""

import argparse
import json
import sqlite3
import uuid
from decimal import Decimal
from pathlib import Path

import requests
import requests.adapters

HOST = "myorg-acct.snowflakecomputing.com"
LOCATOR = "AB12345"
BY_DAY = "WHERE {0} >= ? AND {0} < ?"
BY_TIME = "WHERE {0} >= ?::TIMESTAMP_TZ AND {0} < ?::TIMESTAMP_TZ"
ATTRIBUTED = (
    "SUM(COALESCE(a.CREDITS_ATTRIBUTED_COMPUTE,0) + COALESCE(a.CREDITS_USED_QUERY_ACCELERATION,0)) CR "
    "FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY a"
)
DAY_OF_QUERY = "SELECT TO_CHAR(DATE_TRUNC('DAY',a.START_TIME),'YYYY-MM-DD') D, a.WAREHOUSE_ID, a.WAREHOUSE_NAME, a.USER_NAME"
# Table and statement. Bindings are the two days; where there is one more, it is the first day again, before them.
VIEWS = [
    (
        "currency",
        "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, ACCOUNT_LOCATOR, ACCOUNT_NAME, REGION, SERVICE_LEVEL, SERVICE_TYPE, "
        "RATING_TYPE, BILLING_TYPE, BALANCE_SOURCE, IS_ADJUSTMENT, CURRENCY, SUM(USAGE) U, SUM(USAGE_IN_CURRENCY) C "
        "FROM SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY "
        f"{BY_DAY.format('USAGE_DATE')} AND ACCOUNT_LOCATOR = '{LOCATOR}' GROUP BY ALL",
    ),
    (
        "rates",
        "SELECT TO_CHAR(DATE,'YYYY-MM-DD') D, SERVICE_TYPE, RATING_TYPE, CURRENCY, EFFECTIVE_RATE R "
        f"FROM SNOWFLAKE.ORGANIZATION_USAGE.RATE_SHEET_DAILY {BY_DAY.format('DATE')} AND ACCOUNT_LOCATOR = '{LOCATOR}'",
    ),
    (
        "metering",
        "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, SERVICE_TYPE, SUM(CREDITS_USED_COMPUTE) CC, SUM(CREDITS_BILLED) CB "
        f"FROM SNOWFLAKE.ACCOUNT_USAGE.METERING_DAILY_HISTORY {BY_DAY.format('USAGE_DATE')} GROUP BY ALL",
    ),
    (
        "hours",
        "SELECT DATE_PART(epoch_second, START_TIME) T0, WAREHOUSE_ID, WAREHOUSE_NAME, SUM(CREDITS_USED_COMPUTE) CC, "
        "SUM(CREDITS_USED_CLOUD_SERVICES) CS, SUM(CREDITS_ATTRIBUTED_COMPUTE_QUERIES) QA "
        f"FROM SNOWFLAKE.ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY {BY_TIME.format('START_TIME')} GROUP BY ALL",
    ),
    ("users", f"{DAY_OF_QUERY}, {ATTRIBUTED} {BY_TIME.format('a.START_TIME')} GROUP BY ALL"),
    (
        "roles",
        f"{DAY_OF_QUERY}, q.ROLE_NAME, a.QUERY_TAG, {ATTRIBUTED} LEFT JOIN SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY q "
        "ON q.QUERY_ID=a.QUERY_ID AND q.START_TIME >= DATEADD(day,-2,?::TIMESTAMP_TZ) "
        f"{BY_TIME.format('a.START_TIME')} GROUP BY ALL",
    ),
    (
        "databases",
        "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, DATABASE_NAME, SUM(AVERAGE_DATABASE_BYTES) B, SUM(AVERAGE_FAILSAFE_BYTES) F "
        f"FROM SNOWFLAKE.ACCOUNT_USAGE.DATABASE_STORAGE_USAGE_HISTORY {BY_DAY.format('USAGE_DATE')} GROUP BY ALL",
    ),
    (
        "stages",
        "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, SUM(AVERAGE_STAGE_BYTES) B "
        f"FROM SNOWFLAKE.ACCOUNT_USAGE.STAGE_STORAGE_USAGE_HISTORY {BY_DAY.format('USAGE_DATE')} GROUP BY ALL",
    ),
    (
        "queries",
        "SELECT TO_CHAR(DATE_TRUNC('DAY',START_TIME),'YYYY-MM-DD') D, WAREHOUSE_NAME, EXECUTION_STATUS, COUNT(*) N, "
        "SUM(TOTAL_ELAPSED_TIME) MS, SUM(BYTES_SCANNED) BS, SUM(BYTES_SPILLED_TO_REMOTE_STORAGE) SP "
        f"FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY {BY_TIME.format('START_TIME')} GROUP BY ALL",
    ),
    (
        "transfers",
        "SELECT TO_CHAR(DATE_TRUNC('DAY',START_TIME),'YYYY-MM-DD') D, TRANSFER_TYPE, TARGET_REGION, SUM(BYTES_TRANSFERRED) B "
        f"FROM SNOWFLAKE.ACCOUNT_USAGE.DATA_TRANSFER_HISTORY {BY_TIME.format('START_TIME')} GROUP BY ALL",
    ),
]


class OnLoopback(requests.adapters.HTTPAdapter):
    """To the simulator on loopback, under the provider's name, which its certificate must prove."""

    def init_poolmanager(self, *arguments, **keywords):
        super().init_poolmanager(*arguments, server_hostname=HOST, assert_hostname=HOST, **keywords)


class Snowflake:
    def __init__(self, port, secrets):
        self.address = f"https://127.0.0.1:{port}"
        self.session = requests.Session()
        # No proxy: whatever the environment says, the simulator is here.
        self.session.trust_env = False
        self.session.verify = str(secrets / "ca.pem")
        self.session.mount(self.address, OnLoopback())
        self.session.headers.update(
            {
                "Host": HOST,
                "Authorization": "Bearer " + (secrets / "pat.txt").read_text(encoding="utf-8").strip(),
                "X-Snowflake-Authorization-Token-Type": "PROGRAMMATIC_ACCESS_TOKEN",
                "User-Agent": "baseline",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            }
        )

    def call(self, path, body=None):
        method = "GET" if body is None else "POST"
        reply = self.session.request(method, f"{self.address}/api/v2/statements{path}", json=body, timeout=60)
        if reply.status_code != 200:
            raise SystemExit(f"{path}: HTTP {reply.status_code}")
        return reply.json()

    def rows(self, statement, bindings):
        """Names of the columns, and all rows of the result."""
        bound = {str(at): {"type": "TEXT", "value": value} for at, value in enumerate(bindings, 1)}
        body = {
            "statement": statement,
            "timeout": 120,
            "database": "SNOWFLAKE",
            "schema": "ACCOUNT_USAGE",
            "warehouse": "FINOPS_WH",
            "role": "FINOPS_READER",
            "parameters": {"TIMEZONE": "UTC", "DATE_OUTPUT_FORMAT": "YYYY-MM-DD"},
            "bindings": bound,
        }
        reply = self.call(f"?requestId={uuid.uuid4()}", body)
        meta, rows = reply["resultSetMetaData"], reply["data"]
        for partition in range(1, len(meta["partitionInfo"])):
            rows += self.call(f"/{reply['statementHandle']}?partition={partition}")["data"]
        if len(rows) != meta["numRows"]:
            raise SystemExit(f"{len(rows)} rows came of {meta['numRows']}: {statement}")
        return [column["name"] for column in meta["rowType"]], rows


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--secrets", type=Path, required=True)
    arguments.add_argument("--database", type=Path, required=True)
    arguments.add_argument("--since", required=True)
    arguments.add_argument("--until", required=True)
    asked = arguments.parse_args()

    snowflake = Snowflake(asked.port, asked.secrets)
    database = sqlite3.connect(asked.database)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    total, billed = 0, Decimal(0)
    for table, statement in VIEWS:
        bindings = [asked.since, asked.until]
        bindings[:0] = [asked.since] * (statement.count("?") - len(bindings))
        columns, rows = snowflake.rows(statement, bindings)
        with database:
            database.execute(f"CREATE TABLE {table} ({', '.join(f'{name} TEXT' for name in columns)})")
            database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
        total += len(rows)
        if table == "currency":
            billed = sum((Decimal(row[columns.index("C")]) for row in rows), billed)
    database.close()
    print(json.dumps({"rows": total, "billed": str(billed)}))


if __name__ == "__main__":
    main()
