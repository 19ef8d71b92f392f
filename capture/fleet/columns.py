"""Connections as Arrow columns: those of the JSON lines (capture.report.json_lines), nested names joined by `_`.

Built from columns, not from lines: three times as fast, and without a text of each connection in memory. What the
connections of a template share is made once. tests/capture/fleet holds each value against the JSON line's.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from capture.model import COUNT_NAMES, Side
from capture.report.document import seconds
from capture.verdicts import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from capture.triage import Triage
    from capture.verdicts.rules.verdict_template import Template
    from capture.wire.column_types import I64, Bool

SIDES = (Side.ORIGINATOR.value, Side.RESPONDER.value)
CALLS = ("connect", "read", "write")
_EVIDENCE = pa.struct([("packet", pa.int64()), ("text", pa.string())])


def _fields() -> Iterable[tuple[str, Any]]:
    yield from (("id", pa.int64()), ("capture", pa.string()))
    for side in SIDES:
        yield from ((f"{side}_ip", pa.string()), (f"{side}_port", pa.int32()))
    yield from (("vlan", pa.string()), ("tunnel", pa.string()))
    yield from (("chain_front", pa.int64()), ("chain_back", pa.int64()))
    yield from (("chain_proxy", pa.string()), ("chain_certainty", pa.string()), ("same_as", pa.int64()))
    yield from (("first_time", pa.string()), ("last_time", pa.string()))
    for name in ("packets", "bytes", "unique_bytes"):
        yield from ((f"{name}_{side}", pa.int64()) for side in SIDES)
    yield from (("conn_state", pa.string()), ("history", pa.string()), ("complete_handshake", pa.bool_()))
    for name in ("first_fin", "first_rst"):
        yield from ((f"{name}_by", pa.string()), (f"{name}_packet", pa.int64()))
    for side in SIDES:
        yield from ((f"counts_{side}_{name}", pa.int64()) for name in COUNT_NAMES)
    yield from (("rtt_ms", pa.float64()), ("longest_gap_ms", pa.float64()))
    yield from ((name, pa.string()) for name in ("closed_first", "ended_by", "reset_by", "cause", "certainty"))
    yield from (("alternatives", pa.list_(pa.string())), ("decide_by", pa.string()), ("sentence", pa.string()))
    yield ("evidence", pa.list_(_EVIDENCE))
    for side in SIDES:
        yield from ((f"errors_{side}_{call}", pa.string()) for call in CALLS)
    yield ("playbook", pa.string())


ROWS = pa.schema(list(_fields()))
"""One row a connection. Times are epoch seconds as text, with nine decimals, as in the JSON lines."""


BADNESS = "tcptriage.badness"
"""What the metadata of a part calls how bad each row's end is: for "worst first" on the screen, and no column, since
the JSON lines have none."""


def packed_badness(badness: I64) -> bytes:
    """As the metadata holds it: text."""
    return base64.b85encode(zlib.compress(badness.astype("<i4").tobytes()))


def unpacked_badness(packed: bytes) -> I64:
    """Of a part's rows, by id. Raises ValueError, zlib.error where it is damaged."""
    return np.frombuffer(zlib.decompress(base64.b85decode(packed)), "<i4").astype(np.int64)


def rows_of(triage: Triage, name: str, chosen: I64) -> pa.Table:
    """The rows of some connections of a capture called `name`, in that order; their `id` is theirs in the capture."""
    columns = {"id": chosen, "capture": _same(name, len(chosen))}
    columns |= _addresses(triage, chosen) | _relations(triage, chosen) | _numbers(triage, chosen)
    columns |= _verdicts(triage, chosen)
    arrays = [
        column if isinstance(column, (pa.Array, pa.ChunkedArray)) else pa.array(column, field.type)
        for field, column in ((field, columns[field.name]) for field in ROWS)
    ]
    return pa.Table.from_arrays(
        [array.cast(field.type) for array, field in zip(arrays, ROWS, strict=True)], schema=ROWS
    )


def _same(text: str | None, count: int) -> pa.Array:
    return pa.array([text], pa.string()).take(pa.array(np.zeros(count, np.int32)))


def _of_few(texts: Sequence[str | None], which: Any) -> pa.Array:
    """A text for each row, of few distinct ones."""
    return pa.array(list(texts), pa.string()).take(pa.array(np.asarray(which, np.int32)))


def _addresses(triage: Triage, chosen: I64) -> dict[str, Any]:
    flows = triage.decoded.flows
    found: dict[str, Any] = {}
    for at, side in enumerate(SIDES):
        keys, which = np.unique(flows.address[chosen, at], return_inverse=True)
        found[f"{side}_ip"] = _of_few([flows.addresses.text(key) for key in keys.tolist()], which)
        found[f"{side}_port"] = flows.port[chosen, at].astype(np.int32)
    scopes = flows.scopes.scopes
    scope_of = flows.scope[chosen]
    found["vlan"] = _of_few([scope.vlan for scope in scopes], scope_of)
    found["tunnel"] = _of_few([scope.tunnel for scope in scopes], scope_of)
    return found


def _relations(triage: Triage, chosen: I64) -> dict[str, Any]:
    relations = triage.verdicts.relations
    ids = chosen.tolist()
    chains = [triage.chain(i) for i in ids] if relations.chains else [None] * len(ids)
    return {
        "chain_front": pa.array([chain.front if chain else None for chain in chains], pa.int64()),
        "chain_back": pa.array([chain.back if chain else None for chain in chains], pa.int64()),
        "chain_proxy": pa.array([chain.proxy if chain else None for chain in chains], pa.string()),
        "chain_certainty": pa.array([chain.certainty.value if chain else None for chain in chains], pa.string()),
        "same_as": pa.array([relations.same_as.get(i) for i in ids], pa.int64()),
    }


def _numbers(triage: Triage, chosen: I64) -> dict[str, Any]:
    flows = triage.decoded.flows
    found: dict[str, Any] = {
        "first_time": _seconds(flows.lowest_time[chosen]),
        "last_time": _seconds(flows.highest_time[chosen]),
        "conn_state": _of_few(flows.conn_state.texts, flows.conn_state.of[chosen]),
        "history": _of_few(flows.history.texts, flows.history.of[chosen]),
        "complete_handshake": flows.complete_handshake[chosen],
        "rtt_ms": _milliseconds(flows.rtt_ns[chosen]),
        "longest_gap_ms": _milliseconds(flows.longest_gap_ns[chosen]),
    }
    for at, side in enumerate(SIDES):
        found[f"packets_{side}"] = flows.packet_count[chosen, at]
        found[f"bytes_{side}"] = flows.bytes[chosen, at]
        found[f"unique_bytes_{side}"] = flows.unique_bytes[chosen, at]
        found |= {f"counts_{side}_{name}": flows.counts[name][chosen, at].astype(np.int64) for name in COUNT_NAMES}
    for name, packed in (("first_fin", flows.first_fin[chosen]), ("first_rst", flows.first_rst[chosen])):
        absent: Bool = packed == 0
        found[f"{name}_by"] = _of_few([*SIDES, None], np.where(absent, 2, packed & 1))
        found[f"{name}_packet"] = pa.array(packed >> 1, pa.int64(), mask=absent)
    return found


def _seconds(nanoseconds: I64) -> list[str]:
    """Epoch seconds with nine decimals."""
    if len(nanoseconds) and nanoseconds.min() < 0:  # before 1970: rare, and not worth a fast way
        return [str(seconds(time)) for time in nanoseconds.tolist()]
    whole, rest = np.divmod(nanoseconds, 1_000_000_000)
    return [f"{second}.{nano:09d}" for second, nano in zip(whole.tolist(), rest.tolist(), strict=True)]


def _milliseconds(nanoseconds: I64) -> pa.Array:
    return pa.array(nanoseconds / 1e6, pa.float64(), mask=nanoseconds < 0)


def _verdicts(triage: Triage, chosen: I64) -> dict[str, Any]:
    templates, which = triage.verdicts.templates, triage.verdicts.template_of[chosen]
    diagnoses = [template.diagnosis for template in templates]
    infos = [catalogue.causes()[diagnosis.cause] for diagnosis in diagnoses]
    found: dict[str, Any] = {
        "closed_first": _of_few([_value(template.closed_first) for template in templates], which),
        "ended_by": _of_few([_value(template.ended_by) for template in templates], which),
        "reset_by": _of_few([_value(template.reset_by) for template in templates], which),
        "cause": _of_few([diagnosis.cause for diagnosis in diagnoses], which),
        "certainty": _of_few([_value(diagnosis.certainty) for diagnosis in diagnoses], which),
        "alternatives": pa.array([list(d.alternatives) for d in diagnoses], pa.list_(pa.string())).take(
            pa.array(which)
        ),
        "decide_by": _of_few([info.decide_by for info in infos], which),
        "playbook": _of_few([info.playbook for info in infos], which),
    }
    for at, side in enumerate(SIDES):
        for call in CALLS:
            errors = [getattr(template.calls[at], call) for template in templates]
            found[f"errors_{side}_{call}"] = _of_few(errors, which)
    found["sentence"], found["evidence"] = _worded(triage, chosen, templates, which)
    return found


def _value(token: Any) -> str | None:
    return None if token is None else str(token)


def _worded(triage: Triage, chosen: I64, templates: Sequence[Template], which: Any) -> tuple[Any, Any]:
    """Sentences, and the packets of the evidence with what each proves; a template's connections at once."""
    sizes = np.array([len(template.diagnosis.proofs) for template in templates] or [0], np.int64)[which]
    begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    packet, proof = np.zeros(begins[-1], np.int64), np.zeros(begins[-1], np.int32)
    proofs: list[str] = []
    sentences: list[str] = [""] * len(chosen)
    for _, places, wording in triage.verdicts.worded(chosen):
        for at, (numbers, text) in enumerate(zip(wording.packets, wording.proofs, strict=True)):
            packet[begins[places] + at], proof[begins[places] + at] = numbers, len(proofs)
            proofs.append(text)
        for place, sentence in zip(places.tolist(), wording.sentences(len(places)), strict=True):
            sentences[place] = sentence
    evidence = pa.StructArray.from_arrays([pa.array(packet), _of_few(proofs or [None], proof)], fields=list(_EVIDENCE))
    return sentences, pa.ListArray.from_arrays(pa.array(begins.astype(np.int32)), evidence)
