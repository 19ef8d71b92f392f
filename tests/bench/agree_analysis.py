"""Agreement of decoded captures with recorded tables of tshark (analysis counts) and Zeek (conn_state, history).

usage: python tests/bench/agree_analysis.py --corpus DIR [--verbose]

DIR holds captures/ and truth/{consensus,tshark_streams,zeek_conn}.tsv. Sums are taken per 4-tuple and direction, so
that a stream that we split differently still compares; Zeek's rows are compared where one row meets one connection.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections import Counter, defaultdict
from pathlib import Path

from capture.decode import DecodedCapture, decode
from capture.wire.capture_errors import CaptureUnreadable

BASIC = ("packets", "bytes", "syn", "fin", "rst")
ANALYSIS = (
    "retransmission",
    "fast_retransmission",
    "spurious_retransmission",
    "out_of_order",
    "duplicate_ack",
    "zero_window",
    "window_full",
    "keep_alive",
    "lost_segment",
)
Direction = tuple[tuple[str, int], tuple[str, int]]


def table(truth: Path, name: str) -> list[dict[str, str]]:
    path = truth / f"{name}.tsv"
    if path.exists():
        with path.open(newline="") as lines:
            return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    with gzip.open(f"{path}.gz", "rt", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def ours(decoded: DecodedCapture) -> dict[Direction, Counter[str]]:
    flows = decoded.flows
    found: dict[Direction, Counter[str]] = defaultdict(Counter)
    for i in range(len(flows)):
        ends = [(flows.addresses.text(int(flows.address[i, s])).lower(), int(flows.port[i, s])) for s in (0, 1)]
        for s in (0, 1):
            sums = found[ends[s], ends[1 - s]]
            sums["packets"] += int(flows.packet_count[i, s])
            sums["bytes"] += int(flows.bytes[i, s])
            for name, counts in flows.counts.items():
                sums[name] += int(counts[i, s])
    return found


def tshark(truth: Path) -> tuple[dict[str, dict[Direction, Counter[str]]], set[tuple[str, frozenset[object]]]]:
    disputed = {
        (row["file"], row["stream"])
        for row in table(truth, "consensus")
        if row["disputed_by"].strip() or not int(row["n_confirming"] or 0)
    }
    wanted: dict[str, dict[Direction, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    skipped: set[tuple[str, frozenset[object]]] = set()
    for row in table(truth, "tshark_streams"):
        a, b = (row["a_addr"].lower(), int(row["a_port"])), (row["b_addr"].lower(), int(row["b_port"]))
        if (row["file"], row["stream"]) in disputed:
            skipped.add((row["file"], frozenset([a, b])))
        for source, target, way in ((a, b, "ab"), (b, a, "ba")):
            sums = wanted[row["file"]][source, target]
            sums["packets"] += int(row[f"pkts_{way}"] or 0)
            sums["bytes"] += int(row[f"payload_{way}"] or 0)
            sums["syn"] += int(row[f"syn_{way}"] or 0) + int(row[f"synack_{way}"] or 0)
            for name in ("fin", "rst", *ANALYSIS):
                sums[name] += int(row[f"{name}_{way}"] or 0)
    return wanted, skipped


def compare_tshark(truth: Path, decoded: dict[str, DecodedCapture], verbose: bool) -> None:
    wanted, skipped = tshark(truth)
    asked = basic = analysis = missing = 0
    wrong: Counter[str] = Counter()
    cells = 0
    for file, directions in wanted.items():
        if file not in decoded:
            continue
        found = ours(decoded[file])
        for direction, want in directions.items():
            if (file, frozenset(direction)) in skipped or not any(want.values()):
                continue
            got = found.get(direction, Counter())
            asked += 1
            basic += all(got[name] == want[name] for name in BASIC)
            differ = [name for name in ANALYSIS if got[name] != want[name]]
            complete = got["packets"] == want["packets"] and got["bytes"] == want["bytes"]
            if not complete:
                missing += 1
                if verbose:
                    print(f"{file} {direction}: tshark {dict(want)}, here {dict(got)}")
                continue
            analysis += not differ
            cells += sum(1 for name in ANALYSIS if got[name] or want[name])
            wrong.update(differ)
            if verbose:
                for name in (*(n for n in BASIC if got[n] != want[n]), *differ):
                    print(f"{file} {direction}: {name} tshark {want[name]}, here {got[name]}")
    print(f"tshark, {asked} directions: packets, bytes, SYN, FIN, RST {basic / asked:.4f}")
    same = asked - missing
    print(f"  of {same} with the same packets: analysis {analysis / same:.4f}")
    print(
        f"  of {cells} counts that are not zero {1 - sum(wrong.values()) / cells:.4f} are equal; wrong: {dict(wrong)}"
    )


def compare_zeek(truth: Path, decoded: dict[str, DecodedCapture], verbose: bool) -> None:
    rows: dict[tuple[str, str], dict[frozenset[object], list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for row in table(truth, "zeek_conn"):
        if row["proto"] != "tcp" or row["file"] not in decoded or _filters(row):
            continue
        if not row["orig_p"]:
            continue
        a, b = (row["orig_h"].lower(), int(row["orig_p"])), (row["resp_h"].lower(), int(row["resp_p"]))
        rows[row["file"], row["test"] + row["baseline_file"]][frozenset([a, b])].append(row)
    asked: set[tuple[object, ...]] = set()
    state = history = 0
    for (file, _), tuples in rows.items():
        flows = decoded[file].flows
        by_ends: dict[frozenset[object], list[int]] = defaultdict(list)
        for i in range(len(flows)):
            ends = [(flows.addresses.text(int(flows.address[i, s])).lower(), int(flows.port[i, s])) for s in (0, 1)]
            by_ends[frozenset(ends)].append(i)
        for ends_of, zeek in tuples.items():
            mine = by_ends.get(ends_of, [])
            if len(mine) != len(zeek):
                if verbose:
                    print(f"{file}: zeek has {len(zeek)}, here {len(mine)} connections")
                continue
            for row, i in zip(zeek, mine, strict=True):
                mark = (file, i, row["conn_state"], row["history"])
                if mark in asked:
                    continue
                asked.add(mark)
                state += row["conn_state"] == flows.conn_state[i]
                history += row["history"] == flows.history[i]
                if verbose and (row["conn_state"], row["history"]) != (flows.conn_state[i], flows.history[i]):
                    print(
                        f"{file} {ends_of}: zeek {row['conn_state']} {row['history']}, here "
                        f"{flows.conn_state[i]} {flows.history[i]} "
                        f"(ignores checksums {row['ignores_checksums']}; {row['bpf_or_scripts'][:90]})"
                    )
    if asked:
        print(f"Zeek, {len(asked)} rows: conn_state {state / len(asked):.4f}, history {history / len(asked):.4f}")


def _filters(row: dict[str, str]) -> bool:
    words = row["bpf_or_scripts"]
    return " -f " in words or "filter" in words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    captures, truth = args.corpus / "captures", args.corpus / "truth"
    decoded: dict[str, DecodedCapture] = {}
    files = {row["file"] for name in ("tshark_streams", "zeek_conn") for row in table(truth, name)}
    for file in sorted(file for file in files if (captures / file).exists()):
        try:
            decoded[file] = decode([str(captures / file)])[0]
        except CaptureUnreadable as reason:
            print(f"unread: {reason}")
    compare_tshark(truth, decoded, args.verbose)
    compare_zeek(truth, decoded, args.verbose)


if __name__ == "__main__":
    main()
