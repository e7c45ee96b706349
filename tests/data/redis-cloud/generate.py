#!/usr/bin/env python3
"""Writes lines.json: all lines that the simulated Redis Cloud account's cost reports ever hold, each shown from `from` until `gone`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

lines = []


def at(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def bill(start, end, cost, *, shown=None, gone=None, **more):
    """A line; it is there at three on the day after it begins, unless said otherwise."""
    shown = shown or at(start + timedelta(days=1, hours=3))
    month = start.replace(day=1, hour=0)
    line = {
        "BillingAccountId": "1001", "BillingAccountName": "Acme", "BillingAccountType": "Redis Cloud", "PublisherName": "redis.io",
        "BillingPeriodStart": at(month), "BillingPeriodEnd": at((month + timedelta(days=32)).replace(day=1)),
        "ChargePeriodStart": at(start), "ChargePeriodEnd": at(end), "BilledCost": cost, "ContractedCost": cost, "EffectiveCost": cost,
        "ListCost": cost, "BillingCurrency": "USD", "PricingCurrency": "USD", "PricingCategory": "Standard",
        "ChargeCategory": "Usage", "ChargeFrequency": "Recurring", "ServiceCategory": "Databases",
        "ServiceSubcategory": "Caching", "ServiceName": "Redis Cloud Pro",
    }  # fmt: skip
    line.update(more)
    lines.append({"from": shown, "gone": gone, "line": line})


def day_of(start):
    end = start + timedelta(days=1)
    cache = {"ResourceId": "51234567", "ResourceName": "cache-prod", "ResourceType": "database", "RegionId": "us-east-1", "RegionName": "N. Virginia",
             "Tags": {"team": "search", "note": 'say "hi", twice'}, "SkuPriceDetails": {"rbu": "2", "memoryLimit": "2.5 GB"}}  # fmt: skip
    hours = {"PricingQuantity": "24", "PricingUnit": "Hours", "ConsumedQuantity": "24", "ConsumedUnit": "Hours"}
    money = {"ListUnitPrice": "0.258", "ContractedUnitPrice": "0.2322", "ListCost": "6.192", "ContractedCost": "5.5728", "EffectiveCost": "5.0728"}
    if (start.month, start.day) == (7, 30):
        # Half a day was refunded.
        bill(start, end, "5.5728", gone="2026-08-04T08:00:00Z", ChargeDescription="Pro database", **hours, **money, **cache)
        half = {**money, "ListCost": "3.096", "ContractedCost": "2.7864", "EffectiveCost": "2.5364"}
        used = {**hours, "PricingQuantity": "12", "ConsumedQuantity": "12"}
        bill(start, end, "2.7864", shown="2026-08-04T08:00:00Z", ChargeDescription="Pro database", **used, **half, **cache)
    else:
        bill(start, end, "5.5728", ChargeDescription="Pro database", **hours, **money, **cache)
    for region, cost in (("eu-west-1", "3.1"), ("ap-south-1", "3.35000000000000012")):
        # Active-Active: billed by region.
        both = {"ResourceId": "51234999", "ResourceName": "sessions", "ResourceType": "database", "RegionId": region, "Tags": {"team": "web"}}
        gone = "2026-08-04T08:00:00Z" if (start.month, start.day, region) == (7, 29, "ap-south-1") else None
        bill(start, end, cost, gone=gone, ChargeDescription="Active-Active database", **hours, **both)
    if start.day % 3 == 0:
        network = {"PricingQuantity": "12.345678901", "PricingUnit": "Network", "ConsumedQuantity": "12.345678901", "ConsumedUnit": "Network"}
        bill(start, end, "0.123456789012345678", ChargeDescription="Data transfer", ListUnitPrice="0.01", **network, **cache)


def main():
    first = datetime(2026, 7, 24, tzinfo=UTC)
    for number in range(14):
        day_of(first + timedelta(days=number))
    plan = {"ServiceName": "Redis Cloud Essentials", "ResourceId": "9001", "ResourceName": "small", "ResourceType": "database", "PricingQuantity": "1",
            "PricingUnit": "Months", "RegionId": "europe-west1", "ChargeDescription": "Essentials 250MB", "ChargeCategory": "Purchase"}  # fmt: skip
    for start, end in ((7, 8), (8, 9)):
        bill(datetime(2026, start, 1, tzinfo=UTC), datetime(2026, end, 1, tzinfo=UTC), "7", **plan)
    # Begins in June: no report of July or August books it.
    bill(datetime(2026, 6, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC), "100", **plan)
    july, august = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)
    closing = {"shown": "2026-08-06T06:00:00Z"}
    bill(july, august, "14.37", ChargeCategory="Tax", ChargeDescription="VAT 19%", ListCost="", ContractedCost="", **closing)
    bill(july, august, "-2.5", ChargeCategory="Adjustment", ChargeDescription="Goodwill", ListCost="", ContractedCost="", **closing)
    odd = datetime(2026, 8, 4, tzinfo=UTC)
    bill(odd, odd + timedelta(days=1), "1.25", ServiceName="Redis Quantum", ServiceCategory="Key-Value", PricingQuantity="3", PricingUnit="Qubits",
         ConsumedQuantity="3", ConsumedUnit="Qubits", ChargeCategory="Gift", BillingCurrency="EUR", ResourceId="77", ChargeDescription="Entanglement")  # fmt: skip
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in lines)
    (Path(__file__).parent / "lines.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
