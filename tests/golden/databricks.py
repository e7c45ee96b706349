#!/usr/bin/env python3
"""The expected current records of the Databricks collector's counted stream, worked out from the simulated system tables.

Independent of collector, host and simulator: plain `decimal` over tests/data/databricks, after the fact sheet and the agreed mapping.
Lines of all record types that came by then are added up by everything that tells them apart, each sum is multiplied by the price in
force at the end of use and rounded to 18 places (half to even), and what differs in run, cluster or price alone is one record.

Writes initial.json, restated.json, closed.json and negotiated.json into tests/golden/databricks (or the folder given by --out).
"""

import argparse
import json
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "databricks"
getcontext().prec = 80
# When the run is, whether July is final by then, and whether the account's own prices are read.
STATES = [
    ("initial", "2026-08-03T12:00:00Z", False, False),
    ("restated", "2026-08-05T12:00:00Z", False, False),
    ("closed", "2026-09-01T12:00:00Z", True, False),
    ("negotiated", "2026-08-05T12:00:00Z", False, True),
]
CATEGORIES = {
    "ALL_PURPOSE": "Analytics", "JOBS": "Analytics", "SQL": "Analytics", "DLT": "Analytics", "INTERACTIVE": "Analytics",
    "MODEL_SERVING": "AI and Machine Learning", "VECTOR_SEARCH": "AI and Machine Learning", "DEFAULT_STORAGE": "Storage",
    "NETWORKING": "Networking", "QUANTUM_LAKE": "Other",
}  # fmt: skip
NAMES = {"a1b2c3d4e5f60718": "Reports", "0710-091500-abc": "Shared", "5f0c1f3e-pipe": "ingest"}
COLUMNS = [
    "ChargePeriod.start", "BillingPeriod.start", "ChargeCategory", "ServiceProviderName", "HostProviderName", "ServiceName",
    "ServiceCategory", "SubAccountId", "SkuId", "SkuMeter", "ResourceId", "ResourceName", "ResourceType", "Extra.x_Tier",
    "Extra.x_Photon", "Extra.x_RunAs", "Extra.x_Owner", "Extra.x_Creator", "Extra.x_Unit", "Extra.x_TagSet", "Tags.team", "Tags.env",
    "BillingCurrency", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ListUnitPrice", "ContractedUnitPrice",
    "ConsumedQuantity", "ConsumedUnit", "Basis", "Finality",
]  # fmt: skip


def text(value):
    if value is None:
        return None
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def read(name):
    table = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def price(prices, line, names):
    """The one price of a line in a list; none where there is none."""
    ended = line["usage_end_time"]
    found = [
        row
        for row in prices
        if (row["sku_name"], row["cloud"], row["usage_unit"]) == (line["sku_name"], line["cloud"], line["usage_unit"])
        and row["price_start_time"] <= ended
        and (row["price_end_time"] is None or ended < row["price_end_time"])
    ]
    assert len(found) < 2, found
    values = [row[name] for row in found for name in names if row[name] is not None]
    return Decimal(values[0]) if values else None


def tier(line):
    of = lambda name: line[f"product_features.{name}"]  # noqa: E731
    product, serverless = line["billing_origin_product"], of("is_serverless") == "true"
    match product:
        case "ALL_PURPOSE":
            return "all-purpose"
        case "INTERACTIVE":
            return "interactive serverless"
        case "JOBS":
            return "jobs serverless" if serverless else f"jobs {of('jobs_tier').lower()}"
        case "SQL":
            return "sql serverless" if serverless else f"sql {of('sql_tier').lower()}"
        case "DLT":
            return f"dlt {of('dlt_tier').lower()}"
        case "MODEL_SERVING":
            return f"model serving {of('serving_type').lower().replace('_', ' ')}"
    return "serverless" if serverless else None


def resource(line):
    of = lambda name: line[f"usage_metadata.{name}"]  # noqa: E731
    match line["billing_origin_product"]:
        case "ALL_PURPOSE":
            return of("cluster_id"), NAMES.get(of("cluster_id")), "Cluster"
        case "JOBS":
            return of("job_id"), of("job_name"), "Job"
        case "SQL":
            return of("warehouse_id"), NAMES.get(of("warehouse_id")), "SQL Warehouse"
        case "DLT":
            return of("dlt_pipeline_id"), NAMES.get(of("dlt_pipeline_id")), "Pipeline"
        case "MODEL_SERVING" | "VECTOR_SEARCH":
            return of("endpoint_id") or of("endpoint_name"), of("endpoint_name"), "Serving Endpoint"
        case "INTERACTIVE":
            return of("notebook_id"), None, "Notebook"
    return None, None, None


def tag_set(tags):
    if not tags:
        return None
    name = 0xCBF29CE484222325
    for byte in b"".join(key.encode() + b"\0" + value.encode() + b"\0" for key, value in sorted(tags)):
        name = (name ^ byte) * 0x100000001B3 % 2**64
    return f"{name:016x}"


def records(usage, listed, own, now, july_final):
    sums = defaultdict(Decimal)
    for line in usage:
        if line["came"] > now:
            continue
        tags = dict(line["custom_tags"] or [])
        identity = lambda name: line[f"identity_metadata.{name}"]  # noqa: B023, E731
        unit = line["usage_unit"]
        key = (
            line["usage_date"], line["billing_origin_product"], line["workspace_id"], line["sku_name"], line["usage_type"],
            *resource(line), tier(line), "true" if line["product_features.is_photon"] == "true" else None,
            identity("run_as"), identity("owned_by"), identity("created_by"), None if unit == "DBU" else unit,
            tag_set(line["custom_tags"]), tags.get("team"), tags.get("env"), unit,
        )  # fmt: skip
        prices = (
            price(listed, line, ["pricing.effective_list.default", "pricing.default"]),
            price(own, line, ["pricing.default"]),
        )
        apart = (line["usage_metadata.job_run_id"], line["usage_metadata.cluster_id"])
        sums[key, apart, prices] += Decimal(line["usage_quantity"])
    merged = defaultdict(list)
    for (key, _, (list_price, own_price)), quantity in sums.items():
        if quantity:
            cost = lambda of: None if of is None else (quantity * of).quantize(Decimal(1).scaleb(-18), ROUND_HALF_EVEN)  # noqa: B023, E731
            assert list_price is not None, key
            basis = "list-price" if own_price is None else "billed"
            merged[key, basis].append((quantity, cost(list_price), cost(own_price), list_price, own_price))
    rows = []
    for (key, basis), parts in merged.items():
        day, product, workspace, sku, meter, *rest, unit = key
        whole = lambda place: sum(part[place] for part in parts)  # noqa: B023, E731
        agreed = lambda place: parts[0][place] if len({part[place] for part in parts}) == 1 else None  # noqa: B023, E731
        billed = whole(2) if basis == "billed" else whole(1)
        resource_id, resource_name, resource_kind, *labels = rest
        rows.append(
            [
                f"{day}T00:00:00Z", f"{day[:7]}-01T00:00:00Z", "Usage", "Databricks", "AWS", product, CATEGORIES[product], workspace,
                sku, meter, resource_id, resource_name, resource_kind, *labels, "USD", text(billed), text(billed), text(whole(1)),
                text(whole(2)) if basis == "billed" else None, text(agreed(3)), text(agreed(4)) if basis == "billed" else None,
                text(whole(0)), unit, basis, "final" if july_final and day < "2026-08-01" else "open",
            ]
        )  # fmt: skip
    rows.sort(key=lambda row: [cell or "" for cell in row])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "databricks")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    usage, listed, own = read("usage"), read("list_prices"), read("account_prices")
    for name, now, july_final, negotiated in STATES:
        rows = records(usage, listed, own if negotiated else [], now, july_final)
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        head = f'{{"columns":{json.dumps(COLUMNS)},\n"rows":[\n'
        (out / f"{name}.json").write_text(head + lines + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
