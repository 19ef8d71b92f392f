"""The screen's own words in the chosen language: titles, key labels, messages, dialogs, help (screen.zh.toml).

A sentence with facts is written `tr("Sorted by {name}", name=…)`, a counted noun `count(3, "socket")`. What a widget
shows as it is (labels of keys, heads of columns, titles, empty tables, `say`, questions) is looked up there.
"""

from __future__ import annotations

import os

from capture.language import Words

tr = Words(os.path.dirname(__file__), "screen")
count = tr.count
