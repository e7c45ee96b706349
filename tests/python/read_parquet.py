"""Prints the rows of a Parquet file as JSON: every value as the text that a CSV file of the same rows has, NULL as ""."""

import json
import sys
from datetime import datetime, timezone
from decimal import Decimal

import pyarrow.parquet


def text(value):
    if value is None:
        return ""
    if isinstance(value, Decimal):
        digits = format(value, "f")
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


table = pyarrow.parquet.read_table(sys.argv[1])
rows = [{name: text(value) for name, value in row.items()} for row in table.to_pylist()]
types = {field.name: str(field.type) for field in table.schema}
json.dump({"rows": rows, "types": types}, sys.stdout)
