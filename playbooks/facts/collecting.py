"""Collects the parts of Facts that a playbook's checks ask for, each once; what is absent says why."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from capture.sockets.sources.namespaces import in_network_of
from playbooks.facts.facts import Absence, Facts
from playbooks.facts.host_abilities import collect_ability
from playbooks.facts.this_host import OF_THIS_MACHINE, own_netns, why_elsewhere
from playbooks.language import tr

if TYPE_CHECKING:
    from playbooks.facts.live_packets import Recording

Read = Callable[["Request"], Any]


class Request:
    """What was asked for, and what other parts found: nginx's configuration leads to its logs and upstreams."""

    def __init__(self, settings: Mapping[str, str], since: float | None) -> None:
        self.settings = settings
        self.since = since
        self._found: dict[str, Any] = {}
        self.recording: Recording | None = None
        self.elsewhere: str | None = None
        """Why nothing of this machine may be looked at; None where it may."""

    def number(self, key: str) -> int | None:
        """A setting that is a number."""
        return int(self.settings[key]) if key in self.settings else None

    def part(self, name: str) -> Any:
        """A part of Facts, or its Absence; collected when first asked for."""
        if name not in self._found:
            self._found[name] = self._collected(name)
        return self._found[name]

    def _collected(self, name: str) -> Any:
        if self.elsewhere is not None and self.of_this_machine(name):
            return Absence("elsewhere", self.elsewhere)
        try:
            return READERS[name](self)
        except OSError as error:
            return Absence("unreadable", f"{error.filename or name}: {error.strerror or error}")
        except Exception as error:  # a defect in collecting is not "nothing there", and takes no other part along
            return Absence(
                "unreadable",
                tr("{name} could not be collected: {error}", name=name, error=f"{type(error).__name__}: {error}"),
            )

    def of_this_machine(self, name: str) -> bool:
        """Whether a part would be read from this machine, and not from a file or an address that was named."""
        if name in ("nginx", "proxy_config"):
            return "config" not in self.settings
        if name in ("error_log", "access_log"):
            return "log" not in self.settings and "config" not in self.settings
        return name in OF_THIS_MACHINE


def collect(parts: Iterable[str], settings: Mapping[str, str], since: float | None = None) -> Facts:
    """Facts of this machine now. `since` (epoch seconds) leaves older log lines out."""
    request = Request(settings, since)
    began = time.time()
    wanted = [name for name in READERS if name in set(parts)]
    # A capture that was named says whose facts these are to be, also where no check of this playbook reads it.
    named = {
        name: request.part(name) for name in ("capture", "log") if name in settings and name in (*wanted, "capture")
    }
    request.elsewhere = why_elsewhere(settings, named.get("capture"), named.get("log"))
    if "traffic" in wanted and "capture" not in settings and request.elsewhere is None:
        # records while the others are collected
        from playbooks.facts.live_packets import Recording

        request.recording = in_network_of(request.number("pid"), Recording)
    found = {name: request.part(name) for name in wanted}
    absent = {name: part for name, part in found.items() if isinstance(part, Absence)}
    return Facts(
        host=socket.gethostname(),
        time=time.time(),
        root=os.geteuid() == 0,
        settings=dict(settings),
        absent=absent,
        began=began,
        netns=_netns(request.number("pid")),
        ability=collect_ability() if request.elsewhere is None else None,
        **{name: part for name, part in found.items() if name not in absent},
    )


def _netns(pid: int | None) -> str | None:
    try:
        return in_network_of(pid, own_netns)
    except OSError:  # the parts that are read in there are absent, and say why
        return None


# Each reader imports its module when it is asked: a playbook about sockets loads nothing for captures or nginx.


def _sockets(request: Request) -> Any:
    from playbooks.facts.socket_looks import collect_sockets

    return collect_sockets(request.number("pid"))


def _processes(request: Request) -> Any:
    from playbooks.facts.processes import collect_processes

    return collect_processes(request.number("pid"))


def _kernel(request: Request) -> Any:
    from playbooks.facts.kernel_settings import collect_kernel

    return in_network_of(request.number("pid"), collect_kernel)


def _log(request: Request) -> Any:
    from playbooks.facts.symptom_log import collect_log

    return collect_log(request.settings.get("log"), request.since)


def _capture(request: Request) -> Any:
    from playbooks.facts.captured import collect_capture

    return collect_capture(request.settings.get("capture"), request.settings.get("host"), request.number("port"))


def _traffic(request: Request) -> Any:
    if request.recording is None:
        return Absence("not_given", tr("a capture was named: that is looked at, not the packets of now"))
    return request.recording.judged(request.settings.get("host"), request.number("port"))


def _nginx(request: Request) -> Any:
    from playbooks.facts.nginx import collect_nginx

    return collect_nginx(request.settings.get("config"))


def _error_log(request: Request) -> Any:
    from playbooks.facts.error_log import collect_error_log

    return collect_error_log(request.settings.get("log"), request.part("nginx"), request.since)


def _access_log(request: Request) -> Any:
    from playbooks.facts.access_log import collect_access_log

    return collect_access_log(request.settings.get("log"), request.part("nginx"), request.since)


def _proxy_log(request: Request) -> Any:
    from playbooks.facts.proxy_log import collect_proxy_log

    return collect_proxy_log(request.settings.get("log"))


def _proxy_config(request: Request) -> Any:
    from playbooks.facts.proxy_config import collect_proxy_config

    log = request.part("proxy_log")
    return collect_proxy_config(request.settings.get("config"), getattr(log, "program", None))


def _url(request: Request) -> Any:
    from playbooks.facts.request_times import collect_timing

    return collect_timing(request.settings.get("url"))


def _load(request: Request) -> Any:
    from playbooks.facts.bounded_load import collect_load

    return collect_load(request.settings.get("url"))


def _probe(request: Request) -> Any:
    from playbooks.facts.connect_attempt import collect_probe

    return collect_probe(request.settings.get("host"), request.number("port"))


def _idle_peers(request: Request) -> Any:
    from playbooks.facts.idle_timeouts import collect_idle_peers

    return collect_idle_peers(request.settings.get("url"))


def _firewall(request: Request) -> Any:
    from playbooks.facts.firewall import collect_firewall

    return in_network_of(request.number("pid"), collect_firewall)


def _service_settings(request: Request) -> Any:
    from playbooks.facts.service_settings import collect_service_settings

    return collect_service_settings()


READERS: dict[str, Read] = {
    "load": _load,
    "url": _url,
    "idle_peers": _idle_peers,
    "probe": _probe,
    "sockets": _sockets,
    "processes": _processes,
    "kernel": _kernel,
    "nginx": _nginx,
    "error_log": _error_log,
    "access_log": _access_log,
    "proxy_log": _proxy_log,
    "proxy_config": _proxy_config,
    "log": _log,
    "capture": _capture,
    "firewall": _firewall,
    "service_settings": _service_settings,
    "traffic": _traffic,
}
"""In the order of collecting: what makes traffic comes before the look at what it left behind."""
