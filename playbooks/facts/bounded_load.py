"""A bounded load on one URL: a few connections at a time for a few seconds, and what it leaves behind here."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from capture.model import TcpState
from capture.sockets.snapshot import Snapshot
from capture.sockets.socket_watch import Watcher
from capture.sockets.sources.socket_errors import SourceUnavailable
from playbooks.facts.facts import Absence
from playbooks.facts.measured_facts import LoadRun, Timing
from playbooks.facts.percentiles import percentiles
from playbooks.facts.request_times import timed
from playbooks.language import tr

WORKERS = 8
SECONDS = 4.0
MOST_REQUESTS = 2000
SETTLE_S = 2.2


def _close_wait(look: Snapshot) -> set[str]:
    return {row.cookie for row in look.rows if row.state is TcpState.CLOSE_WAIT}


def collect_load(url: str | None) -> LoadRun | Absence:
    """GETs by WORKERS at a time for SECONDS. Only a URL that a person named is ever asked."""
    if url is None:
        return Absence("not_given", tr("no URL was named: --set url=http://… puts a bounded load on one"))
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    except ValueError as error:
        return Absence("unreadable", f"{url}: {error}")
    host = parts.hostname
    if not host:
        return Absence("unreadable", tr("{url}: has no host", url=url))
    try:
        with Watcher() as watcher:
            look = watcher.look()
            # A connection from before the load that its peer closes meanwhile is not what the load left behind.
            known = {row.cookie for row in look.rows}
            before = _close_wait(look)
            began = time.monotonic()

            def work(_: int) -> list[Timing]:
                mine: list[Timing] = []
                while time.monotonic() - began < SECONDS and len(mine) < MOST_REQUESTS // WORKERS:
                    mine.append(timed(parts, host, port, 3.0)[0])
                return mine

            with ThreadPoolExecutor(WORKERS) as pool:
                runs = [one for mine in pool.map(work, range(WORKERS)) for one in mine]
            took = time.monotonic() - began
            time.sleep(SETTLE_S)
            look = watcher.look()
    except SourceUnavailable as error:
        return Absence("unreadable", str(error))
    return LoadRun(
        url=url,
        workers=WORKERS,
        seconds=took,
        requests=len(runs),
        errors=dict(Counter(one.error for one in runs if one.error).most_common()),
        status=dict(Counter(str(one.status) for one in runs if one.status is not None).most_common()),
        total=percentiles([one.total for one in runs if not one.error]),
        close_wait_before=len(before),
        close_wait_after=len(before) + len(_close_wait(look) - known),
        counters=dict(look.counters),
    )
