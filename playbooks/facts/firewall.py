"""Rules of this machine that drop or reject, read with `nft -a list ruleset` and iptables-legacy-save; needs root."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Literal

from playbooks.facts.config_facts import FirewallRule
from playbooks.facts.facts import Absence
from playbooks.language import tr

SECONDS = 5
MOST_RULES = 500
MOST_LINES = 100_000
_TABLE = re.compile(r"^table (\S+ \S+) \{")
_CHAIN = re.compile(r"^\t(?:chain )?((?<=chain )\S+|map \S+) \{")
"""Or a verdict map, whose elements are rules too."""
_POLICY = re.compile(r"policy drop;")
_RULE = re.compile(r"^\t\t(.*?)(?: # handle (\d+))?$")
_VERDICT = re.compile(r"\b(drop|reject|queue)\b")
"""A packet that is queued (NFQUEUE) is dropped where no program takes it."""
_HOOK = re.compile(r"^\t\ttype \w+ hook ")
_QUOTED = re.compile(r'"[^"]*"')
_SAVED = re.compile(r"\[(\d+):\d+\] -A (\S+) (.*)$")
_SAVED_POLICY = re.compile(r":(\S+) DROP ")
_TARGET = re.compile(r"(?:^| )-j (DROP|REJECT|NFQUEUE)\b")
_PACKETS = re.compile(r"counter packets (\d+)")


def collect_firewall() -> tuple[FirewallRule, ...] | Absence:
    """Rules that drop or reject: nft's (iptables-nft's among them) and those of iptables-legacy where that is in use.
    Absent where one of them could not be read: what is not seen may be what drops."""
    rules = _nft_rules()
    old: list[FirewallRule] = []
    for family, names in (("ip", "ip_tables_names"), ("ip6", "ip6_tables_names")):
        found = _legacy_rules(family, names)
        if isinstance(found, Absence):
            return found
        old += found
    if isinstance(rules, Absence):  # old ones that are at work are worth telling; none that is says nothing of nft's
        return tuple(old) if any(rule.packets != 0 for rule in old) else rules
    return (*rules, *old)


def _nft_rules() -> tuple[FirewallRule, ...] | Absence:
    nft = _tool("nft")
    if nft is None:
        return Absence("unreadable", tr("nft is not installed: firewall rules of this machine are unknown"))
    text = _output([nft, "-a", "list", "ruleset"])
    return text if isinstance(text, Absence) else parse_ruleset(text)


def _legacy_rules(family: str, names: str) -> tuple[FirewallRule, ...] | Absence:
    """Rules of iptables-legacy. Its tool is run only where the kernel has tables of it: it would load them."""
    try:
        tables = Path("/proc/thread-self/net", names).read_text(encoding="ascii").split()
    except (FileNotFoundError, PermissionError):  # no such tables; for an ordinary user nft has said it already
        return ()
    if not tables:
        return ()
    name = "iptables-legacy-save" if family == "ip" else "ip6tables-legacy-save"
    tool = _tool(name) or _tool(name.replace("-legacy", ""))
    if tool is None:
        return Absence(
            "unreadable",
            tr("tables of {kind} are in use, and {name} is not installed", kind=name.removesuffix("-save"), name=name),
        )
    text = _output([tool, "-c"])
    return text if isinstance(text, Absence) else parse_saved(text, family)


def _tool(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _output(argv: list[str]) -> str | Absence:
    command = " ".join([argv[0].rpartition("/")[2], *argv[1:]])
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Absence("unreadable", tr("{command}: could not be run: {error}", command=command, error=error))
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [tr("no reason given")])[0]
        return Absence(
            "unreadable",
            tr("{command}: {reason}: firewall rules are unknown (run with sudo)", command=command, reason=reason),
        )
    return done.stdout


def parse_saved(text: str, family: str = "ip") -> tuple[FirewallRule, ...]:
    """Rules and policies of `iptables-save -c` that drop or reject."""
    command = "iptables-legacy" if family == "ip" else "ip6tables-legacy"
    found: list[FirewallRule] = []
    table = ""
    places: Counter[str] = Counter()
    for line in text.splitlines()[:MOST_LINES]:
        if line.startswith("*"):
            table = line[1:].strip()
        elif (match := _SAVED_POLICY.match(line)) is not None:
            found.append(FirewallRule(f"{family} {table}", match[1], 0, "policy drop", "drop"))
        elif (match := _SAVED.match(line)) is not None:
            places[match[2]] += 1
            target = _TARGET.search(match[3])
            if target is None:
                continue
            verdict: Literal["drop", "reject"] = "reject" if target[1] == "REJECT" else "drop"
            chain, rest = match[2], match[3].strip()[:300]
            found.append(
                FirewallRule(
                    f"{family} {table}",
                    chain,
                    places[chain],
                    rest,
                    verdict,
                    int(match[1]),
                    delete=f"{command} -t {table} -D {chain} {rest}",
                    restore=f"{command} -t {table} -I {chain} {places[chain]} {rest}",
                )
            )
        if len(found) >= MOST_RULES:
            break
    return tuple(found)


def parse_ruleset(text: str) -> tuple[FirewallRule, ...]:
    """Rules, elements of verdict maps, and policies that drop or reject. A chain's policy has handle 0, and so have
    elements: no command takes just them out."""
    found: list[FirewallRule] = []
    table = chain = ""
    for line in text.splitlines():
        if (match := _TABLE.match(line)) is not None:
            table = match[1]
        elif (match := _CHAIN.match(line)) is not None:
            chain = match[1]
        elif _HOOK.match(line) is not None:
            if _POLICY.search(line):
                found.append(FirewallRule(table, chain, 0, "policy drop", "drop"))
        elif (match := _RULE.match(line)) is not None:
            verdict_found = _VERDICT.search(_QUOTED.sub("", match[1]))
            if verdict_found is None:
                continue
            verdict: Literal["drop", "reject"] = "reject" if verdict_found[1] == "reject" else "drop"
            packets = _PACKETS.search(match[1])
            rule, handle = match[1].strip()[:300], int(match[2] or 0)
            found.append(
                FirewallRule(
                    table,
                    chain,
                    handle,
                    rule,
                    verdict,
                    int(packets[1]) if packets else None,
                    delete=f"nft delete rule {table} {chain} handle {handle}" if handle else "",
                    restore=f"nft add rule {table} {chain} {shlex.quote(rule)}" if handle else "",
                )
            )
        if len(found) >= MOST_RULES:
            break
    return tuple(found)
