#!/usr/bin/env python3
"""The expected current records of every Snowflake stream, worked out from the simulated account's data.

Independent of collector and host: plain `decimal` and `fractions` over tests/data/snowflake, after the fact sheet and
the agreed mapping, for the default settings (accounts = this, edition enterprise, money = auto, USD) and a run that
reads everything from 2026-06-01 on. States follow each other: initial, restated, billed, retagged (see STATES).

Writes into tests/golden/snowflake (or the folder given by --out):
  initial.json        all records
  restated.json, ...  whole (stream, day) partitions that differ from the state before
  all-accounts.json   what `accounts = "all"` adds to the initial state
  totals.json         per state: its time, sums per stream, service and currency, and what counts per day
`counted` is true where a record enters totals: false for superseded estimates and for views. Records of amount zero are
left out. Amounts are decimal text.
"""

import argparse
import json
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "snowflake"
BILL, RATES, HOURS, DAILY, DATABASES, STAGES, ATTRIBUTION, QUERIES = (
    "ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY",
    "ORGANIZATION_USAGE.RATE_SHEET_DAILY",
    "ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY",
    "ACCOUNT_USAGE.METERING_DAILY_HISTORY",
    "ACCOUNT_USAGE.DATABASE_STORAGE_USAGE_HISTORY",
    "ACCOUNT_USAGE.STAGE_STORAGE_USAGE_HISTORY",
    "ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY",
    "ACCOUNT_USAGE.QUERY_HISTORY",
)
LOCATOR, SCOPE = "AB12345", "ACCT"
CREDIT_PRICE, STORAGE_PRICE, CURRENCY = Decimal(3), Decimal(40), "USD"
NOON_3, NOON_5 = "2026-08-03T12:00:00Z", "2026-08-05T12:00:00Z"
# Each state: its name, the patches applied so far, and the time of the run.
STATES = [
    ("initial", [], NOON_3),
    ("restated", ["restate"], NOON_3),
    ("billed", ["restate", "bill"], NOON_5),
    ("retagged", ["restate", "bill", "retag"], NOON_5),
]
COLUMNS = (
    "stream period_start scope service category resource resource_name user role query_tag attribution storage_kind "
    "balance_source billing_type rating_type currency billed effective basis counted"
).split()


# Data and patches.


def load():
    views = {}
    for path in sorted(DATA.glob("*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        names = [name for name, _ in file["columns"]]
        views[file["view"]] = [dict(zip(names, row, strict=True)) for row in file["rows"]]
    return views


def apply(views, name):
    for step in json.loads((DATA / "patches" / f"{name}.json").read_text(encoding="utf-8")):
        rows = views[step["view"]]
        if "insert" in step:
            rows.extend(dict(row) for row in step["insert"])
            continue
        hit = [row for row in rows if all(row[key] == value for key, value in step["where"].items())]
        assert hit, f"{name}: nothing matches {step['where']}"
        if step.get("delete"):
            rows[:] = [row for row in rows if row not in hit]
        for row in hit:
            row.update(step.get("set", {}))


def number(text):
    return Decimal(text) if text is not None else Decimal(0)


def rounded(value):
    """Half-even to six places, from the exact fraction."""
    units = round(Fraction(value) * 10**6)  # Fraction rounds half to even
    return Decimal(units).scaleb(-6)


def split(total, weighted):
    """Splits by the method of the largest remainder in steps of 10^-6, ties to the earlier. Zero parts are left out."""
    weighted = [(what, Fraction(weight)) for what, weight in weighted if weight > 0]
    units = Fraction(total) * 10**6
    assert units.denominator == 1 and units >= 0
    whole = sum(weight for _, weight in weighted)
    shares = [units * weight / whole for _, weight in weighted]
    parts = [int(share) for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda at: (parts[at] - shares[at], at))
    for at in by_remainder[: int(units) - sum(parts)]:
        parts[at] += 1
    return [(what, Decimal(part).scaleb(-6)) for (what, _), part in zip(weighted, parts) if part]


# What splits go by: weights per day.


class Weights:
    def __init__(self, views):
        self.compute, self.cloud, self.names = defaultdict(Decimal), defaultdict(Decimal), {}
        for row in views[HOURS]:
            key = (row["START_TIME"][:10], row["WAREHOUSE_ID"])
            self.compute[key] += number(row["CREDITS_USED_COMPUTE"])
            self.cloud[key] += number(row["CREDITS_USED_CLOUD_SERVICES"])
            self.names[row["WAREHOUSE_ID"]] = row["WAREHOUSE_NAME"]
        self.users = defaultdict(Decimal)
        for row in views[ATTRIBUTION]:
            self.users[row["START_TIME"][:10], row["WAREHOUSE_ID"], row["USER_NAME"]] += attributed(row)
        self.storage = defaultdict(list)
        for row in sorted(views[DATABASES], key=lambda row: row["DATABASE_NAME"]):
            for kind, column in (("database", "AVERAGE_DATABASE_BYTES"), ("failsafe", "AVERAGE_FAILSAFE_BYTES")):
                self.storage[row["USAGE_DATE"]].append(((row["DATABASE_NAME"], kind), number(row[column])))
        for row in views[STAGES]:
            self.storage[row["USAGE_DATE"]].append(((None, "stage"), number(row["AVERAGE_STAGE_BYTES"])))

    def warehouses(self, day, credits):
        found = [(number, weight) for (when, number), weight in credits.items() if when == day and weight > 0]
        return sorted(found, key=lambda pair: int(pair[0]))

    def computing(self, day):
        return [(number, weight) for number, weight in self.warehouses(day, self.compute) if number != "0"]

    def consumers(self, day, warehouse):
        """Users by name and, last, the idle part (no name)."""
        users = sorted((user, weight) for (when, where, user), weight in self.users.items() if (when, where) == (day, warehouse))
        idle = max(self.compute[day, warehouse] - sum(weight for _, weight in users), Decimal(0))
        return [*users, (None, idle)]

    def parts(self, day, service, total):
        """The split of one day's money of one service: amounts with the fields that tell them apart."""
        if service == "WAREHOUSE_METERING":
            warehouses = self.computing(day)
            for warehouse, amount in split(total, warehouses) if warehouses else []:
                for user, part in split(amount, self.consumers(day, warehouse)):
                    yield part, self.resource(warehouse) | {"user": user, "attribution": "query" if user else "idle"}
        elif service == "CLOUD_SERVICES":
            warehouses = self.warehouses(day, self.cloud)
            for warehouse, part in split(total, warehouses) if warehouses else []:
                yield part, self.resource(warehouse) | {"attribution": "cloud-services"}
        elif service == "STORAGE":
            warehouses = [item for item in self.storage[day] if item[1] > 0]
            for (database, kind), part in split(total, warehouses) if warehouses else []:
                yield part, {"resource": database, "resource_name": database, "storage_kind": kind}
        else:
            yield total, {}
            return
        if not warehouses:
            yield total, {"attribution": "unattributed"}

    def resource(self, warehouse):
        return {"resource": warehouse, "resource_name": self.names[warehouse]}


def attributed(row):
    return number(row["CREDITS_ATTRIBUTED_COMPUTE"]) + number(row["CREDITS_USED_QUERY_ACCELERATION"])


# Prices.


class Prices:
    def __init__(self, views):
        self.rates = defaultdict(dict)
        for row in views[RATES]:
            if row["ACCOUNT_LOCATOR"] == LOCATOR:
                self.rates[row["DATE"], row["RATING_TYPE"]][row["SERVICE_TYPE"]] = (Decimal(row["EFFECTIVE_RATE"]), row["CURRENCY"])

    def credit(self, day, service):
        rates = self.rates[day, "compute"]
        if service in rates:
            return rates[service]
        if rates:
            (any_rate,) = set(rates.values())  # more than one would be ambiguous
            return any_rate
        return CREDIT_PRICE, CURRENCY

    def storage(self, day):
        return next(iter(self.rates[day, "storage"].values()), (STORAGE_PRICE, CURRENCY))


# Streams.


def record(stream, day, service, amount, currency, basis, **fields):
    made = dict.fromkeys(COLUMNS) | {
        "stream": stream,
        "period_start": day if "T" in day else f"{day}T00:00:00Z",
        "scope": SCOPE,
        "service": service,
        "category": "Usage",
        "currency": currency,
        "billed": f"{amount:f}",
        "effective": f"{amount:f}",
        "basis": basis,
        "counted": stream.startswith("spend-"),
    }
    return made | fields


def category(row):
    if row["IS_ADJUSTMENT"]:
        return "Adjustment"
    if row["BILLING_TYPE"] in ("rebate", "support_credit"):
        return "Credit"
    if row["BILLING_TYPE"] in ("priority support", "vps_deployment_fee"):
        return "Purchase"
    return "Usage"


def spend_billed(views, weights, own=True):
    dimensions = (
        "USAGE_DATE ACCOUNT_LOCATOR ACCOUNT_NAME REGION SERVICE_LEVEL SERVICE_TYPE RATING_TYPE BILLING_TYPE BALANCE_SOURCE "
        "IS_ADJUSTMENT CURRENCY"
    ).split()
    sums = defaultdict(Decimal)
    for row in views[BILL]:
        if (row["ACCOUNT_LOCATOR"] == LOCATOR) == own:
            sums[tuple(row[name] for name in dimensions)] += Decimal(row["USAGE_IN_CURRENCY"])
    for key, money in sums.items():
        row = dict(zip(dimensions, key))
        day, service = row["USAGE_DATE"], row["SERVICE_TYPE"]
        common = {
            "scope": row["ACCOUNT_NAME"],
            "category": category(row),
            "balance_source": row["BALANCE_SOURCE"],
            "billing_type": row["BILLING_TYPE"],
            "rating_type": row["RATING_TYPE"],
        }
        usage = own and not row["IS_ADJUSTMENT"] and row["BILLING_TYPE"] == "consumption"
        parts = weights.parts(day, service, money) if usage else [(money, {})]
        for amount, fields in parts:
            yield record("spend-billed", day, service, amount, row["CURRENCY"], "billed", **common | fields)


def spend_estimated(views, weights, prices):
    products, currencies = defaultdict(Fraction), {}
    for row in views[DAILY]:
        day, service, compute = row["USAGE_DATE"], row["SERVICE_TYPE"], Decimal(row["CREDITS_USED_COMPUTE"])
        price, currency = prices.credit(day, service)
        if service != "CLOUD_SERVICES":
            products[day, service] += Fraction(compute) * Fraction(price)
        products[day, "CLOUD_SERVICES"] += Fraction(Decimal(row["CREDITS_BILLED"]) - compute) * Fraction(price)
        currencies[day] = currency
    for day, items in weights.storage.items():
        price, currency = prices.storage(day)
        month = date.fromisoformat(day).replace(day=1)
        length = ((month + timedelta(days=32)).replace(day=1) - month).days
        products[day, "STORAGE"] = sum(Fraction(size) for _, size in items) / 2**40 * Fraction(price) / length
        currencies.setdefault(day, currency)
    for (day, service), product in products.items():
        total = rounded(product)
        if total:
            for amount, fields in weights.parts(day, service, total):
                yield record("spend-estimated", day, service, amount, currencies[day], "estimated", **fields)


def warehouse_hours(views, weights, prices):
    for row in views[HOURS]:
        start = row["START_TIME"]
        for service, column in (("WAREHOUSE_METERING", "CREDITS_USED_COMPUTE"), ("CLOUD_SERVICES", "CREDITS_USED_CLOUD_SERVICES")):
            price, currency = prices.credit(start[:10], service)
            amount = rounded(Fraction(number(row[column])) * Fraction(price))
            if amount:
                yield record("warehouse-hours", start, service, amount, currency, "estimated", **weights.resource(row["WAREHOUSE_ID"]))


def user_roles(views, weights, prices):
    roles = {row["QUERY_ID"]: row["ROLE_NAME"] for row in views[QUERIES]}
    sums = defaultdict(Decimal)
    for row in views[ATTRIBUTION]:
        key = (row["START_TIME"][:10], row["WAREHOUSE_ID"], row["USER_NAME"], roles.get(row["QUERY_ID"]), row["QUERY_TAG"])
        sums[key] += attributed(row)
    for day, warehouse in weights.compute:
        ((_, idle),) = [pair for pair in weights.consumers(day, warehouse) if pair[0] is None]
        if warehouse != "0" and idle:
            sums[day, warehouse, None, None, None] = idle
    for (day, warehouse, user, role, tag), credits in sums.items():
        price, currency = prices.credit(day, "WAREHOUSE_METERING")
        amount = rounded(Fraction(credits) * Fraction(price))
        if amount:
            fields = {"user": user, "role": role, "query_tag": tag, "attribution": "query" if user else "idle"}
            yield record(
                "user-roles", day, "WAREHOUSE_METERING", amount, currency, "estimated", **weights.resource(warehouse) | fields
            )


def complete(day, now):
    """A billed day is complete 72 hours after it began."""
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc) + timedelta(hours=72) < now


def records(views, now):
    weights, prices = Weights(views), Prices(views)
    billed = list(spend_billed(views, weights))
    bills = {(row["period_start"], row["service"]) for row in billed if complete(row["period_start"][:10], now)}
    estimated = list(spend_estimated(views, weights, prices))
    for row in estimated:
        row["counted"] = (row["period_start"], row["service"]) not in bills
    return in_order([*billed, *estimated, *warehouse_hours(views, weights, prices), *user_roles(views, weights, prices)])


def in_order(rows):
    return sorted(rows, key=lambda row: [row[name] or "" for name in COLUMNS[:-1]])


# Output.


def totals(rows, now):
    sums, days = defaultdict(Decimal), defaultdict(Decimal)
    for row in rows:
        sums[row["stream"], row["service"], row["currency"]] += Decimal(row["billed"])
        if row["counted"]:
            days[row["period_start"][:10], row["currency"]] += Decimal(row["billed"])
    counted = defaultdict(Decimal)
    for (_, currency), amount in days.items():
        counted[currency] += amount
    return {
        "now": now,
        "counted": {currency: f"{amount:f}" for currency, amount in sorted(counted.items())},
        "counted_per_day": [[*key, f"{amount:f}"] for key, amount in sorted(days.items())],
        "per_stream_service_currency": [[*key, f"{amount:f}"] for key, amount in sorted(sums.items())],
    }


def write(path, rows):
    lines = ",\n".join(json.dumps([row[name] for name in COLUMNS], ensure_ascii=False) for row in rows)
    path.write_text(f'{{"columns": {json.dumps(COLUMNS)}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")


def listed(parts):
    """JSON with one list entry a line."""
    return json.dumps(parts, ensure_ascii=False).replace("[[", "[\n[").replace("], [", "],\n[")


def partitions(rows):
    found = defaultdict(list)
    for row in rows:
        found[row["stream"], row["period_start"][:10]].append(row)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "snowflake")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    before, summary = {}, {}
    for state, patches, now in STATES:
        views = load()
        for patch in patches:
            apply(views, patch)
        rows = records(views, datetime.fromisoformat(now.replace("Z", "+00:00")))
        after = partitions(rows)
        assert before.keys() <= after.keys(), "a partition became empty: the format cannot say so"
        changed = [row for key, part in after.items() if before.get(key) != part for row in part]
        write(out / f"{state}.json", changed)
        summary[state] = totals(rows, now)
        before = after
    others = in_order(spend_billed(load(), None, own=False))
    write(out / "all-accounts.json", others)
    lines = ",\n".join(f"{json.dumps(state)}: {listed(parts)}" for state, parts in summary.items())
    (out / "totals.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    with localcontext() as context:
        context.prec = 60
        context.rounding = ROUND_HALF_EVEN
        main()
