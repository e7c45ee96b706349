"""Loads what the OpenFinOps server stored into its own CostObservatory and prints what that says, as JSON.

Usage: observe.py TELEMETRY_DB [HOURS]   (how far back the summary looks; default: twenty years)

  rows                  stored telemetry rows
  entries               cost entries in them
  duplicate_entry_ids   entry ids that occur more than once, sorted
  amounts               per currency the exact sum of the `finops_host.amount` tags, as decimal text
  summary               get_cost_summary(): floats, all currencies together; null where there are no entries
"""

import collections
import decimal
import json
import sqlite3
import sys
import warnings

# The package warns on import of optional parts that are not there.
warnings.filterwarnings("ignore", category=UserWarning, module="openfinops")

from openfinops.observability.cost_observatory import CostCategory, CostEntry, CostObservatory

TWENTY_YEARS = 20 * 366 * 24


def stored_entries(path):
    """The number of rows, and the cost entries in them in the order of arrival."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = [json.loads(metrics) for (metrics,) in database.execute("SELECT metrics FROM telemetry_data ORDER BY id")]
    database.close()
    return len(rows), [entry for metrics in rows for entry in metrics.get("cost_entries", [])]


def exact_sums(entries):
    """Per currency the sum of the amounts as they travelled, to the last digit."""
    sums = collections.defaultdict(decimal.Decimal)
    with decimal.localcontext(prec=200, traps=[decimal.Inexact, decimal.InvalidOperation]):
        for entry in entries:
            sums[entry["currency"]] += decimal.Decimal(entry["tags"]["finops_host.amount"])
        return {currency: format(total.normalize(), "f") for currency, total in sorted(sums.items())}


def summary(entries, hours):
    """What the server's own observatory makes of the entries."""
    if not entries:
        return None
    observatory = CostObservatory()
    if len(entries) > observatory.cost_entries.maxlen:
        sys.exit(f"{len(entries)} entries are more than the observatory keeps ({observatory.cost_entries.maxlen})")
    for entry in entries:
        observatory.add_cost_entry(CostEntry(**{**entry, "category": CostCategory(entry["category"])}))
    return observatory.get_cost_summary(time_range_hours=hours)


def main():
    path = sys.argv[1]
    hours = int(sys.argv[2]) if len(sys.argv) > 2 else TWENTY_YEARS
    rows, entries = stored_entries(path)
    counts = collections.Counter(entry["entry_id"] for entry in entries)
    report = {
        "rows": rows,
        "entries": len(entries),
        "duplicate_entry_ids": sorted(entry_id for entry_id, count in counts.items() if count > 1),
        "amounts": exact_sums(entries),
        "summary": summary(entries, hours),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
