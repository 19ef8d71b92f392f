"""From when on sockets are a finding. Every number can be set; findings.toml says why each is what it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Counts of sockets, seconds in a state, shares of a limit (0 to 1).

    The defaults let ordinary business pass: a server that takes a second to close, a client that closes slowly, short
    bursts. They are low enough to see a leak while it is small.
    """

    close_wait_s: float = 4.0
    close_wait_sockets: int = 10
    close_wait_critical_s: float = 60.0
    fin_wait_2_s: float = 4.0
    fin_wait_2_sockets: int = 10
    fin_wait_2_spread: int = 50
    fin_wait_2_spread_s: float = 15.0
    ports_share: float = 0.7
    ports_critical_share: float = 0.95
    syn_recv_sockets: int = 16
    syn_recv_s: float = 0.5
    syn_recv_share: float = 0.75
    syn_queue_full: int = 50
    syn_sent_sockets: int = 3
    syn_sent_retransmissions: int = 2
    syn_sent_spread: int = 10
    accept_queue_share: float = 1.0
    accept_wait_s: float = 3.0
    accept_wait_many: int = 10
    accept_wait_critical_s: float = 30.0
    open_files_share: float = 0.8
    open_files_critical_share: float = 0.95
    open_files_smallest_limit: int = 16
    worker_connections_share: float = 0.8
    zero_window_s: float = 1.5
    zero_window_sockets: int = 3
    zero_window_many_s: float = 4.0
    zero_window_pause_s: float = 30.0
    reader_s: float = 10.0
    reader_sockets: int = 5
    reader_single_s: float = 60.0
    reader_bytes: int = 32768
    keepalive_probes: int = 3
    ports_bound_share: float = 0.8
    resets_a_second: float = 5.0
    resets_least: int = 10
    resets_share: float = 0.1
    softnet_drops: int = 100
    conntrack_drops: int = 10
    reader_drain_s: float = 30.0
    retransmissions: int = 3
    send_queue_s: float = 15.0

    def changed(self, settings: Iterable[str]) -> Thresholds:
        """These thresholds with some "name=value" set. Raises ValueError, one line, for what is no such setting."""
        known = {field.name: int if field.type == "int" else float for field in fields(self)}
        values: dict[str, float] = {}
        for setting in settings:
            name, _, text = setting.partition("=")
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise ValueError(f"there is no threshold {name!r}; {hint}")
            try:
                value = known[name](text)
            except ValueError:
                value = -1
            if not 0 <= value < 1e9:
                kind = "a whole number" if known[name] is int else "a number"
                raise ValueError(f"threshold {name}: {text!r} is not {kind} from 0 on")
            values[name] = value
        return replace(self, **values)  # type: ignore[arg-type]  # each value has its field's own type, checked above
