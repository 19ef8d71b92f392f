"""What checks know: plain, frozen, and written as JSON, so that each check runs in a test on recorded facts."""

from __future__ import annotations

from typing import Literal

import msgspec

from playbooks.facts.config_facts import FirewallRule, ProxyConfig, ServiceSetting
from playbooks.facts.log_facts import AccessLog, ErrorLog, ProxyLog, SymptomLog
from playbooks.facts.measured_facts import IdlePeer, LoadRun, Probe, UrlTimes
from playbooks.facts.nginx_facts import Nginx
from playbooks.facts.packet_facts import Captured, Traffic
from playbooks.facts.socket_facts import Processes, Sockets
from playbooks.scope import NOTHING, Scope, together


class Absence(msgspec.Struct, frozen=True):
    """Why a fact is missing. not_given: a person may name it (--set). not_here: this machine has none, so there is
    nothing to judge. elsewhere: a capture or log of another machine was named, beside which facts of this one have no
    place. unreadable: permission, a missing tool, a damaged file: the step is unknown."""

    kind: Literal["not_given", "not_here", "elsewhere", "unreadable"]
    why: str


class Ability(msgspec.Struct, frozen=True):
    """What whoever runs this could do here: effective capabilities (None: unknown), tools that are installed, whether
    systemd runs, whether kernel settings may not be written (a container)."""

    capabilities: int | None
    tools: tuple[str, ...]
    systemd: bool
    sysctl_read_only: bool


class Facts(msgspec.Struct, frozen=True):
    """Everything that was collected for one run of a playbook. A part is None where it was not asked for or is absent;
    `absent` says why, by the part's name. `began` and `time` are epoch seconds, before and after the collecting;
    `netns` the inode of the network namespace that was looked at."""

    host: str
    time: float
    root: bool
    settings: dict[str, str]
    absent: dict[str, Absence] = {}
    sockets: Sockets | None = None
    processes: Processes | None = None
    kernel: dict[str, str] | None = None
    nginx: Nginx | None = None
    error_log: ErrorLog | None = None
    access_log: AccessLog | None = None
    proxy_log: ProxyLog | None = None
    proxy_config: ProxyConfig | None = None
    log: SymptomLog | None = None
    capture: Captured | None = None
    traffic: Traffic | None = None
    url: UrlTimes | None = None
    load: LoadRun | None = None
    probe: Probe | None = None
    idle_peers: tuple[IdlePeer, ...] | None = None
    firewall: tuple[FirewallRule, ...] | None = None
    service_settings: tuple[ServiceSetting, ...] | None = None
    began: float | None = None
    netns: str | None = None
    ability: Ability | None = None
    """None where the facts are of another machine."""

    def scope(self, *parts: str) -> Scope:
        """What these parts were read from, those of them that are there or should be; all that is there for none."""
        return together(self._scope(part) for part in parts or PARTS)

    def _scope(self, part: str) -> Scope:
        absence = self.absent.get(part)
        if getattr(self, part) is None and (absence is None or absence.kind != "unreadable"):
            return NOTHING
        named = self.settings.get("log")
        if part == "capture":
            seen = self.capture
            if seen is None:
                return Scope(capture=self.settings.get("capture"))
            return Scope(self.host if seen.here else None, None, seen.path, None, seen.first_time, seen.last_time)
        if part == "log":
            if self.log is None:
                return Scope(log=named)
            log = self.log
            return Scope(self.host if log.here else None, None, None, log.path, log.first_time, log.last_time)
        if part in ("error_log", "access_log"):
            read = self.error_log if part == "error_log" else self.access_log
            paths = ", ".join(read.paths) if read is not None else named
            return Scope(self.host if named is None else None, log=paths)
        if part == "proxy_config":
            return Scope(self.host if "config" not in self.settings else None, begin=self.began, end=self.time)
        inside = self.sockets.netns if self.sockets is not None else None
        return Scope(self.host, self.netns or inside, begin=self.began, end=self.time)

    def number(self, key: str) -> int | None:
        """A setting that is a number, such as pid or port; None where it was not given."""
        value = self.settings.get(key)
        return None if value is None else int(value)

    def sysctl(self, name: str) -> int | None:
        """The first number of a kernel setting, such as net.core.somaxconn; None where it cannot be read."""
        words = (self.kernel or {}).get(name, "").split()
        return int(words[0]) if words and words[0].lstrip("-").isdigit() else None


_ABOUT = ("host", "time", "root", "settings", "absent", "began", "netns", "ability")
PARTS = tuple(name for name in Facts.__struct_fields__ if name not in _ABOUT)
"""What a check may need, by name."""
