"""Prints what OpenFinOps' old telemetry agents take from their callers, as JSON: the facts that docs/migrate.md is held against.

Usage: old_agents.py CLONE   (a clone of https://github.com/rdmurugan/OpenFinOps; its HEAD is read)

Per agent: the SHA-256 of its source, its flags with default and choices, the environment variables that it reads itself, and the
keys of its configuration file, nested ones joined by dots (a list or a map of the operator's own is one key). Parsed from the
source, never run. The output is kept as tests/data/old_agents.json.
"""

import ast
import hashlib
import json
import subprocess
import sys

AGENTS = ["aws", "azure", "gcp", "databricks", "snowflake", "saas_services", "generic"]
# Dictionaries in the sources that show the whole configuration file.
SHOWN = {"sample_config", "default_config"}
# Maps whose keys are the operator's own.
OWN = {"commands"}


def text_of(clone, path):
    return subprocess.run(["git", "-C", clone, "show", f"HEAD:{path}"], check=True, capture_output=True).stdout


def value(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def flags(tree):
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
            names = [value(argument) for argument in node.args]
            options = {keyword.arg: value(keyword.value) for keyword in node.keywords}
            found[names[0]] = {key: options[key] for key in ("default", "choices", "required") if options.get(key) is not None}
    return found


def variables(tree):
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.environ.get", "os.getenv"):
            found.add(value(node.args[0]))
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            found.add(value(node.slice))
    return sorted(found)


def nested(node, path=""):
    for key, below in zip(node.keys, node.values):
        name = f"{path}{value(key)}"
        if isinstance(below, ast.Dict) and value(key) not in OWN:
            yield from nested(below, name + ".")
        else:
            yield name


def keys(tree):
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in SHOWN:
            found.update(nested(node.value))
        # The AWS agent reads its YAML file into `config` in main().
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "config.get":
                    found.add(value(call.args[0]))
    return sorted(found)


def main(clone):
    commit = subprocess.run(["git", "-C", clone, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    agents = {}
    for name in AGENTS:
        path = f"agents/{name}_telemetry_agent.py"
        source = text_of(clone, path)
        tree = ast.parse(source)
        agents[path] = {
            "sha256": hashlib.sha256(source).hexdigest(),
            "flags": flags(tree),
            "environment": variables(tree),
            "config": keys(tree),
        }
    print(json.dumps({"repository": "rdmurugan/OpenFinOps", "commit": commit, "agents": agents}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
