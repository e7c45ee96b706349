#!/usr/bin/env python3
"""Makes the simulated tenant's bill: tests/data/azure/lines.json and its patches. The same on every run.

A line is one row of the bill. `actual` is null where the line is in the amortized bill alone (an unused reservation), and
`amortized` is null where it is in the actual bill alone (the purchase of a reservation). The simulator answers every API
from these lines; the golden script adds them up by itself. Costs have up to 16 fractional digits, as Azure's have.
"""

import json
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

HERE = Path(__file__).parent
FIRST, LAST = date(2026, 6, 28), date(2026, 8, 8)
SHOP, LAB = "11111111-aaaa-4bbb-8ccc-000000000001", "22222222-aaaa-4bbb-8ccc-000000000002"
COLUMNS = (
    "day subscription group resource location service category subcategory meter charge_type pricing team currency actual "
    "amortized quantity unit"
).split()
SIXTEEN = Decimal("0.0000000000000001")
VM, AKS, SQL, STORAGE = "Virtual Machines", "Azure Kubernetes Service", "SQL Database", "Storage"
COMPUTE, WEB = "Microsoft.Compute/virtualMachines", "Microsoft.Web/sites"
# subscription, group, type, name, service, meter category, subcategory, meter, team, unit, price, quantity, days between lines
USES = [
    (SHOP, "rg-web", COMPUTE, "web-01", VM, VM, "Dsv5 Series", "D2s v5", "web", "Hours", "0.1520005306833333", "24", 1),
    (SHOP, "rg-web", COMPUTE, "web-02", VM, VM, "Dsv5 Series", "D2s v5", "", "Hours", "0.1520005306833333", "17.5", 1),
    (SHOP, "rg-web", "Microsoft.Compute/disks", "web-01_OsDisk", STORAGE, STORAGE, "Premium SSD", "P10 LRS Disk", "web",
     "1/Month", "18.2300636449", "0.0322580645", 1),
    (SHOP, "MC_rg-aks_prod_westeurope", "Microsoft.Compute/virtualMachineScaleSets", "aks-pool1", VM, VM, "Dsv5 Series",
     "D4s v5", "core", "Hours", "0.3040010613666667", "72", 1),
    (SHOP, "rg-aks", "Microsoft.ContainerService/managedClusters", "prod", AKS, AKS, "", "Standard Uptime SLA", "core",
     "Hours", "0.0925009229", "24", 1),
    (SHOP, "rg-web", WEB, "fn-orders", "Functions", "Functions", "", "Standard Execution Time", "web", "GB Seconds",
     "0.000014799852001", "182736.4", 1),
    (SHOP, "rg-web", WEB, "fn-orders", "Functions", "Functions", "", "Standard Total Executions", "web", "10", "0.0000018499815",
     "91433.2", 1),
    (SHOP, "rg-data", "Microsoft.Sql/servers/main/databases", "orders", SQL, SQL, "General Purpose", "vCore", "data", "Hours",
     "0.1406014060140601", "48", 1),
    (SHOP, "rg-data", "Microsoft.Storage/storageAccounts", "acmelogs", STORAGE, STORAGE, "Tiered Block Blob", "Hot LRS Data Stored",
     "data", "GB/Month", "0.0166500166", "215.7741935484", 1),
    (SHOP, "rg-data", "Microsoft.Storage/storageAccounts", "acmelogs", "Bandwidth", "Bandwidth", "", "Standard Data Transfer Out",
     "", "GB", "0.0740007400", "3.3333333333", 1),
    (SHOP, "rg-data", "Microsoft.Quantum/workspaces", "q-1", "Quantum Workspace Deluxe", "Quantum", "", "Shots", "", "1",
     "0.0123456789012345", "7", 3),
    (SHOP, "rg-data", "Microsoft.KeyVault/vaults", "free", "Key Vault", "Key Vault", "", "Operations", "", "10K", "0", "4.8", 1),
    (LAB, "rg-lab", COMPUTE, "LAB-01", VM, VM, "Bs Series", "B2s", "lab", "Hours", "0.0416", "24", 1),
    (LAB, "rg-lab", "Microsoft.Storage/storageAccounts", "labdata", STORAGE, STORAGE, "Tables", "LRS Data Stored", "", "GB/Month",
     "0.045", "1.2903225806", 2),
    ("", "", "", "", "SaaS", "Contoso Metrics", "", "Contoso Metrics - Seat", "", "1", "1.75", "3", 1),
]  # fmt: skip


def exact(value):
    return value.quantize(SIXTEEN, rounding=ROUND_HALF_EVEN)


def text(value):
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def line(day, subscription, group, resource, service, charge_type, actual, amortized, **more):
    values = {
        "day": day.isoformat(),
        "subscription": subscription,
        "group": group,
        "resource": resource,
        "location": "westeurope" if group else "",
        "service": service,
        "category": service,
        "subcategory": "",
        "meter": "",
        "charge_type": charge_type,
        "pricing": "OnDemand",
        "team": "",
        "currency": "USD" if subscription == LAB else "EUR",
        "actual": None if actual is None else text(exact(Decimal(actual))),
        "amortized": None if amortized is None else text(exact(Decimal(amortized))),
        "quantity": "0",
        "unit": "",
    }
    values.update(more)
    return {column: values[column] for column in COLUMNS}


def resource(subscription, group, kind, name):
    provider, *types = kind.split("/")
    path = "/".join([*types, name]) if kind else ""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{path}" if kind else ""


def of_day(day, index):
    for subscription, group, kind, name, service, category, subcategory, meter, team, unit, price, quantity, every in USES:
        if index % every:
            continue
        used = Decimal(quantity) * (1 + Decimal((index * 7 + len(name)) % 11) / 100)
        cost = Decimal(price) * used
        covered = name == "web-02"
        yield line(
            day, subscription, group, resource(subscription, group, kind, name), service, "Usage",
            "0" if covered else cost, cost * Decimal("0.62") if covered else cost, category=category,
            subcategory=subcategory, meter=meter, team=team, quantity=text(exact(used)), unit=unit,
            pricing="Reservation" if covered else "OnDemand",
        )  # fmt: skip
    unused = line(
        day, SHOP, "", "", VM, "UnusedReservation", None, Decimal("0.0942403290236667") * (index % 5),
        meter="D2s v5", quantity=str(index % 5), unit="Hours", pricing="Reservation",
    )  # fmt: skip
    if index % 5:
        yield unused
    if day.day == 1:
        yield line(day, SHOP, "", "", VM, "Purchase", "70.116804793", None, pricing="Reservation", quantity="1")
        yield line(day, SHOP, "", "", "SaaS", "Purchase", "49.9", "49.9", meter="Contoso Backup", quantity="1")
        yield line(day, SHOP, "", "", "", "RoundingAdjustment", "-0.0000000001", "-0.0000000001")
        yield line(day, LAB, "", "", STORAGE, "SpendingCommitmentTrueUp", "5.25", "5.25")
    if day.day == 12:
        yield line(day, SHOP, "rg-data", "", STORAGE, "Refund", "-1.25", "-1.25")


def main():
    lines, day = [], FIRST
    while day <= LAST:
        lines.extend(of_day(day, (day - FIRST).days))
        day += timedelta(days=1)
    found = lambda day, name: next(l for l in lines if l["day"] == day and l["resource"].endswith(name))  # noqa: E731
    revised = dict(found("2026-08-02", "/web-01"))
    revised.update(actual="3.0400106136666667", amortized="3.0400106136666667", quantity="20")
    transfer = next(l for l in lines if l["day"] == "2026-08-02" and l["service"] == "Bandwidth")
    logs = resource(SHOP, "rg-data", "Microsoft.Storage/storageAccounts", "acmelogs")
    patches = {
        # Yesterday restated: one line another amount, one withdrawn, and a late row of the previous month.
        "restate": {
            "remove": [found("2026-08-02", "/web-01"), transfer],
            "add": [
                revised,
                line(date(2026, 7, 15), SHOP, "rg-data", logs, STORAGE, "Usage", "3.1234567891", "3.1234567891",
                     meter="Hot Read Operations", team="data", quantity="34.7", unit="10K"),
            ],
        },
        # July is closed; then a refund for it comes after all.
        "credit": {
            "remove": [],
            "add": [line(date(2026, 7, 31), SHOP, "rg-web", "", VM, "Refund", "-25.5", "-25.5")],
        },
    }  # fmt: skip
    rows = [list(one.values()) for one in lines]
    body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (HERE / "lines.json").write_text(f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n{body}\n]}}\n', encoding="utf-8")
    (HERE / "patches").mkdir(exist_ok=True)
    for name, patch in patches.items():
        rows = {verb: [list(one.values()) for one in patch[verb]] for verb in patch}
        (HERE / "patches" / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
