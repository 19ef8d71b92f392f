"""Hold all that is said of the connections in a directory of captures to the tests' oracle, a plain engine.

usage: python -m tests.bench.hold_oracle DIR [--verbose] [--mutated SEEDS]

Captures that the oracle does not read (tunnels, odd link types, packed files) are left out, as are connections of
fragments. With --mutated, as many captures of harmed traffic are generated and held as well.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from capture.wire.capture_errors import CaptureUnreadable
from tests.oracle.held_segments import NotForTheOracle, differences
from tests.oracle.traffic import mutated_traffic

SHARES = (0.02, 0.1, 0.4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--mutated", type=int, default=0, metavar="SEEDS")
    args = parser.parse_args()
    files = connections = different = unread = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = sorted(path for path in args.directory.rglob("*") if path.is_file())
        for seed in range(args.mutated):
            for share in SHARES:
                name = Path(folder, f"{seed}-{share}.pcap")
                paths.append(Path(mutated_traffic(seed, 100, share).write(name)))
        for path in paths:
            try:
                compared, found = differences(str(path))
            except CaptureUnreadable:
                continue
            except NotForTheOracle:
                unread += 1
                continue
            files, connections = files + 1, connections + compared
            different += len({line.split(":")[0] for line in found})
            if found and args.verbose:
                print(path, *found, sep="\n  ")
    equal = connections - different
    print(f"{equal} of {connections} connections equal in {files} captures; {unread} captures not for the oracle")


if __name__ == "__main__":
    main()
