"""Runs the real OpenFinOps TelemetryServer on loopback, its telemetry.db in the working directory.

Usage: telemetry_server.py PORT   (0: any free port)

Prints one line of JSON, {"ready": true, "port": N}, as soon as it listens, and ends when its standard input closes, so
that it never outlives whoever started it.
"""

import json
import os
import sys
import threading

from openfinops.observability.telemetry_server import TelemetryServer
from werkzeug import serving


def end_with_starter():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    port = int(sys.argv[1])
    threading.Thread(target=end_with_starter, daemon=True).start()

    # Standard output is for the one line; what the server prints itself goes to the log.
    ready = sys.stdout
    sys.stdout = sys.stderr

    # The server is made with its socket bound and listening: the one moment at which a caller may be told.
    make_server = serving.make_server

    def make_and_tell(*args, **kwargs):
        server = make_server(*args, **kwargs)
        print(json.dumps({"ready": True, "port": server.server_port}), file=ready, flush=True)
        return server

    serving.make_server = make_and_tell
    TelemetryServer(host="127.0.0.1", port=port).start_server()


if __name__ == "__main__":
    main()
