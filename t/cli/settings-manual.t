#!/usr/bin/python3 -B
"""keyturn.conf(5) against the table of settings in the program: the same
settings with the same types, ranges, defaults, and reload or restart."""

import os
import re
import subprocess
import sys

SOURCE = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("top_builddir", SOURCE)

ENTRY = re.compile(
    r"^Type: (?P<type>[^,]+), (?P<range>.+?)\. "
    r"Default: (?P<default>.+)\. Change: (?P<change>reload|restart)\.$")


def from_program():
    out = subprocess.run([os.path.join(BUILD, "t/cli/settings")], check=True,
                         timeout=10, stdout=subprocess.PIPE).stdout.decode()
    rows = [line.split("\t") for line in out.splitlines()]
    return {row[0]: tuple(row[1:]) for row in rows}


def from_manual():
    """Per setting (type, range, default, change); None: not as they should be
    written, which is in the text right below .It."""
    found = {}
    name, text, depth = None, "", 0
    with open(os.path.join(SOURCE, "man/keyturn.conf.5")) as page:
        for line in page.read().splitlines():
            depth += line.startswith(".Bl") - line.startswith(".El")
            item = re.fullmatch(r"\.It Ic (\S+)", line)
            if item and depth == 1:
                if item.group(1) in found:
                    raise ValueError("twice: " + item.group(1))
                name, text = item.group(1), ""
                found[name] = None
            elif name and line.startswith("."):
                entry = ENTRY.match(text.strip())
                found[name] = entry and entry.group(
                    "type", "range", "default", "change")
                name = None
            elif name:
                text += line + " "
    return found


def main():
    table, manual = from_program(), from_manual()
    names = list(table) + [n for n in manual if n not in table]
    fields = ("type", "range", "default", "change")
    failed = not table

    print("1..%d" % (len(names) + 1))
    print("%sok 1 - the program has settings" % ("" if table else "not "))
    for number, name in enumerate(names, 2):
        want, got = table.get(name), manual.get(name)
        print("%sok %d - %s" % ("" if want == got else "not ", number, name))
        if want == got:
            continue
        failed = True
        for field, a, b in zip(fields, want or [None] * 4, got or [None] * 4):
            if a != b:
                print("# %s: program: %s\n# %s: manual: %s"
                      % (field, a, field, b))
    return int(failed)


sys.exit(main())
