#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds logwatch-rules(5) against the JSON Schema of the rule file.

usage: manual.py SCHEMA PAGE [DIRECTORY]

Each key of the schema has its entry, with its type, words, default and an
example that is valid, and no entry is of a key that there is not.  Prints what
is not so, and ends with 1.  The rule files that the page shows go to DIRECTORY.
"""

import json
import os
import re
import sys

import jsonschema
import yaml

from schema import Loader

SECTIONS = {"SETTINGS": "settings", "SOURCES": "sources", "RULES": "rules",
            "ACTIONS": "actions", "TESTS": "tests"}
# Of what a value is, how the entry calls it.
TYPES = {"10s": "duration", "64KiB": "size", "integer": "number",
         "number": "number", "boolean": "boolean"}


def names_of(head):
    """The keys of `Ic a , b` and of `Ic a : number , Ic b : number`."""
    first, *rest = head.split(" : ")
    return (re.findall(r"\b[a-z_]+\b", first.replace("Ic ", "")) +
            re.findall(r", Ic ([a-z_]+)", " ".join(rest)))


class Entry:
    """One .It with all that stands in it."""

    def __init__(self, head, parent):
        self.parent = parent
        self.names = names_of(head)
        self.lines = []

    def text(self):
        """Without macros."""
        words = []
        for line in self.lines:
            if re.match(r"\.(It|Dl|Bl|El)", line):
                line = re.sub(r"^\.(It|Dl|Bl|El)", "", line)
            line = re.sub(r"^\.", "", line)
            words += re.sub(r"\b(Ic|Cm|Va|Ql|Pa|Em|No|Ns|Xr) ", "",
                            line).split()
        return " ".join(words).replace(" ,", ",").replace(" .", ".")

    def names_key(self, name):
        return any(re.match(r"\.(It )?Ic .*\b" + name + r"\b", line)
                   for line in self.lines)

    def examples(self):
        return "\n".join(unescaped(line[4:]) for line in self.lines
                         if line.startswith(".Dl "))


def unescaped(line):
    return line.replace("\\e", "\\").replace("\\&", "")


def read_page(path):
    """The entries of each section, and the rule files that are shown."""
    section, stack, entries, shown, block = None, [], {}, [], None
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith(".Bd -literal"):
                block = []
            elif line == ".Ed":
                shown.append("\n".join(block) + "\n")
                block = None
            elif block is not None:
                block.append(unescaped(line))
                continue
            if line.startswith(".Sh "):
                section, stack = line[4:], []
            elif line.startswith(".Bl "):
                stack.append(None)
            elif line == ".El":
                stack.pop()
            elif line.startswith(".It "):
                outer = [e for e in stack[:-1] if e is not None]
                stack[-1] = None
                if line.startswith(".It Ic "):
                    stack[-1] = Entry(line[4:], outer[-1] if outer else None)
                    entries.setdefault(section, []).append(stack[-1])
            for entry in stack:
                if entry is not None:
                    entry.lines.append(line)
    return entries, [text for text in shown if text.startswith("version: 1")]


def properties(schema):
    """All maps that a value may be, as one."""
    found = dict(schema.get("properties", {}))
    for part in ("additionalProperties", "items"):
        if isinstance(schema.get(part), dict):
            found.update(properties(schema[part]))
    for one in schema.get("anyOf", []):
        found.update(properties(one))
    return found


def leaves(schema):
    """The schemas of the values that are no lists and no alternatives."""
    parts = schema.get("anyOf", [])
    for part in ("additionalProperties", "items"):
        if isinstance(schema.get(part), dict):
            parts = parts + [schema[part]]
    if not parts:
        return [schema]
    return [leaf for part in parts for leaf in leaves(part)]


def errors(schema, value):
    return [error.message for error in
            jsonschema.Draft7Validator(schema).iter_errors(value)]


class Checker:
    def __init__(self):
        self.faults = 0

    def say(self, section, what):
        print(f"{section}: {what}")
        self.faults += 1

    def check_value(self, section, name, schema, entry):
        text = entry.text()
        for leaf in leaves(schema):
            for word in leaf.get("enum", []):
                if str(word) not in text:
                    self.say(section, f"{name}: the word {word} is missing")
            kind = leaf.get("examples", [leaf.get("type")])[0]
            if isinstance(kind, list):
                kind = kind[0]
            if kind in TYPES and TYPES[kind] not in text and \
                    not re.search(r"true or false", text):
                self.say(section, f"{name}: is a {TYPES[kind]}, "
                         "which the entry does not say")
        if "default" in schema:
            value = str(schema["default"]).replace("True", "true")
            if not re.search(r"[Dd]efault:? .*" + re.escape(value), text):
                self.say(section, f"{name}: the default {value} is missing")
        elif "Default:" in schema["description"] and \
                not re.search("[Dd]efault|[Ww]ithout", text):
            self.say(section, f"{name}: the entry says no default")

    def check_example(self, section, name, schema, entry):
        """Lines with keys of the section, or with something named."""
        text = entry.examples()
        if not re.search(r"\b" + name + ":", text):
            self.say(section, f"{name}: has no example")
            return
        known = properties(schema)
        for key, value in yaml.load(text, Loader).items():
            faults = errors(schema, {key: value})
            if key in known and faults:
                faults = errors(known[key], value)
            for fault in faults:
                self.say(section, f"{name}: example: {fault}")

    def check_key(self, section, name, schema, entries, top):
        found = [e for e in entries if name in e.names and e.parent is None]
        if not found:
            self.say(section, f"{name}: has no entry")
            return
        entry = found[0]
        if len(entry.names) == 1:
            self.check_value(section, name, schema, entry)
            self.check_example(section, name, top, entry)
        self.check_inner(section, name, schema, entries, entry)

    def check_inner(self, section, name, schema, entries, entry):
        """The keys of a map are in its entry, in one that this one says has
        the same keys, or in those that several have in common."""
        for key, value in properties(schema).items():
            homes = [entry] if entry.names_key(key) else []
            same = re.search(r"With the keys of ([a-z_]+)", entry.text())
            homes += [e for e in entries
                      if same and same.group(1) in e.names and e.names_key(key)
                      or section == "ACTIONS" and key in e.names]
            if not homes:
                self.say(section, f"{name}: {key}: is not described")
            else:
                self.check_value(section, f"{name}: {key}", value, homes[-1])
                self.check_inner(section, f"{name}: {key}", value, entries,
                                 homes[-1])

    def check_entries(self, section, schema, entries):
        known = properties(schema)
        deep = dict(known)
        for value in known.values():
            deep.update(properties(value))
        for entry in entries:
            for name in entry.names:
                if name not in (deep if entry.parent or section == "ACTIONS"
                                else known):
                    self.say(section, f"{name}: there is no such key")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    pages, shown = read_page(sys.argv[2])
    checker = Checker()
    with open(sys.argv[2], encoding="utf-8") as file:
        page = file.read()
    for name in schema["properties"]:
        if not re.search(r"^\.Ic .*\b" + name + r"\b", page, re.M):
            checker.say("DESCRIPTION", f"{name}: is not named")
    for section, key in SECTIONS.items():
        top, entries = schema["properties"][key], pages[section]
        for name, value in properties(top).items():
            checker.check_key(section, name, value, entries, top)
        checker.check_entries(section, top, entries)
    for number, text in enumerate(shown):
        with open(os.path.join(sys.argv[3], f"{number}.yaml"), "w",
                  encoding="utf-8") as file:
            file.write(text)
    return min(checker.faults, 1)


if __name__ == "__main__":
    sys.exit(main())
