#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds rule files against a JSON Schema, as an editor does.

usage: schema.py SCHEMA FILE...

Prints FILE: and the first thing that is wrong with it, and ends with 1 where
there is one.  YAML is read by the core schema of YAML 1.2, which is what editors
do: `no` and 12:30 are text there.
"""

import json
import re
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """YAML 1.2, core schema; keys are text, as logwatch has them."""

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        return {str(key.value): self.construct_object(value, deep=True)
                for key, value in node.value}


Loader.add_constructor(
    "tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node))
for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?[0-9]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
         "-+.0123456789"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""])):
    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:" + tag, re.compile("^(?:" + pattern + ")$"),
        list(first))
Loader.add_constructor(
    "tag:yaml.org,2002:int",
    lambda loader, node: int(loader.construct_scalar(node)))
Loader.add_constructor(
    "tag:yaml.org,2002:float",
    lambda loader, node: float(loader.construct_scalar(node)))


def fault(validator, path):
    """What is wrong with the file, or None."""
    with open(path, encoding="utf-8-sig") as file:
        try:
            content = yaml.load(file, Loader)
        except yaml.YAMLError as error:
            return str(error)
    error = jsonschema.exceptions.best_match(validator.iter_errors(content))
    if error is None:
        return None
    place = "/".join(str(part) for part in error.absolute_path)
    return f"{place}: {error.message[:200]}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    status = 0
    for path in sys.argv[2:]:
        wrong = fault(validator, path)
        if wrong is not None:
            print(f"{path}: {wrong}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
