"""Connections as JSON, one line each, written from columns: a hundred thousand in a second or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from capture.report.document import connection_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from capture.triage import Triage

BATCH = 2048  # connections written at once: bounds memory


def connection_lines(triage: Triage, chosen: Sequence[int]) -> Iterable[list[bytes]]:
    """Batches of JSON objects for the chosen connections, in the given order."""
    encode = msgspec.json.encode
    for start in range(0, len(chosen), BATCH):
        yield [encode(connection_document(triage.connection(i))) for i in chosen[start : start + BATCH]]
