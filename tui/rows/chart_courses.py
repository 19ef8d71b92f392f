"""What the charts of the live connections draw: states, resets, retransmissions, overflows, calls that failed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tui.text.area_charts import Course
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Collection

    from tui.rows.live_look import History

SPAN_S = 300.0
TROUBLE = ("CLOSE-WAIT", "FIN-WAIT-2", "SYN-SENT", "SYN-RECV", "LAST-ACK", "FIN-WAIT-1", "CLOSING")
"""States that tell of trouble where they pile up: shown once a socket has been in one."""


def courses(history: History) -> list[Course]:
    """Rates first, then the states that occurred, most telling first. The last SPAN_S seconds."""
    rates = (
        (tr("resets"), history.resets),
        (tr("retransmits"), history.retransmits),
        (tr("listen overflows"), history.overflows),
    )
    found = [Course(name, "/s", _points(history, values)) for name, values in rates]
    if history.kernel.limits is not None:
        found.append(Course(tr("calls that failed"), "/s", _failed(history)))
    states = [state for state in ("ESTAB", *TROUBLE, "TIME-WAIT") if any(history.states.get(state, ()))]
    found += [Course(state, "", _points(history, history.states[state])) for state in states]
    return found


def _points(history: History, values: Collection[float]) -> list[tuple[float, float]]:
    """Values with the times of their looks: the newest of both belong together."""
    times, numbers = list(history.times), list(values)
    known = min(len(times), len(numbers))
    pairs = zip(times[len(times) - known :], numbers[len(numbers) - known :], strict=True)
    begin = times[-1] - SPAN_S if times else 0.0
    return [(time, float(number)) for time, number in pairs if time > begin]


def _failed(history: History) -> list[tuple[float, float]]:
    """Failed calls of each second that was listened to."""
    counts: Counter[int] = Counter()
    for event in history.kernel.events.copy():
        if event.kind == "call_failed":
            counts[int(event.time)] += event.count
    times = list(history.times)
    if not times:
        return []
    begin = int(max(times[0], times[-1] - SPAN_S))
    return [(float(second), float(counts[second])) for second in range(begin, int(times[-1]) + 1)]
