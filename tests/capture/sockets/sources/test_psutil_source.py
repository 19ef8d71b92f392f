from __future__ import annotations

from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.making import maker, ss
from tests.capture.sockets.network import in_own_network


@in_own_network
def test_psutil_shows_the_same_sockets_states_and_owners_as_ss() -> None:
    with maker(100) as made:
        made.tell("half-close 20")
        made.tell("cycle 10")
        watcher = Watcher("psutil")
        for _ in range(2):
            snapshot = watcher.look()
            mine = sorted(
                (str(row.local), row.state.value, sorted((owner.pid, owner.fd) for owner in row.owners))
                for row in snapshot.rows
            )
            assert mine == sorted((one.local, one.state, sorted(one.owners)) for one in ss().values())
            made.tell("churn 10")
        waiting = {row.state.value: row.owner_missing for row in snapshot.rows if not row.owners}
        assert waiting == {"TIME-WAIT": "time-wait", "FIN-WAIT-2": "not found"}
        assert snapshot.source == "psutil"
        assert snapshot.limits[0].startswith("psutil has no queues")
        assert str(made.pid) in {group.key for group in snapshot.groups.processes}
