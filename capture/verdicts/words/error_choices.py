"""What a verdict cannot know, said as a choice: which error comes depends on the application's next call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import Ending
from capture.verdicts import catalogue

if TYPE_CHECKING:
    from capture.verdicts.rules.verdict_template import Template


def error_choice(template: Template) -> str:
    """A sentence on the next calls of the side that suffered the end; empty where nobody did."""
    diagnosis, end = template.diagnosis, template.end
    if diagnosis.harmless or catalogue.causes()[diagnosis.cause].clean:
        return ""
    if template.calls[0].connect not in (None, "ok"):
        code = "connect_timeout" if template.calls[0].connect == "ETIMEDOUT" else "connect"
        return _say(code, error=template.calls[0].connect)
    if end.by is None or end.ending not in (Ending.RST, Ending.TIMEOUT):
        return ""
    sufferer = end.by if end.ending is Ending.TIMEOUT else 1 - end.by
    calls = template.calls[sufferer]
    victim = catalogue.side_word(sufferer)
    if calls.write is None or (end.ending is Ending.TIMEOUT and template.history.fins[sufferer] is not None):
        return ""  # it had closed: nobody is left to get an error
    if calls.read == calls.write:
        code = "reset" if end.ending is Ending.RST else "timeout"
        return _say(code, victim=victim, error=calls.write)
    if calls.write == "EPIPE":
        return _say("closed", victim=victim)
    return _say("late", victim=victim, error=calls.write)


def _say(code: str, **values: object) -> str:
    return catalogue.error_choice(code).format(**values)
