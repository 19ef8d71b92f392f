"""What is configured beside nginx: the waits of other proxies, settings of other servers, the rules of a firewall."""

from __future__ import annotations

from typing import Literal

import msgspec


class ProxyWait(msgspec.Struct, frozen=True):
    """How long a proxy waits. `kind`: connect, server (for an answer), client, request (to be complete), queue, idle,
    tunnel; `seconds` None: without end, or unknown; `written` as it is in `file` at `line` (empty and 0: the
    program's default); `place` the section, route or cluster that it applies to."""

    kind: str
    seconds: float | None
    written: str
    file: str
    line: int
    place: str = ""


class ProxyConfig(msgspec.Struct, frozen=True):
    """The waits of haproxy, apache or envoy; `missing` those that should be there and have no default, in words."""

    program: str
    path: str
    waits: tuple[ProxyWait, ...]
    missing: tuple[str, ...] = ()


class ServiceSetting(msgspec.Struct, frozen=True):
    """A setting of postgres, mysql, redis or php-fpm: `written` as it is in `file` at `line`; 0 where it is the
    default, and `file` where it would go. `place` is the pool or group it is in, `pid` the server's where that is
    known."""

    service: str
    name: str
    written: str
    file: str
    line: int
    place: str = ""
    pid: int | None = None


class FirewallRule(msgspec.Struct, frozen=True):
    """A rule that drops or rejects, in nft's or iptables' words. `packets` None where it has no counter; `handle` 0
    where it is a policy. `delete` and `restore` are commands for a shell."""

    table: str
    chain: str
    handle: int
    text: str
    verdict: Literal["drop", "reject"]
    packets: int | None = None
    delete: str = ""
    restore: str = ""
