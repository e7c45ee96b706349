#!/usr/bin/env python3
"""Writes the simulated account's views (*.json beside this file) and the patches (patches/*.json).

Deterministic: every number comes from a hash of what it is about, so a new row changes no other. Money and credits are
decimal text, never floats. Run it again after a change and commit its output.
"""

import argparse
import hashlib
import json
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from pathlib import Path

HERE = Path(__file__).parent
FIRST, LAST_BILLED, LAST = date(2026, 6, 1), date(2026, 7, 31), date(2026, 8, 3)
# ACCOUNT_USAGE on the last day: metering until 08:00, cloud services until 06:00, attribution until 04:00.
METERED_UNTIL = datetime(2026, 8, 3, 8, tzinfo=timezone.utc)
CLOUD_UNTIL = datetime(2026, 8, 3, 6, tzinfo=timezone.utc)
ATTRIBUTED_UNTIL = datetime(2026, 8, 3, 4, tzinfo=timezone.utc)
ORGANIZATION, CONTRACT = "MYORG", "C-1001"
OWN = {"name": "ACCT", "locator": "AB12345", "region": "AWS_EU_CENTRAL_1", "level": "Enterprise", "currency": "USD"}
OTHER = {"name": "ANALYTICS", "locator": "CD67890", "region": "AZURE_WESTEUROPE", "level": "Standard", "currency": "EUR"}
ETL, BI, DEV, CLOUD_ONLY = ("7", "ETL_WH"), ("12", "BI_WH"), ("101", "DEV_WH"), ("0", "CLOUD_SERVICES_ONLY")
LOADER, ANA, BOB, JUERGEN = "ETL_SVC", "ANA", "O'BRIEN \"BOB\"", "JÜRGEN_Ø"
ROLES = {LOADER: "ETL_ROLE", ANA: "ANALYST", BOB: "ANALYST", JUERGEN: "DEVELOPER"}
# Days that a view lacks: no bill; no warehouse hours and so nothing to split by; no bytes to split storage by.
DAY_WITHOUT_BILL, DAY_WITHOUT_HOURS, DAY_WITHOUT_BYTES = date(2026, 7, 5), date(2026, 6, 13), date(2026, 6, 14)
NINE, TWO = Decimal("0.000000001"), Decimal("0.01")


def pick(low, high, *about):
    """A whole number in low..=high, from a hash of what it is about."""
    digest = hashlib.sha256("|".join(map(str, about)).encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


def credits(low, high, *about):
    """Credits with nine digits between two numbers of billionths."""
    return Decimal(pick(low, high, *about)) * NINE


def days(first=FIRST, last=LAST):
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def at(day, hour, minute=0, second=0):
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=timezone.utc)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def text(number, scale):
    return f"{number:.{scale}f}"


def cents(number):
    return number.quantize(TWO, ROUND_HALF_EVEN)


# Warehouses, hour by hour, and their queries.


def busy_hours(day):
    hours = [(ETL, hour) for hour in (1, 2, 3, 6)]
    if day.weekday() < 5:
        hours += [(BI, hour) for hour in (8, 10, 13, 16)] + [(DEV, hour) for hour in (9, 14)]
    return hours + [(CLOUD_ONLY, hour) for hour in (0, 12)]


def hourly():
    rows = []
    for day in days():
        for (number, name), hour in busy_hours(day):
            start = at(day, hour)
            if start >= METERED_UNTIL:
                continue
            only_cloud = number == "0"
            compute = Decimal(0) if only_cloud else credits(180_000_000, 1_900_000_000, "compute", name, start)
            low, high = (1_000_000, 20_000_000) if only_cloud else (10_000_000, 240_000_000)
            cloud = credits(low, high, "cloud", name, start) if start < CLOUD_UNTIL else None
            rows.append({"start": start, "id": number, "name": name, "compute": compute, "cloud": cloud})
    return rows


def shares(day, name):
    """Who runs what on a warehouse: user, hour, share of the hour's compute in per mille, tag."""
    if name == "ETL_WH":
        return [(LOADER, 1, 610, "nightly"), (LOADER, 2, 330, "checks"), (LOADER, 3, 870, None)]
    if name == "BI_WH":
        return [(ANA, 8, 400, None), (ANA, 13, 300, "board"), (BOB, 8, 350, "ad hoc, \"quick\""), (JUERGEN, 10, 550, None)]
    if name == "DEV_WH":
        # Hour 14 is idle but on Wednesdays.
        return [(JUERGEN, 9, 480, "dev")] + ([(ANA, 14, 90, None)] if day.weekday() == 2 else [])
    return []


def queries(hours):
    """Queries with their attributed credits; failed ones have none."""
    compute = {(row["start"], row["name"]): row["compute"] for row in hours}
    found = []
    for day in days():
        for number, name in (ETL, BI, DEV):
            for n, (user, hour, share, tag) in enumerate(shares(day, name)):
                whole = compute.get((at(day, hour), name))
                if whole is None:
                    continue
                attributed = (whole * share / 1000).quantize(NINE, ROUND_DOWN)
                acceleration = None
                if name == "BI_WH" and user == BOB and day.weekday() == 1:
                    acceleration = credits(10_000_000, 90_000_000, "acceleration", day)
                if name == "BI_WH" and user == ANA and day == date(2026, 6, 17):
                    acceleration = Decimal("9.5")  # more is attributed than the warehouse computed: no idle part
                if name == "BI_WH" and user == BOB and day == date(2026, 6, 24):
                    attributed = NINE  # a part that rounds to nothing
                found.append(
                    {
                        "id": f"01b2-{day:%m%d}-{number}-{n}",
                        "start": at(day, hour, 5 + 11 * n),
                        "warehouse": (number, name),
                        "user": user,
                        "tag": tag,
                        "status": "SUCCESS",
                        "attributed": attributed,
                        "acceleration": acceleration,
                        # Sometimes the history has lost a query that the attribution still knows.
                        "in_history": not (name == "DEV_WH" and day.weekday() == 4),
                    }
                )
            if name == "BI_WH" and day.weekday() in (0, 3) and day < LAST:
                found.append(
                    {
                        "id": f"01b2-{day:%m%d}-{number}-f",
                        "start": at(day, 8, 59),
                        "warehouse": (number, name),
                        "user": BOB,
                        "tag": None,
                        "status": "FAIL",
                        "attributed": None,
                        "acceleration": None,
                        "in_history": True,
                    }
                )
    return found


def end_of(query):
    return query["start"] + timedelta(milliseconds=elapsed(query))


def elapsed(query):
    return pick(900, 240_000, "elapsed", query["id"]) // 1000 * 1000


# Metering by day.


def metering(hours):
    """Per day and service: compute, cloud services, adjustment (negative)."""
    found = {}
    for day in days():
        rows = [row for row in hours if row["start"].date() == day]
        compute = sum(row["compute"] for row in rows)
        cloud = sum(row["cloud"] or 0 for row in rows if row["id"] != "0")
        alone = sum(row["cloud"] or 0 for row in rows if row["id"] == "0")
        billed_cloud = max(cloud + alone - compute / 10, Decimal(0)).quantize(Decimal("0.0001"), ROUND_DOWN)
        if billed_cloud < Decimal("0.02"):
            billed_cloud = Decimal(0)
        found[day, "WAREHOUSE_METERING"] = (compute, cloud, billed_cloud - cloud)
        found[day, "CLOUD_SERVICES"] = (Decimal(0), alone, -alone)
        found[day, "SNOWPIPE"] = (credits(40_000_000, 300_000_000, "pipe", day), Decimal(0), Decimal(0))
        if day.weekday() < 5:
            task = credits(100_000_000, 600_000_000, "task", day)
            found[day, "SERVERLESS_TASK"] = (task, Decimal(0), Decimal(0))
        if day.weekday() == 2:
            clustering = credits(300_000_000, 900_000_000, "clustering", day)
            found[day, "AUTOMATIC_CLUSTERING"] = (clustering, Decimal(0), Decimal(0))
        if day.day in (4, 18):
            ledger = credits(500_000_000, 900_000_000, "ledger", day)
            found[day, "QUANTUM_LEDGER"] = (ledger, Decimal(0), Decimal(0))
    return found


# Storage.


def storage():
    """Per day: databases with their bytes and failsafe bytes, and stage bytes. Averages are FLOAT: some have a fraction."""
    found = {}
    for n, day in enumerate(days(last=date(2026, 8, 2))):
        databases = {
            "SALES": (str(412_000_000_000 + 1_370_000_000 * n) + ".5", str(51_000_000_000 + 3_333_333 * n)),
            "ARCHIVE": (str(2_345_678_901_234 + 11 * n), "0"),
        }
        if date(2026, 6, 20) <= day <= date(2026, 6, 26):
            databases["DROPPED_77"] = ("0", str(88_000_000_000 - 10_000_000_000 * (day.day - 20)))
        found[day] = (databases, str(22_000_000_000 + 250_000_000 * n))
    return found


def storage_price(day, stored):
    databases, stage = stored[day]
    total = Decimal(stage) + sum(Decimal(number) for pair in databases.values() for number in pair)
    return total / 2**40


# Rates and bills.


def compute_rate(day):
    return Decimal("2.83") if day < date(2026, 7, 1) else Decimal("2.79")


def rates(day):
    """Own account's rate sheet of a day: service, rating type, rate. It covers only part of the days."""
    if day < date(2026, 6, 15) or day == date(2026, 7, 25) or day > date(2026, 8, 2):
        return []
    main = ("WAREHOUSE_METERING", "compute", compute_rate(day))
    if date(2026, 7, 8) <= day <= date(2026, 7, 10):
        return [main]
    same = [(service, "compute", compute_rate(day)) for service in ("CLOUD_SERVICES", "SERVERLESS_TASK", "AUTOMATIC_CLUSTERING")]
    return [main, *same] + [
        ("SNOWPIPE", "compute", Decimal("2.55")),
        ("QUANTUM_LEDGER", "compute", Decimal("4.10")),
        ("STORAGE", "storage", Decimal("23.00")),
        ("DATA_TRANSFER", "data_transfer", Decimal("20.00")),
    ]


def bill_row(account, day, service, rating, usage, money, **other):
    row = {
        "ORGANIZATION_NAME": ORGANIZATION,
        "CONTRACT_NUMBER": CONTRACT,
        "ACCOUNT_NAME": account["name"],
        "ACCOUNT_LOCATOR": account["locator"],
        "REGION": account["region"],
        "SERVICE_LEVEL": account["level"],
        "USAGE_DATE": day.isoformat(),
        "USAGE_TYPE": service.lower().replace("_", " "),
        "USAGE": text(usage, 3),
        "CURRENCY": account["currency"],
        "USAGE_IN_CURRENCY": text(money, 2),
        "BALANCE_SOURCE": "capacity",
        "BILLING_TYPE": "consumption",
        "RATING_TYPE": rating,
        "SERVICE_TYPE": service,
        "IS_ADJUSTMENT": False,
    }
    return row | other


def bill(day, metered, stored):
    """The currency view's rows of a day."""
    rows = []
    for service in ("WAREHOUSE_METERING", "CLOUD_SERVICES", "SNOWPIPE", "SERVERLESS_TASK", "AUTOMATIC_CLUSTERING", "QUANTUM_LEDGER"):
        if (day, service) not in metered:
            continue
        usage = metered[day, service][0]
        if service == "CLOUD_SERVICES":
            usage = sum(sum(parts[1:]) for (when, _), parts in metered.items() if when == day)
        rate = {"SNOWPIPE": Decimal("2.55"), "QUANTUM_LEDGER": Decimal("4.10")}.get(service, compute_rate(day))
        money = cents(usage * rate)
        if money == 0 or (service == "QUANTUM_LEDGER" and day == date(2026, 7, 18)):
            continue  # billed under another contract, says nobody: the estimate goes on counting
        if service == "WAREHOUSE_METERING" and date(2026, 7, 20) <= day <= date(2026, 7, 23):
            over = cents(money / 3)
            rows.append(bill_row(OWN, day, service, "compute", usage * 2 / 3, money - over))
            rows.append(bill_row(OWN, day, service, "compute", usage / 3, over, BALANCE_SOURCE="overage"))
        elif service == "WAREHOUSE_METERING" and day.weekday() == 0:
            # Two rows that the grouping of the reader adds up.
            half = cents(money / 2)
            rows.append(bill_row(OWN, day, service, "compute", usage / 2, half))
            rows.append(bill_row(OWN, day, service, "compute", usage / 2, money - half, USAGE_TYPE="overage-compute"))
        else:
            rows.append(bill_row(OWN, day, service, "compute", usage, money))
    amount = storage_price(day, stored)
    rows.append(bill_row(OWN, day, "STORAGE", "storage", amount, cents(amount * 23 / 31)))
    if day.weekday() in (1, 4):
        moved = Decimal(pick(10, 400, "transfer", day)) / 1000
        rows.append(bill_row(OWN, day, "DATA_TRANSFER", "data_transfer", moved, cents(moved * 20) + TWO))
    if day == date(2026, 6, 30):
        rows.append(bill_row(OWN, day, "WAREHOUSE_METERING", "compute", Decimal(0), Decimal("-12.34"), BALANCE_SOURCE="rebate", BILLING_TYPE="rebate"))
    if day == date(2026, 7, 10):
        rows.append(bill_row(OWN, day, "WAREHOUSE_METERING", "compute", Decimal("-1.150"), Decimal("-3.21"), IS_ADJUSTMENT=True))
    if day == date(2026, 7, 2):
        rows.append(bill_row(OWN, day, "SUPPORT", "other", Decimal(0), Decimal("-5.00"), BILLING_TYPE="support_credit"))
    if day.day == 1:
        rows.append(bill_row(OWN, day, "SUPPORT", "other", Decimal(0), Decimal("150.00"), BILLING_TYPE="priority support"))
    for service, rating, rate in (("WAREHOUSE_METERING", "compute", Decimal("1.85")), ("STORAGE", "storage", Decimal("0.71"))):
        usage = Decimal(pick(900, 9_000, "other account", service, day)) / 1000
        rows.append(bill_row(OTHER, day, service, rating, usage, cents(usage * rate)))
    return rows


# Writing.


def columns(*groups):
    return [[name, kind] for kind, names in groups for name in names.split()]


def write(out, view, granted_to, spec, rows):
    name = view.split(".")[1].lower()
    lines = [json.dumps([row[column] for column, _ in spec], ensure_ascii=False) for row in rows]
    head = {"view": view, "granted_to": granted_to, "columns": spec}
    body = json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": [\n' + ",\n".join(lines) + "\n]}\n"
    (out / f"{name}.json").write_text(body, encoding="utf-8")


def write_patch(out, name, steps):
    lines = ",\n".join(json.dumps(step, ensure_ascii=False) for step in steps)
    (out / "patches" / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def daily_row(day, service, parts):
    compute, cloud, adjustment = parts
    return {
        "SERVICE_TYPE": service,
        "USAGE_DATE": day.isoformat(),
        "CREDITS_USED_COMPUTE": text(compute, 9),
        "CREDITS_USED_CLOUD_SERVICES": text(cloud, 9),
        "CREDITS_USED": text(compute + cloud, 9),
        "CREDITS_ADJUSTMENT_CLOUD_SERVICES": text(adjustment, 10),
        "CREDITS_BILLED": text(compute + cloud + adjustment, 10),
    }


def hour_row(row, attributed):
    start, cloud = row["start"], row["cloud"]
    done = start < ATTRIBUTED_UNTIL and row["id"] != "0"
    return {
        "START_TIME": iso(start),
        "END_TIME": iso(start + timedelta(hours=1)),
        "WAREHOUSE_ID": row["id"],
        "WAREHOUSE_NAME": row["name"],
        "CREDITS_USED": text(row["compute"] + (cloud or 0), 9),
        "CREDITS_USED_COMPUTE": text(row["compute"], 9),
        "CREDITS_USED_CLOUD_SERVICES": None if cloud is None else text(cloud, 9),
        "CREDITS_ATTRIBUTED_COMPUTE_QUERIES": text(attributed.get((start, row["name"]), Decimal(0)), 9) if done else None,
    }


def attribution_row(query):
    number, name = query["warehouse"]
    acceleration = query["acceleration"]
    return {
        "QUERY_ID": query["id"],
        "PARENT_QUERY_ID": None,
        "ROOT_QUERY_ID": None,
        "WAREHOUSE_ID": number,
        "WAREHOUSE_NAME": name,
        "QUERY_HASH": hashlib.md5(query["id"].encode()).hexdigest(),
        "QUERY_PARAMETERIZED_HASH": hashlib.md5(query["id"][:4].encode()).hexdigest(),
        "QUERY_TAG": query["tag"],
        "USER_NAME": query["user"],
        "START_TIME": iso(query["start"]),
        "END_TIME": iso(end_of(query)),
        "CREDITS_ATTRIBUTED_COMPUTE": text(query["attributed"], 9),
        "CREDITS_USED_QUERY_ACCELERATION": None if acceleration is None else text(acceleration, 9),
    }


def history_row(query):
    number, name = query["warehouse"]
    failed = query["status"] == "FAIL"
    return {
        "QUERY_ID": query["id"],
        "USER_NAME": query["user"],
        "ROLE_NAME": ROLES[query["user"]],
        "WAREHOUSE_NAME": name,
        "WAREHOUSE_SIZE": {"7": "Medium", "12": "Large", "101": "X-Small"}[number],
        "DATABASE_NAME": None if failed else "SALES",
        "SCHEMA_NAME": None if failed else "PUBLIC",
        "QUERY_TYPE": "INSERT" if query["user"] == LOADER else "SELECT",
        "QUERY_TAG": query["tag"],
        "EXECUTION_STATUS": query["status"],
        "START_TIME": iso(query["start"]),
        "TOTAL_ELAPSED_TIME": str(elapsed(query)),
        "EXECUTION_TIME": str(elapsed(query) - 200),
        "QUEUED_OVERLOAD_TIME": str(pick(0, 150, "queue", query["id"])),
        "BYTES_SCANNED": "0" if failed else str(pick(10**6, 9 * 10**10, "scan", query["id"])),
        "BYTES_SPILLED_TO_REMOTE_STORAGE": str(pick(0, 4, "spill", query["id"]) // 4 * 123_456_789),
        "PERCENTAGE_SCANNED_FROM_CACHE": "0." + str(pick(10, 99, "cache", query["id"])),
    }


def views(out):
    hours = hourly()
    asked = queries(hours)
    metered = metering(hours)
    stored = storage()
    attributed = {}
    for query in asked:
        if query["attributed"] is not None:
            key = (query["start"].replace(minute=0), query["warehouse"][1])
            attributed[key] = attributed.get(key, Decimal(0)) + query["attributed"]

    usage, billing = ["USAGE_VIEWER"], ["ORGANIZATION_BILLING_VIEWER"]
    dims = "ORGANIZATION_NAME CONTRACT_NUMBER ACCOUNT_NAME ACCOUNT_LOCATOR REGION SERVICE_LEVEL"
    bills = [row for day in days(last=LAST_BILLED) if day != DAY_WITHOUT_BILL for row in bill(day, metered, stored)]
    bill_spec = columns(
        ("TEXT", dims), ("DATE", "USAGE_DATE"), ("TEXT", "USAGE_TYPE"), ("NUMBER(38,3)", "USAGE"), ("TEXT", "CURRENCY"),
        ("NUMBER(38,2)", "USAGE_IN_CURRENCY"), ("TEXT", "BALANCE_SOURCE BILLING_TYPE RATING_TYPE SERVICE_TYPE"), ("BOOLEAN", "IS_ADJUSTMENT"),
    )
    write(out, "ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY", billing, bill_spec, bills)

    rate_rows = []
    for day in days():
        sheet = [(OWN, *rate) for rate in rates(day)] + [(OTHER, "WAREHOUSE_METERING", "compute", Decimal("1.85"))]
        for account, service, rating, rate in sheet:
            row = bill_row(account, day, service, rating, Decimal(0), Decimal(0))
            rate_rows.append(row | {"DATE": day.isoformat(), "EFFECTIVE_RATE": text(rate, 2)})
    rate_spec = columns(
        ("DATE", "DATE"), ("TEXT", dims + " USAGE_TYPE CURRENCY"), ("NUMBER(38,2)", "EFFECTIVE_RATE"),
        ("TEXT", "SERVICE_TYPE RATING_TYPE BILLING_TYPE"), ("BOOLEAN", "IS_ADJUSTMENT"),
    )
    write(out, "ORGANIZATION_USAGE.RATE_SHEET_DAILY", billing, rate_spec, rate_rows)

    hour_spec = columns(
        ("TIMESTAMP_LTZ", "START_TIME END_TIME"), ("NUMBER(38,0)", "WAREHOUSE_ID"), ("TEXT", "WAREHOUSE_NAME"),
        ("NUMBER(38,9)", "CREDITS_USED CREDITS_USED_COMPUTE CREDITS_USED_CLOUD_SERVICES CREDITS_ATTRIBUTED_COMPUTE_QUERIES"),
    )
    hour_rows = [hour_row(row, attributed) for row in hours if row["start"].date() != DAY_WITHOUT_HOURS]
    write(out, "ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY", usage, hour_spec, hour_rows)

    daily_spec = columns(
        ("TEXT", "SERVICE_TYPE"), ("DATE", "USAGE_DATE"), ("NUMBER(38,9)", "CREDITS_USED_COMPUTE CREDITS_USED_CLOUD_SERVICES CREDITS_USED"),
        ("NUMBER(38,10)", "CREDITS_ADJUSTMENT_CLOUD_SERVICES CREDITS_BILLED"),
    )
    write(out, "ACCOUNT_USAGE.METERING_DAILY_HISTORY", usage, daily_spec, [daily_row(*key, parts) for key, parts in metered.items()])

    service_spec = columns(
        ("TEXT", "SERVICE_TYPE"), ("TIMESTAMP_LTZ", "START_TIME END_TIME"), ("NUMBER(38,0)", "ENTITY_ID"), ("TEXT", "NAME"),
        ("NUMBER(38,9)", "CREDITS_USED_COMPUTE CREDITS_USED_CLOUD_SERVICES CREDITS_USED"),
    )
    last_week = [
        row | {"SERVICE_TYPE": "WAREHOUSE_METERING", "ENTITY_ID": row["WAREHOUSE_ID"], "NAME": row["WAREHOUSE_NAME"]}
        for row in hour_rows
        if row["START_TIME"] >= "2026-07-27"
    ]
    write(out, "ACCOUNT_USAGE.METERING_HISTORY", usage, service_spec, last_week)

    database_rows, total_rows, stage_rows = [], [], []
    for day, (databases, stage) in stored.items():
        if day == DAY_WITHOUT_BYTES:
            continue
        for n, (name, (size, failsafe)) in enumerate(databases.items()):
            database_rows.append(
                {
                    "USAGE_DATE": day.isoformat(),
                    "DATABASE_ID": {"DROPPED_77": "77"}.get(name, str(n + 1)),
                    "DATABASE_NAME": name,
                    "AVERAGE_DATABASE_BYTES": size,
                    "AVERAGE_FAILSAFE_BYTES": failsafe,
                    "AVERAGE_HYBRID_TABLE_STORAGE_BYTES": None,
                }
            )
        total_rows.append(
            {
                "USAGE_DATE": day.isoformat(),
                "STORAGE_BYTES": str(sum(Decimal(size) for size, _ in databases.values())),
                "STAGE_BYTES": stage,
                "FAILSAFE_BYTES": str(sum(Decimal(failsafe) for _, failsafe in databases.values())),
            }
        )
        stage_rows.append({"USAGE_DATE": day.isoformat(), "AVERAGE_STAGE_BYTES": stage})
    database_spec = columns(
        ("DATE", "USAGE_DATE"), ("NUMBER(38,0)", "DATABASE_ID"), ("TEXT", "DATABASE_NAME"),
        ("FLOAT", "AVERAGE_DATABASE_BYTES AVERAGE_FAILSAFE_BYTES AVERAGE_HYBRID_TABLE_STORAGE_BYTES"),
    )
    write(out, "ACCOUNT_USAGE.DATABASE_STORAGE_USAGE_HISTORY", usage, database_spec, database_rows)
    total_spec = columns(("DATE", "USAGE_DATE"), ("FLOAT", "STORAGE_BYTES STAGE_BYTES FAILSAFE_BYTES"))
    write(out, "ACCOUNT_USAGE.STORAGE_USAGE", usage, total_spec, total_rows)
    stage_spec = columns(("DATE", "USAGE_DATE"), ("FLOAT", "AVERAGE_STAGE_BYTES"))
    write(out, "ACCOUNT_USAGE.STAGE_STORAGE_USAGE_HISTORY", usage, stage_spec, stage_rows)

    history_spec = columns(
        ("TEXT", "QUERY_ID USER_NAME ROLE_NAME WAREHOUSE_NAME WAREHOUSE_SIZE DATABASE_NAME SCHEMA_NAME QUERY_TYPE QUERY_TAG EXECUTION_STATUS"),
        ("TIMESTAMP_LTZ", "START_TIME"),
        ("NUMBER(38,0)", "TOTAL_ELAPSED_TIME EXECUTION_TIME QUEUED_OVERLOAD_TIME BYTES_SCANNED BYTES_SPILLED_TO_REMOTE_STORAGE"),
        ("FLOAT", "PERCENTAGE_SCANNED_FROM_CACHE"),
    )
    history = [history_row(query) for query in asked if query["in_history"]]
    write(out, "ACCOUNT_USAGE.QUERY_HISTORY", ["GOVERNANCE_VIEWER"], history_spec, history)

    attribution_spec = columns(
        ("TEXT", "QUERY_ID PARENT_QUERY_ID ROOT_QUERY_ID"), ("NUMBER(38,0)", "WAREHOUSE_ID"),
        ("TEXT", "WAREHOUSE_NAME QUERY_HASH QUERY_PARAMETERIZED_HASH QUERY_TAG USER_NAME"), ("TIMESTAMP_LTZ", "START_TIME END_TIME"),
        ("NUMBER(38,9)", "CREDITS_ATTRIBUTED_COMPUTE CREDITS_USED_QUERY_ACCELERATION"),
    )
    attribution = [
        attribution_row(query)
        for query in asked
        if query["attributed"] is not None and query["start"] < ATTRIBUTED_UNTIL and query["start"].date() != DAY_WITHOUT_HOURS
    ]
    write(out, "ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY", ["USAGE_VIEWER", "GOVERNANCE_VIEWER"], attribution_spec, attribution)

    transfer_rows = [
        {
            "START_TIME": iso(at(day, 6)), "END_TIME": iso(at(day, 7)), "SOURCE_CLOUD": "AWS", "SOURCE_REGION": "eu-central-1",
            "TARGET_CLOUD": "AWS", "TARGET_REGION": "us-east-1", "BYTES_TRANSFERRED": str(pick(10**9, 4 * 10**11, "transfer", day)),
            "TRANSFER_TYPE": "REPLICATION",
        }
        for day in days()
        if day.weekday() in (1, 4) or day == LAST
    ]
    transfer_spec = columns(
        ("TIMESTAMP_LTZ", "START_TIME END_TIME"), ("TEXT", "SOURCE_CLOUD SOURCE_REGION TARGET_CLOUD TARGET_REGION"),
        ("FLOAT", "BYTES_TRANSFERRED"), ("TEXT", "TRANSFER_TYPE"),
    )
    write(out, "ACCOUNT_USAGE.DATA_TRANSFER_HISTORY", usage, transfer_spec, transfer_rows)

    event_spec = columns(
        ("TIMESTAMP_LTZ", "TIMESTAMP"), ("NUMBER(38,0)", "WAREHOUSE_ID"), ("TEXT", "WAREHOUSE_NAME EVENT_NAME EVENT_REASON EVENT_STATE"),
    )
    event_rows = [
        {
            "TIMESTAMP": iso(at(day, hour)), "WAREHOUSE_ID": ETL[0], "WAREHOUSE_NAME": ETL[1], "EVENT_NAME": name,
            "EVENT_REASON": reason, "EVENT_STATE": "COMPLETED",
        }
        for day in days(first=date(2026, 7, 27))
        for hour, name, reason in ((1, "RESUME_WAREHOUSE", "WAREHOUSE_AUTORESUME"), (7, "SUSPEND_WAREHOUSE", "WAREHOUSE_AUTOSUSPEND"))
    ]
    write(out, "ACCOUNT_USAGE.WAREHOUSE_EVENTS_HISTORY", usage, event_spec, event_rows)

    focus_rows = [focus_row(row) for row in bills if row["ACCOUNT_LOCATOR"] == OWN["locator"] and row["USAGE_DATE"] >= "2026-07-01"]
    focus_spec = [[name, "TIMESTAMP_NTZ" if "PERIOD" in name else "NUMBER(38,2)" if name.endswith("COST") else "NUMBER(38,3)" if name == "CONSUMEDQUANTITY" else "TEXT"] for name in focus_rows[0]]
    write(out, "BILLING.FOCUS_COST_USAGE_V1_3", billing, focus_spec, focus_rows)
    return metered, stored, bills, attribution, hour_rows


def focus_row(row):
    day = date.fromisoformat(row["USAGE_DATE"])
    month = day.replace(day=1)
    category = "Adjustment" if row["IS_ADJUSTMENT"] else {"rebate": "Credit", "support_credit": "Credit", "priority support": "Purchase"}.get(row["BILLING_TYPE"], "Usage")
    return {
        "BILLINGACCOUNTID": row["ORGANIZATION_NAME"],
        "BILLINGPERIODSTART": iso(at(month, 0)),
        "BILLINGPERIODEND": iso(at((month + timedelta(days=32)).replace(day=1), 0)),
        "CHARGEPERIODSTART": iso(at(day, 0)),
        "CHARGEPERIODEND": iso(at(day + timedelta(days=1), 0)),
        "SUBACCOUNTID": row["ACCOUNT_LOCATOR"],
        "SUBACCOUNTNAME": row["ACCOUNT_NAME"],
        "REGIONID": row["REGION"],
        "SERVICENAME": row["SERVICE_TYPE"],
        "SERVICECATEGORY": {"STORAGE": "Storage", "DATA_TRANSFER": "Networking"}.get(row["SERVICE_TYPE"], "Databases"),
        "CHARGECATEGORY": category,
        "CHARGEDESCRIPTION": row["USAGE_TYPE"],
        "PROVIDERNAME": "Snowflake",
        "PUBLISHERNAME": "Snowflake",
        "INVOICEISSUERNAME": "Snowflake",
        "BILLINGCURRENCY": row["CURRENCY"],
        "BILLEDCOST": row["USAGE_IN_CURRENCY"],
        "EFFECTIVECOST": row["USAGE_IN_CURRENCY"],
        "LISTCOST": None,
        "CONSUMEDQUANTITY": row["USAGE"],
        "CONSUMEDUNIT": "Credits" if row["RATING_TYPE"] == "compute" else "TB",
        "RESOURCEID": None,
        "TAGS": None,
    }


def patches(out, metered, stored, bills, attribution, hour_rows):
    # One billed day is restated: warehouses cost more, a row is withdrawn, another appears.
    day, more = date(2026, 7, 31), Decimal("0.750000000")
    currency, daily, hourly_view = "ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY", "ACCOUNT_USAGE.METERING_DAILY_HISTORY", "ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY"
    own = {"ACCOUNT_LOCATOR": OWN["locator"], "USAGE_DATE": day.isoformat()}
    warehouse = own | {"SERVICE_TYPE": "WAREHOUSE_METERING"}
    (before,) = [row for row in bills if warehouse.items() <= row.items()]
    compute, cloud, adjustment = metered[day, "WAREHOUSE_METERING"]
    (hour,) = [row for row in hour_rows if row["START_TIME"] == "2026-07-31T02:00:00Z" and row["WAREHOUSE_ID"] == ETL[0]]
    grown = Decimal(hour["CREDITS_USED_COMPUTE"]) + more
    clustering = (Decimal("0.611000111"), Decimal(0), Decimal(0))
    write_patch(
        out,
        "restate",
        [
            {"view": currency, "where": warehouse, "set": {
                "USAGE": text(compute + more, 3),
                "USAGE_IN_CURRENCY": text(Decimal(before["USAGE_IN_CURRENCY"]) + cents(more * compute_rate(day)), 2)}},
            {"view": currency, "where": own | {"SERVICE_TYPE": "SERVERLESS_TASK"}, "delete": True},
            {"view": currency, "insert": [bill_row(OWN, day, "AUTOMATIC_CLUSTERING", "compute", clustering[0], cents(clustering[0] * compute_rate(day)))]},
            {"view": daily, "where": {"USAGE_DATE": day.isoformat(), "SERVICE_TYPE": "WAREHOUSE_METERING"},
             "set": daily_row(day, "WAREHOUSE_METERING", (compute + more, cloud, adjustment))},
            {"view": daily, "where": {"USAGE_DATE": day.isoformat(), "SERVICE_TYPE": "SERVERLESS_TASK"}, "delete": True},
            {"view": daily, "insert": [daily_row(day, "AUTOMATIC_CLUSTERING", clustering)]},
            {"view": hourly_view, "where": {"START_TIME": hour["START_TIME"], "WAREHOUSE_ID": hour["WAREHOUSE_ID"]},
             "set": {"CREDITS_USED_COMPUTE": text(grown, 9), "CREDITS_USED": text(grown + Decimal(hour["CREDITS_USED_CLOUD_SERVICES"]), 9)}},
        ],
    )
    # The bill arrives for two days that were estimated.
    late = [row for day in (date(2026, 8, 1), date(2026, 8, 2)) for row in bill(day, metered, stored)]
    write_patch(out, "bill", [{"view": currency, "insert": late}])
    # A query moves from the loader to another user.
    (moved,) = [row for row in attribution if row["START_TIME"].startswith("2026-08-02") and row["QUERY_TAG"] == "checks"]
    which = {"QUERY_ID": moved["QUERY_ID"]}
    write_patch(
        out,
        "retag",
        [
            {"view": "ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY", "where": which, "set": {"USER_NAME": ANA}},
            {"view": "ACCOUNT_USAGE.QUERY_HISTORY", "where": which, "set": {"USER_NAME": ANA, "ROLE_NAME": ROLES[ANA]}},
        ],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    out = parser.parse_args().out
    (out / "patches").mkdir(parents=True, exist_ok=True)
    patches(out, *views(out))


if __name__ == "__main__":
    main()
