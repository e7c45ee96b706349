#!/usr/bin/env python3
"""Makes the simulated organization's bill: tests/data/aws/lines.json and its patches. The same on every run.

A line is one row of the bill: day, account, record type, service, usage type, resource, tag team, cost category, four
costs, quantity and unit. The simulator answers every API from these lines; the golden script adds them up by itself.
Costs have at most 10 fractional digits, as Cost Explorer's do.
"""

import json
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

HERE = Path(__file__).parent
FIRST, LAST = date(2026, 6, 28), date(2026, 8, 8)
PAYER, PAYMENTS, DATA = "123456789012", "210987654321", "345678901234"
COLUMNS = (
    "day account record_type service usage_type resource team category unblended net_unblended amortized net_amortized "
    "quantity unit"
).split()
EC2, OTHER, EKS = (
    "Amazon Elastic Compute Cloud - Compute",
    "EC2 - Other",
    "Amazon Elastic Container Service for Kubernetes",
)
LAMBDA, RDS, S3 = "AWS Lambda", "Amazon Relational Database Service", "Amazon Simple Storage Service"
# account, service, usage type, resource, team, cost category, unit, price, quantity a day, days between two lines
USES = [
    (PAYMENTS, EC2, "EUW1-BoxUsage:m5.large", "i-0aaa", "core", "Platform", "Hrs", "0.107", "24", 1),
    (PAYMENTS, EC2, "EUW1-BoxUsage:m5.large", "i-0bbb", "web", "Platform", "Hrs", "0.107", "17.5", 1),
    (PAYMENTS, OTHER, "EUW1-EBS:VolumeUsage.gp3", "vol-01", "core", "Platform", "GB-Mo", "0.088", "3.2258064516", 1),
    (PAYMENTS, OTHER, "EUW1-NatGateway-Bytes", "nat-01", "", "Platform", "GB", "0.048", "12.3456789", 1),
    (PAYMENTS, EKS, "EUW1-AmazonEKS-Hours:perCluster", "prod", "core", "Platform", "Hrs", "0.10", "24", 1),
    (PAYMENTS, LAMBDA, "EUW1-Lambda-GB-Second", "f1", "web", "Apps", "Lambda-GB-Second", "0.0000166667", "108252.4", 1),
    (PAYMENTS, LAMBDA, "EUW1-Request", "f1", "web", "Apps", "Requests", "0.0000002", "914332", 1),
    (PAYMENTS, LAMBDA, "EUW1-Request", "f2", "", "Apps", "Requests", "0.0000002", "1", 2),
    (DATA, RDS, "InstanceUsage:db.r6g.large", "db-1", "data", "Data", "Hrs", "0.215", "24", 1),
    (DATA, RDS, "RDS:GP3-Storage", "db-1", "data", "Data", "GB-Mo", "0.115", "1.6129032258", 1),
    (DATA, S3, "TimedStorage-ByteHrs", "lake", "data", "Data", "GB-Mo", "0.023", "215.7741935484", 1),
    (DATA, S3, "Requests-Tier1", "lake", "", "Data", "Requests", "0.000005", "18233", 1),
    (DATA, "Amazon Quantum Ledger Deluxe", "QLD-Thing", "q-1", "", "Data", "Things", "0.0123456789", "7", 3),
    (PAYER, "AWS Cost Explorer", "USE1-APIRequest", "", "", "Platform", "Requests", "0.01", "6", 1),
    (PAYER, "AWS CloudTrail", "USE1-FreeEventsRecorded", "trail", "", "Platform", "Events", "0", "4821", 1),
]
DISCOUNT = Decimal("0.92")  # what a private agreement leaves of the price of EC2 and RDS
TEN = Decimal("0.0000000001")


def exact(value):
    return value.quantize(TEN, rounding=ROUND_HALF_EVEN)


def text(value):
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def line(day, account, kind, service, usage_type, resource, team, category, costs, quantity="0", unit="N/A"):
    costs = [text(exact(Decimal(cost))) for cost in costs]
    return dict(
        zip(
            COLUMNS,
            [day.isoformat(), account, kind, service, usage_type, resource, team, category, *costs, quantity, unit],
            strict=True,
        )
    )


def of_day(day, index):
    for account, service, usage_type, resource, team, category, unit, price, quantity, every in USES:
        if index % every:
            continue
        used = Decimal(quantity) * (1 + Decimal((index * 7 + len(resource)) % 11) / 100)
        cost = Decimal(price) * used
        net = cost * DISCOUNT if service in (EC2, RDS) else cost
        yield line(
            day, account, "Usage", service, usage_type, resource, team, category, [cost, net, cost, net],
            text(exact(used)), unit,
        )  # fmt: skip
    # A savings plan: covered usage, its negation, and the recurring fee that is spread over what it covers.
    covered, fee = Decimal("0.192") * 24, Decimal("0.12") * 24
    sp = (PAYMENTS, EC2, "EUW1-BoxUsage:c5.xlarge", "i-0ccc", "core", "Platform")
    account, service, usage_type, resource, team, category = sp
    yield line(day, account, "SavingsPlanCoveredUsage", *sp[1:], [covered, covered, fee, fee], "24", "Hrs")
    yield line(day, account, "SavingsPlanNegation", *sp[1:], [-covered, -covered, 0, 0])
    yield line(
        day, PAYER, "SavingsPlanRecurringFee", "Savings Plans for AWS Compute usage", "ComputeSP:1yrNoUpfront", "", "",
        "", [fee, fee, 0, 0], "24", "Hrs",
    )  # fmt: skip
    if day.day == 1:
        for account, service, tax in ((PAYMENTS, EC2, "14.07"), (DATA, RDS, "9.33"), (PAYER, "AWS Cost Explorer", "0.31")):
            yield line(day, account, "Tax", service, "NoUsageType", "", "", "", [tax] * 4)
        yield line(day, PAYER, "Fee", "AWS Support (Business)", "USE1-Support-Fee", "", "", "Platform", ["100"] * 4)
        yield line(day, PAYER, "Cloud Rebate Of The Future", "AWS Lambda", "NoUsageType", "", "", "", ["-1.5"] * 4)
    if day.day == 12:
        yield line(day, PAYMENTS, "Credit", LAMBDA, "EUW1-Request", "", "", "", ["-0.25"] * 4)
        yield line(day, DATA, "Refund", S3, "Requests-Tier1", "", "", "", ["-0.0000003"] * 4)


def main():
    lines, day = [], FIRST
    while day <= LAST:
        lines.extend(of_day(day, (day - FIRST).days))
        day += timedelta(days=1)
    found = lambda day, resource: next(l for l in lines if l["day"] == day and l["resource"] == resource)  # noqa: E731
    revised = dict(found("2026-08-02", "i-0bbb"))
    revised.update(unblended="2.14", net_unblended="1.9688", amortized="2.14", net_amortized="1.9688", quantity="20")
    patches = {
        # Yesterday restated: one line another amount, one withdrawn, and a late row of the previous month.
        "restate": {
            "remove": [found("2026-08-02", "i-0bbb"), found("2026-08-02", "nat-01")],
            "add": [
                revised,
                line(date(2026, 7, 15), DATA, "Usage", S3, "DataTransfer-Out-Bytes", "lake", "data", "Data",
                     ["3.1234567891"] * 4, "34.7050754344", "GB"),
            ],
        },
        # July is closed; then a credit for it comes after all.
        "credit": {
            "remove": [],
            "add": [line(date(2026, 7, 31), PAYMENTS, "Credit", EC2, "NoUsageType", "", "", "", ["-25.5"] * 4)],
        },
    }  # fmt: skip
    names = {PAYER: "acme-payer", PAYMENTS: "prod-payments", DATA: "data-lake"}
    rows = [[line[column] for column in COLUMNS] for line in lines]
    body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    head = f'{{"columns":{json.dumps(COLUMNS)},\n"accounts":{json.dumps(names)},\n"rows":[\n'
    (HERE / "lines.json").write_text(head + body + "\n]}\n", encoding="utf-8")
    for name, patch in patches.items():
        rows = {verb: [[line[column] for column in COLUMNS] for line in patch[verb]] for verb in patch}
        (HERE / "patches" / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
