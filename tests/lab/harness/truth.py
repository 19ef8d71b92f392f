"""What really happened on each connection, as the scenario and the system calls know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.lab.harness.peers import Address, Application, Call


@dataclass(frozen=True)
class Outcome:
    """The truth of one connection. `cause` is a mechanism of accept.toml; who and reset_by say client, server …"""

    id: str
    client: Address
    server: Address
    cause: str
    who: str | None
    ended_by: str
    reset_by: str | None
    calls: dict[str, list[Call]] = field(default_factory=dict)
    role: str = "subject"

    @classmethod
    def of(
        cls,
        id: str,
        client: Application | Address,
        server: Application | Address,
        cause: str,
        *,
        who: str | None,
        ended_by: str,
        reset_by: str | None = None,
        role: str = "subject",
    ) -> Outcome:
        """From the two applications; or an address, where the side is another program or nobody."""
        ends = [side.local if isinstance(side, Application) else side for side in (client, server)]
        calls = [side.calls if isinstance(side, Application) else [] for side in (client, server)]
        return cls(id, ends[0], ends[1], cause, who, ended_by, reset_by, {"client": calls[0], "server": calls[1]}, role)

    def first_error(self, side: str) -> Call | None:
        """The first call of that side that failed."""
        return next((call for call in self.calls.get(side, ()) if call.failed), None)

    def document(self, t0: float) -> dict[str, Any]:
        """As truth.json has it; times are seconds after t0."""
        sides = {f"{side}_side": self._side(side, t0) for side in ("client", "server")}
        return {
            "id": self.id,
            "role": self.role,
            "client": {"ip": self.client[0], "port": self.client[1]},
            "server": {"ip": self.server[0], "port": self.server[1]},
            **sides,
            "who_closed_first": self.who,
            "ended_by": self.ended_by,
            "rst_sent_by": self.reset_by,
            "cause": self.cause,
        }

    def _side(self, side: str, t0: float) -> dict[str, Any]:
        calls, first = self.calls.get(side, []), self.first_error(side)
        return {
            "syscalls": [{"t": round(call.at - t0, 6), "op": call.op, "result": call.result} for call in calls],
            "errors": [f"{call.op}:{call.result}" for call in calls if call.failed],
            "first_error": first.result if first else "none",
            "first_error_op": first.op if first else None,
        }
