"""Rules of this machine that drop or reject, in nft's words. Read with `nft -a list ruleset`; needs root and nft."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Literal

from playbooks.facts.model import Absence, FirewallRule

SECONDS = 5
MOST_RULES = 500
_TABLE = re.compile(r"^table (\S+ \S+) \{")
_CHAIN = re.compile(r"^\tchain (\S+) \{")
_POLICY = re.compile(r"policy drop;")
_RULE = re.compile(r"^\t\t(.*\b(drop|reject)\b.*?)(?: # handle (\d+))?$")
_PACKETS = re.compile(r"counter packets (\d+)")


def collect_firewall() -> tuple[FirewallRule, ...] | Absence:
    """Rules that drop or reject, with handles. Absent where nft is not installed or may not be run."""
    nft = shutil.which("nft") or shutil.which("nft", path="/usr/sbin:/sbin")
    if nft is None:
        return Absence("unreadable", "nft is not installed: firewall rules of this machine are unknown")
    try:
        done = subprocess.run(
            [nft, "-a", "list", "ruleset"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Absence("unreadable", f"nft could not be run: {error}")
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        return Absence("unreadable", f"nft list ruleset: {said}: firewall rules are unknown (run with sudo)")
    return parse_ruleset(done.stdout)


def parse_ruleset(text: str) -> tuple[FirewallRule, ...]:
    """Rules and policies that drop or reject. A chain's policy has handle 0."""
    found: list[FirewallRule] = []
    table = chain = ""
    for line in text.splitlines():
        if (match := _TABLE.match(line)) is not None:
            table = match[1]
        elif (match := _CHAIN.match(line)) is not None:
            chain = match[1]
        elif "type filter hook" in line:
            if _POLICY.search(line):
                found.append(FirewallRule(table, chain, 0, "policy drop", "drop"))
        elif (match := _RULE.match(line)) is not None:
            verdict: Literal["drop", "reject"] = "drop" if match[2] == "drop" else "reject"
            packets = _PACKETS.search(match[1])
            found.append(
                FirewallRule(
                    table,
                    chain,
                    int(match[3] or 0),
                    match[1].strip()[:300],
                    verdict,
                    int(packets[1]) if packets else None,
                )
            )
        if len(found) >= MOST_RULES:
            break
    return tuple(found)
