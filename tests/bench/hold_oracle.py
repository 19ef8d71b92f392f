"""Hold every count of a directory of captures to the tests' oracle, a plain dpkt loop.

usage: python -m tests.bench.hold_oracle DIR [--verbose]

Captures that the oracle does not read (pcapng, other link types) are left out, and so are 4-tuples with tunnels, VLANs,
fragments or second sights in them: there the oracle is too plain.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from capture.decode import decode
from capture.flows.table import Tag
from capture.wire.errors import CaptureUnreadable
from tests.capture.flows import oracle
from tests.capture.flows.test_counts import NAMES, counted


def plain_ends(path: str) -> set[oracle.End]:
    """Ends of connections with a second sight or a scope: not for the oracle."""
    left_out: set[oracle.End] = set()
    flows = decode([path])[0].flows
    for i in range(len(flows)):
        rows = slice(int(flows.first[i]), int(flows.first[i + 1]))
        if flows.scope[i] or (flows.packets.tags[rows] & Tag.SECOND_SIGHT).any():
            left_out |= {(flows.addresses.text(int(flows.address[i, s])), int(flows.port[i, s])) for s in (0, 1)}
    return left_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    files = directions = equal = unread = 0
    for path in sorted(p for p in args.directory.rglob("*") if p.is_file()):
        try:
            wanted = oracle.counts(oracle.segments(str(path)))
            got = counted(decode([str(path)])[0])
        except CaptureUnreadable:
            continue
        except Exception:  # the oracle is plain: whatever it stumbles on is not for it
            unread += 1
            continue
        left_out = plain_ends(str(path))
        files += 1
        for direction, want in wanted.items():
            if left_out.intersection(direction):
                continue
            directions += 1
            differ = [name for name in NAMES if want.get(name, 0) != got[direction][name]]
            equal += not differ
            if differ and args.verbose:
                print(path, direction, {name: (want.get(name, 0), got[direction][name]) for name in differ})
    print(f"{equal} of {directions} directions equal in {files} captures; {unread} not for the oracle")


if __name__ == "__main__":
    main()
