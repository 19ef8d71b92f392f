"""The tests that a JUnit file says were skipped, as arguments of pytest, a line each, but those of tests/lab."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree


def argument(case: ElementTree.Element) -> str:
    """`folder/file.py::Class::test`; the file alone where it was skipped whole."""
    # xdist puts a test's group behind its name, where pytest does not find it again
    name = re.sub(r"@[\w-]+$", "", case.get("name", ""))
    test = case.get("classname")  # none for a file that is skipped whole
    parts = (test or name).split(".")
    size = next(n for n in range(len(parts), 0, -1) if Path(*parts[:n]).with_suffix(".py").is_file())
    return "::".join(["/".join(parts[:size]) + ".py", *parts[size:], *([name] if test else [])])


for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    if case.find("skipped") is not None and not (skipped := argument(case)).startswith("tests/lab/"):
        print(skipped)
