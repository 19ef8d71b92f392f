"""The names that are known, each with where it is from: asked by what is shown, filled by workers."""

from __future__ import annotations

from capture.safe_text import printable

LONGEST = 60
MOST_UNITS = 4096
EPHEMERAL = 32_768
"""From here on ports are those of clients: /etc/services has names there that nobody means (IANA, Linux's range)."""


class NameBook:
    """Names of addresses, ports and processes. `version` grows with each name: what is drawn from it is drawn anew.

    A capture's own names come before this machine's, and these before the DNS's: the nearer to the packets, the truer.
    """

    def __init__(self) -> None:
        self.version = 0
        self._names: tuple[dict[str, str], dict[str, str], dict[str, str]] = ({}, {}, {})
        self._services: dict[int, str] = {}
        self._units: dict[int, str] = {}

    def __len__(self) -> int:
        return len({address for names in self._names for address in names})

    def read_system(self, root: str = "/") -> None:
        """/etc/hosts and /etc/services."""
        from capture.naming.system_files import hosts_names, service_names

        self._names[1].update(hosts_names(root))
        self._services = service_names(root)
        self.version += 1

    def learn_of_capture(self, names: dict[str, str]) -> None:
        """What a capture calls its addresses."""
        self._names[0].update(names)
        self.version += 1

    def learn_of_dns(self, names: dict[str, str]) -> None:
        """What name servers answered."""
        self._names[2].update(names)
        self.version += 1

    def of_address(self, ip: str) -> str:
        """The name of an address, safe to print; empty where none is known."""
        return printable(next((names[ip] for names in self._names if ip in names), ""), LONGEST)

    def of_port(self, port: int) -> str:
        """The service of a port; empty for clients' ports."""
        return printable(self._services.get(port, ""), 20) if port < EPHEMERAL else ""

    def of_process(self, pid: int) -> str:
        """The container or the unit of a process of this machine, as it was when first asked; empty where none."""
        if pid not in self._units:
            from capture.naming.unit_names import unit_of

            if len(self._units) >= MOST_UNITS:
                self._units.clear()
            self._units[pid] = printable(unit_of(pid), LONGEST)
        return self._units[pid]

    def beside(self, ip: str, port: int | None) -> str:
        """`db.internal:postgresql`, `db.internal`, `:postgresql`; empty where nothing is known."""
        service = self.of_port(port) if port is not None else ""
        return self.of_address(ip) + (f":{service}" if service else "")
