"""The sentences that are in the code of `playbooks`, in the chosen language: words.zh.toml."""

from __future__ import annotations

import os

from capture.language import Words

tr = Words(os.path.dirname(__file__), "words")
