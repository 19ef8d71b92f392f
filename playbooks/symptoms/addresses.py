"""Where a line names addresses, and the port that goes with each, in the many spellings of loggers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from playbooks.symptoms.explanation import End

_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_V6 = re.compile(
    r"(?<![\w.:])(\[)?([0-9a-f]{0,4}:[0-9a-f:]*:[0-9a-f]*(?:\.\d{1,3}){0,3}(?::\d{1,5})?)(?:%\w+)?(?(1)\])(?!\w)"
)
_PORT_AFTER = re.compile(
    r"(?:\]|/<\w+>|`)?:`?(?P<colon>\d{1,5})(?!\d|:\d|\.\d)"
    r"| ?\((?:tcp )?(?P<paren>\d{1,5})(?:\)|, udp )"
    r"|\] (?P<service>\d{1,5}) \([\w-]+\)"
    r"|\]?['\"]?,\s?(?P<tuple>\d{1,5})(?=[,)}\]])"
    r"|[\])'\"]{0,2},?\s?(?:and accepting tcp/ip connections )?(?:on )?\(?"
    r"(?:tcp )?(?:\w*[_-])?port['\"]?[ =:]{1,2}['\"]?(?P<word>\d{1,5})\b"
    r"|['\"]\s*\]?\s*,\s*['\"]?\w*port['\"]?\s*:\s*['\"]?(?P<json>\d{1,5})\b"
)
_SLASH_PORT = re.compile(r"/(\d{2,5})\b")
_SPACED_PORT = re.compile(r" (\d{1,5})\]")
_NAMED_PORT = re.compile(r"\w:(\d{1,5}) \($")
_PORT_BEFORE = re.compile(
    r"(?:\bport (\d{1,5}) (?:on|at|of) (?:host |server )?['\"\[]?|\bconnect to [\w.-]+:(\d{1,5}) \[[\w.-]*/)$"
)
_SCHEME = re.compile(r"(https?)://$")
_VERSION = re.compile(
    r"\b(?:chrome|safari|firefox|edge?|edga|opr|version|webkit|chromium|crios|mobile|build|ver|v|release)[ /:-]*$"
)
_SPLIT_LAST = re.compile(r"(?:\be[a-z]{4,}[: ]+(?:address already in use )?|listen |already in use |local \(|/)$")
_SCHEME_PORTS = {"http": 80, "https": 443}
MOST = 40  # mentions of one line that are looked at


@dataclass(frozen=True, slots=True)
class Mention:
    """An address in a line. `before` is what is in front of it, in small letters, as far as a label may reach."""

    start: int
    stop: int
    end: End
    before: str
    after: str


def mentions_of(low: str) -> list[Mention]:
    """All addresses of a line (in small letters), in order of appearance."""
    found = _v6_mentions(low)
    taken = [(m.start, m.stop) for m in found]
    for match in _V4.finditer(low):
        start = match.start()
        if any(a <= start < b for a, b in taken) or _VERSION.search(low[max(0, start - 16) : start]):
            continue
        ip = _canonical(match[0])
        if ip is not None:
            found.append(_mention(low, start, match.end(), ip))
        if len(found) >= MOST:
            break
    return sorted(found, key=lambda mention: mention.start)


def _v6_mentions(low: str) -> list[Mention]:
    if low.count(":") < 2:
        return []
    found = []
    for match in _V6.finditer(low):
        text, bracketed = match[2], bool(match[1])
        if (len(text) < 3 and not bracketed) or ("::" not in text and text.count(":") < 7):
            continue
        ip, port = _split_v6(text, bracketed, low[max(0, match.start() - 40) : match.start()], low[match.end() :])
        if ip is None:
            continue
        if port is not None:
            found.append(_built(low, match.start(), match.end(), End(ip, port)))
        else:
            found.append(_mention(low, match.start(), match.end(), ip))
        if len(found) >= MOST:
            break
    return found


def _split_v6(text: str, bracketed: bool, before: str, after: str) -> tuple[str | None, int | None]:
    """An IPv6 address, and the port where it is written after one more colon, without brackets."""
    whole = _canonical(text)
    head, _, last = text.rpartition(":")
    if bracketed:
        return whole, None
    if whole is not None and not (_SPLIT_LAST.search(before) or after.startswith(" [")):
        return whole, None
    if last.isdecimal() and int(last) <= 65_535:
        for candidate in (head, f"{head}:" if head.endswith(":") else head):
            ip = _canonical(candidate)
            if ip is not None:
                return ip, int(last)
    return whole, None


def _mention(low: str, start: int, stop: int, ip: str) -> Mention:
    after = low[stop : stop + 80]
    port = None
    found = _PORT_AFTER.match(after)
    if found:
        port = int(next(group for group in found.groups() if group is not None))
        stop += found.end()
    elif low[max(0, start - 14) : start].endswith(("from ", "connection to ")):  # squid, too: TCP connection to A/PORT
        slash = _SLASH_PORT.match(after)
        port = int(slash[1]) if slash and int(slash[1]) > 128 else None
    elif low[max(0, start - 5) : start] == "[ip: ":  # apt
        spaced = _SPACED_PORT.match(after)
        port = int(spaced[1]) if spaced else None
    elif after.startswith(")"):  # name:port (address)
        named = _NAMED_PORT.search(low[max(0, start - 10) : start])
        port = int(named[1]) if named else None
    if port is None:
        named_before = _PORT_BEFORE.search(low[max(0, start - 96) : start])
        port = int(named_before[1] or named_before[2]) if named_before else None
    if port is None:
        scheme = _SCHEME.search(low[max(0, start - 9) : start].rstrip("["))
        port = _SCHEME_PORTS[scheme[1]] if scheme else None
    return _built(low, start, stop, End(ip, port if port is None or port <= 65_535 else None))


def _built(low: str, start: int, stop: int, end: End) -> Mention:
    return Mention(start, stop, end, low[max(0, start - 64) : start], low[stop : stop + 16])


def _canonical(text: str) -> str | None:
    if ":" not in text:
        return text if all(part == "0" or (part[0] != "0" and int(part) < 256) for part in text.split(".")) else None
    if "::" not in text and text.count(":") < 6:  # a time, a hardware address
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or address)
    return str(address)
