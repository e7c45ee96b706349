#!/usr/bin/env python3
"""Makes the simulated billing export: tests/data/gcp/lines.json. The same on every run.

A line is one row of the detailed export. Rows are only ever appended: a correction is a negation and a replacement with the
original time of use and a later export_time, so that every state of the bill is a moment of the clock. Costs are written as
texts, as BigQuery gives them for its floats. The golden script adds the lines up by itself.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
FIRST, LAST = date(2026, 6, 28), date(2026, 8, 9)
ACCOUNT = "0123AB-4567CD-89EF01"
PAYMENTS, DATA = ("acme-payments", "Payments"), ("acme-data", "Data")
GCE = ("6F81-5844-456A", "Compute Engine")
GKE = ("CCD8-9BF1-090E", "Kubernetes Engine")
FUNCTIONS = ("29E7-DA93-CA13", "Cloud Run Functions")
SQL = ("9662-B51E-5089", "Cloud SQL")
STORAGE = ("95FF-2EF5-5EA1", "Cloud Storage")
QUANTUM = ("AAAA-BBBB-CCCC", "Quantum Ledger Deluxe")
MARKET = ("DDDD-EEEE-FFFF", "Acme Firewall Appliance")
SUD = ("SUSTAINED_USAGE_DISCOUNT", "Sustained Usage Discount", "Sustained use discount")
CUD = ("COMMITTED_USAGE_DISCOUNT", "cud-1", "Committed use discount: CPU")
FREE = ("FREE_TIER", "free-functions", "Free tier: invocations")
PROMO = ("PROMOTION", "promo-2026", "Welcome credit")
ODD = ("CREDIT_OF_THE_FUTURE", "", "A credit of a new kind")
# project, service, sku id, sku, region, zone, resource, labels, cost, list, currency, usage amount, unit, amount in pricing
# units, pricing unit, credits [(kind, amount)], days between two lines, hours of the day
USES = [
    (PAYMENTS, GCE, "2E27-4F75-95CD", "N1 Predefined Instance Core running in EMEA", "europe-west1", "europe-west1-b", "web-1",
     {"team": "core"}, "0.034773", "0.034773", "USD", "3600.0", "seconds", "1.0", "hour", [(SUD, "-0.00695460000001")], 1, (3, 14, 23)),
    (PAYMENTS, GCE, "2E27-4F75-95CD", "N1 Predefined Instance Core running in EMEA", "europe-west1", "europe-west1-c", "web-2",
     {"team": "web"}, "0.30000000000000004", "0.34773", "USD", "36000.0", "seconds", "10.0", "hour", [(SUD, "-0.0123"), (CUD, "-0.1")], 1, (5,)),
    (PAYMENTS, GCE, "4A5E-1D3C-0001", "Spot Preemptible E2 Instance Core running in EMEA", "europe-west1", "europe-west1-b", "batch-1",
     {}, "0.007", "0.0219", "USD", "1800.0", "seconds", "0.5", "hour", [], 1, (2,)),
    (PAYMENTS, GCE, "B0B0-0001-0001", "Commitment v1: N1 Cpu in EMEA for 1 Year", "europe-west1", None, None, {}, "0.0219", "0.0219",
     "USD", "3600.0", "seconds", "1.0", "hour", [], 1, (0,)),
    (PAYMENTS, GKE, "6B92-A835-08AB", "Zonal Kubernetes Clusters", "europe-west1", "europe-west1-b", "prod", {"team": "core"}, "0.1",
     "0.1", "USD", "3600.0", "seconds", "1.0", "hour", [], 1, (6, 7)),
    (PAYMENTS, FUNCTIONS, "C024-9C37-E5E1", "Invocations", "europe-west1", None, "f1", {"team": "web"}, "4e-07", "4e-07", "USD",
     "1.0", "count", "1e-06", "1000000 count", [(FREE, "-4e-07")], 1, (9,)),
    (PAYMENTS, FUNCTIONS, "C024-9C37-E5E2", "CPU Time", "europe-west1", None, "f1", {"team": "web"}, "1.2345678901234567e-08",
     "1.2345678901234567e-08", "USD", "5.0", "GHz-second", "5.0", "GHz-second", [], 1, (9,)),
    (DATA, SQL, "5A3D-0001-0001", "Cloud SQL for PostgreSQL: Regional - vCPU", "us-central1", None, "db-1", {"team": "data"},
     "1.9824", "2.478", "USD", "86400.0", "seconds", "24.0", "hour", [(CUD, "-0.4956")], 1, (12,)),
    (DATA, STORAGE, "E5F0-6A5D-7BAD", "Standard Storage US Multi-region", None, None, "lake", {}, "0.7258064516129032", None, "USD",
     "2.7702478e+18", "byte-seconds", "27.91612903", "gibibyte month", [(PROMO, "-0.25")], 1, (8,)),
    (DATA, QUANTUM, "Q-1", "Quantum entry", "us-central1", None, "q-1", {}, "0.0123456789", "0.0123456789", "USD", "7.0", "entry",
     "7.0", "entry", [(ODD, "-0.001")], 3, (11,)),
    (DATA, MARKET, "M-1", "Firewall hours", "europe-west1", None, "fw-1", {"team": "core"}, "2.5", "2.5", "USD", "3600.0", "seconds",
     "1.0", "hour", [], 2, (10,)),
    (DATA, GCE, "2E27-4F75-95CD", "N1 Predefined Instance Core running in EMEA", "europe-west1", "europe-west1-b", "eur-1",
     {"team": "data"}, "0.0321", "0.0321", "EUR", "3600.0", "seconds", "1.0", "hour", [], 5, (4,)),
]  # fmt: skip


def stamp(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def pacific_month(at):
    return (at - timedelta(hours=7)).strftime("%Y%m")


def line(at, exported, **more):
    fields = {
        "billing_account_id": ACCOUNT, "invoice_month": pacific_month(at), "cost_type": "regular",
        "usage_start_time": stamp(at), "export_time": stamp(exported), "project_id": None, "project_name": None,
        "service_id": None, "service": None, "sku_id": None, "sku": None, "region": None, "zone": None, "resource": None,
        "labels": {}, "cost": "0.0", "list": None, "currency": "USD", "amount": "0.0", "unit": None, "priced": "0.0",
        "pricing_unit": None, "credits": [], "adjustment": None, "transaction_type": "GOOGLE", "seller": None,
    }  # fmt: skip
    assert set(more) <= set(fields), set(more) - set(fields)
    return {**fields, **more}


def used(use, at, exported, **more):
    project, service, sku_id, sku, region, zone, resource, labels, cost, listed, currency, amount, unit, priced, by, credits = use[:16]
    fields = dict(
        project_id=project[0], project_name=project[1], service_id=service[0], service=service[1], sku_id=sku_id, sku=sku,
        region=region, zone=zone, resource=resource, labels=labels, cost=cost, list=listed, currency=currency, amount=amount,
        unit=unit, priced=priced, pricing_unit=by,
        credits=[{"type": kind[0], "id": kind[1], "name": kind[2], "amount": of} for kind, of in credits],
    )  # fmt: skip
    if service == MARKET:
        fields.update(transaction_type="THIRD_PARTY_AGENCY", seller="Acme Firewalls Inc.")
    return line(at, exported, **{**fields, **more})


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)


def negated(text):
    return text[1:] if text.startswith("-") else "-" + text


def main():
    lines = []
    day = FIRST
    while day <= LAST:
        for use in USES:
            if (day - FIRST).days % use[16]:
                continue
            for hour in use[17]:
                at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
                # Exported five hours after the hour's end; at eleven the instances of the night are there.
                lines.append(used(use, at, at + timedelta(hours=6)))
        day += timedelta(days=1)
    web1, web2, storage = USES[0], USES[1], USES[8]
    # Comes on 4 August for 2 August: a correction, negation and replacement. And a late line of 15 July.
    at = moment("2026-08-02T05:00")
    late = moment("2026-08-04T01:30")
    wrong = used(web2, at, late, adjustment="adj-1")
    wrong.update(cost=negated(web2[8]), list=negated(web2[9]), amount=negated(web2[11]), priced=negated(web2[13]))
    wrong["credits"] = [{**credit, "amount": negated(credit["amount"])} for credit in wrong["credits"]]
    right = used(web2, at, late, adjustment="adj-1", cost="0.2875", amount="34500.0", priced="9.583333333333334")
    lines += [wrong, right]
    lines.append(used(storage, moment("2026-07-15T08:00"), late, cost="3.1234567891"))
    # One for June, before the books begin.
    lines.append(used(web1, moment("2026-06-29T03:00"), late, cost="0.5", invoice_month="202607"))
    # July is closed: tax, support and rounding of the whole invoice, and a cost type that nobody knows; no project on any.
    close, end = moment("2026-08-05T09:00"), moment("2026-08-01T06:00")
    lines.append(line(end, close, cost_type="tax", cost="14.07", service_id="C-TAX", service="Invoice", sku_id="TAX", sku="VAT"))
    lines.append(line(end, close, cost_type="rounding_error", cost="-0.0034", service_id="C-TAX", service="Invoice", sku_id="RND", sku="Rounding error"))
    lines.append(line(end, close, cost_type="surcharge_of_the_future", cost="0.99", service_id="C-TAX", service="Invoice", sku_id="SUR", sku="Surcharge"))
    lines.append(line(end, close, cost_type="adjustment", cost="-1.5", service_id="C-SUP", service="Support", sku_id="SUP", sku="Goodwill", adjustment="adj-2"))
    # On 8 August a correction comes for 31 July, billed in August; it carries a credit.
    after = moment("2026-08-08T20:00")
    lines.append(used(web2, moment("2026-07-31T05:00"), after, invoice_month="202608", adjustment="adj-3", cost="-0.05", amount="0.0", priced="0.0",
                      list="-0.05", credits=[{"type": "PROMOTION", "id": "promo-late", "name": "Late credit", "amount": "-0.3"}]))  # fmt: skip
    # A line without a time of use: it is placed where it was exported.
    lost = line(moment("2026-08-02T00:00"), moment("2026-08-02T15:00"), cost="0.11", service_id="C-SUP", service="Support", sku_id="SUP", sku="Support")
    lost["usage_start_time"] = None
    lines.append(lost)
    lines.sort(key=lambda one: one["export_time"])
    body = ",\n".join(json.dumps(one, separators=(",", ":")) for one in lines)
    (HERE / "lines.json").write_text(f"[\n{body}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
