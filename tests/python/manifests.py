"""Reads YAML documents from standard input and prints them as one JSON array.

Usage: manifests.py [VERSION]...

Each document must fit the strict schema that each VERSION of Kubernetes has for it. Kinds of others' (ServiceMonitor) have
none there and are only read.
"""

import json
import sys

import kubernetes_validate
import yaml

FOREIGN = {"monitoring.coreos.com/v1"}


def main():
    documents = [document for document in yaml.safe_load_all(sys.stdin.buffer.read()) if document is not None]
    for version in sys.argv[1:]:
        for document in documents:
            if document["apiVersion"] in FOREIGN:
                continue
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                place = "/".join(str(step) for step in error.absolute_path)
                name = document["metadata"]["name"]
                sys.exit(f"{document['kind']} {name} in Kubernetes {version}: {place}: {error.message}")
    json.dump(documents, sys.stdout)


if __name__ == "__main__":
    main()
