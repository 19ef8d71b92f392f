"""From where a capture was taken, in as few words as the title of a pane has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.triage import Triage

PLACES = {
    "client": "the client",
    "server": "the server",
    "both": "a proxy",
    "middle": "a host in between",
    "unknown": "an unknown place",
}


def seen_from(triages: Sequence[Triage]) -> str:
    """`seen from the server`; of several captures each different place once."""
    places = dict.fromkeys(PLACES[triage.verdicts.vantage.place] for triage in triages)
    seen = tr("seen from {places}", places=", ".join(map(tr, places)))
    return tr("{said} (? tells)", said=seen) if PLACES["unknown"] in places else seen
