"""One line in, what it says of a connection out."""

from __future__ import annotations

from playbooks.symptoms.access_logs import read_access
from playbooks.symptoms.endpoints import ends_of
from playbooks.symptoms.explanation import End, Explained
from playbooks.symptoms.go_operations import Operation, operation_in
from playbooks.symptoms.line_meaning import judgement_of
from playbooks.symptoms.normalising import plain, small
from playbooks.symptoms.ordinary_lines import is_sample
from playbooks.symptoms.proxies import Ended, read_envoy, read_haproxy
from playbooks.symptoms.rules import source_of, symptoms
from playbooks.symptoms.times import time_of

PROXIES = frozenset(("haproxy", "envoy", "apache", "traefik", "caddy", "varnish"))
OF_PROXIES = frozenset(
    ("upstream_closed", "upstream_timed_out", "upstream_refused", "no_live_upstreams", "client_closed_request")
)
PROXYS = "proxy-upstream"
"""The playbook that reads their logs: nginx's own reads nginx's only."""


UNANSWERED = "silent-drop"
"""ETIMEDOUT of a connection that was established is the kernel's own: it sent again and again, and nothing answered. A
time-out of the application's states no errno."""


def explain_line(text: str) -> Explained | None:
    """What an error line says; None for a line without a symptom. Any text will do."""
    return explain_plain(plain(text))


def explain_plain(text: str) -> Explained | None:
    """The same of a line that `plain` has made plain."""
    low = small(text)
    if is_sample(low):
        return None
    operation = operation_in(low)
    if operation is not None:
        return _of_phrases(text, low, operation)
    ended = read_haproxy(text, low) or read_envoy(text, low)
    if ended is not None:
        return _of_proxy(ended, text)
    access = read_access(low)
    if access is not None:
        if access.symptom is None:
            return None
        of_client = access.symptom == "client_closed_request"
        remote = access.client if of_client else access.upstream
        side = "client" if of_client else "upstream"
        return _explained(access.symptom, None, source_of(low) or "nginx", None, remote, text, side)
    return _of_phrases(text, low, None)


def _of_proxy(ended: Ended, text: str) -> Explained | None:
    if ended.symptom is None:
        return None
    side = "client" if ended.symptom in ("client_closed_request", "read_timed_out") else "upstream"
    return _explained(ended.symptom, ended.errno, ended.source, ended.local, ended.remote, text, side)


def _of_phrases(text: str, low: str, operation: Operation | None) -> Explained | None:
    judgement = judgement_of(low)
    if judgement is None:
        return None
    local, remote = operation.ends(low) if operation is not None else ends_of(low, judgement.symptom, judgement.side)
    side = judgement.side
    if side is None and local is not None and remote is None and judgement.symptom == "no_free_ports":
        side = "local"
    return _explained(judgement.symptom, judgement.errno, judgement.source, local, remote, text, side, judgement.play)


def _explained(
    symptom: str,
    errno: str | None,
    source: str | None,
    local: End | None,
    remote: End | None,
    text: str,
    side: str | None,
    play: str | None = None,
) -> Explained:
    entry = symptoms()[symptom]
    if errno == "ETIMEDOUT" and symptom == "read_timed_out":
        play = play or UNANSWERED
    shown = None if side == "none" else side
    return Explained(
        symptom=symptom,
        errno=errno,
        source=source,
        local=local,
        remote=remote,
        time=time_of(text),
        side=shown,
        playbook=play or (PROXYS if source in PROXIES and symptom in OF_PROXIES else entry.playbook),
        meaning=entry.meaning(side),
    )
