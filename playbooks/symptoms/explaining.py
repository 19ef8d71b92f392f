"""One line in, what it says of a connection out."""

from __future__ import annotations

import re

from playbooks.symptoms.access_logs import read_access
from playbooks.symptoms.endpoints import ends_of
from playbooks.symptoms.judging import judgement_of
from playbooks.symptoms.model import End, Explained
from playbooks.symptoms.proxies import Ended, read_envoy, read_haproxy
from playbooks.symptoms.rules import source_of, symptoms
from playbooks.symptoms.times import time_of
from playbooks.symptoms.vetoes import is_sample

LONGEST = 16_384  # characters of a line that are looked at
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PATH = re.compile(r"(https?://[^\s/\"']+/)[^\s\"'>),]+")
_METHODS = ("GET ", "POST ", "PUT ", "DELETE ", "HEAD ", "OPTIONS ", "PATCH ")
_ESCAPES = {'"': '"', "/": "/", "n": " ", "r": " ", "t": " ", "u003e": ">", "u003c": "<", "u0026": "&", "u0027": "'"}
_ESCAPES |= {"u0022": '"', "x22": '"'}
_ESCAPED = re.compile(r"\\+(" + "|".join(sorted(_ESCAPES, key=len, reverse=True)) + ")")


def explain_line(text: str) -> Explained | None:
    """What an error line says; None for a line without a symptom. Any text will do."""
    return explain_plain(plain(text))


def explain_plain(text: str) -> Explained | None:
    """The same of a line that `plain` has made plain."""
    low = text.lower()
    if len(low) != len(text):  # a few capitals grow when made small; places must stay comparable
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    if is_sample(low):
        return None
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
    return _of_phrases(text, low)


def plain(text: str) -> str:
    """A line without terminal colours and requested paths, and with what JSON escapes written out (twice, too).

    What somebody asked for is no word of the program that logs it: a path may hold any text, also that of an error.
    """
    text = text[:LONGEST]
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\\" in text:
        text = _ESCAPED.sub(lambda found: _ESCAPES[found[1]], text)
    if "://" in text:
        text = _PATH.sub(lambda found: found[1], text)
    end = text.find(" HTTP/")
    if end > 0:
        start = text.rfind(" ", 0, end) + 1
        if text.startswith("/", start) and text.endswith(_METHODS, 0, start):
            text = f"{text[: start + 1]}{text[end:]}"
    return text.strip()


def _of_proxy(ended: Ended, text: str) -> Explained | None:
    if ended.symptom is None:
        return None
    side = "client" if ended.symptom in ("client_closed_request", "read_timed_out") else "upstream"
    return _explained(ended.symptom, ended.errno, ended.source, ended.local, ended.remote, text, side)


def _of_phrases(text: str, low: str) -> Explained | None:
    told = judgement_of(low)
    if told is None:
        return None
    local, remote = ends_of(low, told.symptom, told.side)
    side = told.side
    if side is None and local is not None and remote is None and told.symptom == "no_free_ports":
        side = "local"
    return _explained(told.symptom, told.errno, told.source, local, remote, text, side, told.play)


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
    shown = None if side == "none" else side
    return Explained(
        symptom=symptom,
        errno=errno,
        source=source,
        local=local,
        remote=remote,
        time=time_of(text),
        side=shown,
        playbook=play or entry.playbook,
        meaning=entry.meaning(side),
    )
