#!/usr/bin/env python3
"""Runs a command and writes what it used as JSON: wall-clock and CPU time in nanoseconds, peak memory in bytes.

measure.py RESULT COMMAND [ARGUMENT]...

The figures are those that the system keeps of the child and of the children it waited for. Its peak memory is never
less than this small interpreter's own, whose pages the child stands in until it runs its program.
"""

import json
import os
import sys
import time


def main():
    result, command = sys.argv[1], sys.argv[2:]
    start = time.perf_counter_ns()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter_ns() - start
    code = os.waitstatus_to_exitcode(status)
    used = {
        "code": code,
        "wall": wall,
        "cpu": round((usage.ru_utime + usage.ru_stime) * 1_000_000) * 1_000,
        # kibibytes on Linux, bytes on macOS
        "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    with open(result, "w", encoding="utf-8") as file:
        json.dump(used, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
