"""Facts as sentences name them: who holds a socket, how long requests took."""

from __future__ import annotations

from collections.abc import Iterable

from playbooks.evidence_words import say
from playbooks.facts.log_facts import Times
from playbooks.facts.socket_facts import Holder

LANGUAGES = (
    ("python", ("python", "gunicorn", "uvicorn", "uwsgi", "celery", "pypy")),
    ("node", ("node", "npm", "yarn", "bun", "deno", "MainThread")),
    ("java", ("java", "jsvc")),
)
"""The language that a process name tells; compiled programs tell none."""


def holder_name(holder: Holder | None) -> str:
    """name[pid], or that nobody is known."""
    return f"{holder.name}[{holder.pid}]" if holder is not None else say("nobody")


def own_language_first(names: Iterable[str], holder: Holder | None) -> list[str]:
    """Fixes in the language that a process's name tells before those in others; compiled programs tell none."""
    own = next((tongue for tongue, starts in LANGUAGES if holder and holder.name.startswith(starts)), "go")
    return sorted(names, key=lambda name: not name.endswith(f"-{own}"))


def times_text(times: Times) -> str:
    """Percentiles in one line."""
    return say(
        "times",
        count=times.count,
        p50=f"{times.p50:.3f}",
        p90=f"{times.p90:.3f}",
        p99=f"{times.p99:.3f}",
        most=f"{times.most:.3f}",
    )
