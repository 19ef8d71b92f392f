"""The bundle, used where people will use it: a host with a shell and no libraries at all, and an older Debian.

Without network, as an unprivileged user, the home and the bundle read-only. As root, with unshare, chroot and tmux;
that for another machine than this one by qemu (user mode), where the kernel knows of it (binfmt_misc).
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from release.wheels import Unfit

OLDER = "bullseye"
NEEDED = ("unshare", "chroot", "tmux")
ROW = re.compile(
    r"10\.1\.[0-9.]+(:[0-9]+)? +10\.1\.[0-9.]+:[0-9]+"
)  # of the table: a client, or its group, and its server


def cannot_run(machine: str) -> str | None:
    """Why programs of that machine do not run here."""
    if machine == platform.machine():
        return None
    known = Path(f"/proc/sys/fs/binfmt_misc/qemu-{machine}")
    if known.exists() and re.search(r"^flags: .*F", known.read_text(), re.MULTILINE):
        return None  # F: the kernel holds the emulator, which a chroot does not have
    return "it could not be tried; apt-get install qemu-user-static binfmt-support"


def check(packed: Path, machine: str, work: Path, expected: str | None, say: Callable[[str], None]) -> None:
    """Raises Unfit. `expected`: the report of the example as the wheel gave it."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() or missing:
        raise Unfit(f"the bundle was not tried: that takes root and {', '.join(missing) or 'a chroot'}")
    native = machine == platform.machine()
    hosts = [("a host with nothing but busybox", _nothing), *([(f"Debian {OLDER}", _older)] if native else [])]
    for name, lay in hosts:
        host = work / f"host-{machine}-{name.split()[-1]}"
        host.mkdir()
        if not lay(host):
            say(f"not tried on {name}: not to be had here")
            continue
        say(f"the bundle on {name}" + ("" if native else ", by qemu"))
        (host / "opt").mkdir(exist_ok=True)
        subprocess.run(["tar", "-C", str(host / "opt"), "-xJf", str(packed)], check=True)
        (folder,) = (host / "opt").iterdir()
        _try(host, f"/opt/{folder.name}", expected)
        if native:
            _try_recorder(host, f"/opt/{folder.name}/tcptriage")
        else:
            say("not tried by qemu, which knows no packet sockets: watch")


def _nothing(host: Path) -> bool:
    """/bin/busybox and its links: no C library, no /usr."""
    folder = host.parent / f"{host.name}-busybox"
    folder.mkdir()
    folder.chmod(0o777)
    if subprocess.run(["apt-get", "download", "-q", "busybox-static"], cwd=folder, capture_output=True).returncode:
        return False
    subprocess.run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder)], check=True)
    (host / "bin").mkdir()
    shutil.copy(next(folder.glob("bin/busybox")), host / "bin" / "busybox")
    for name in ("sh", "readlink", "dirname"):
        (host / "bin" / name).symlink_to("busybox")
    return True


def _older(host: Path) -> bool:
    if shutil.which("debootstrap") is None:
        return False
    return subprocess.run(["debootstrap", "--variant=minbase", OLDER, str(host)], capture_output=True).returncode == 0


def _inside(host: Path, script: str, user: str = "65534") -> list[str]:
    """A command that runs a shell script in there: own mounts and network, a home and a bundle that are read-only."""
    for name in ("proc", "dev", "tmp", "home/user", "opt"):
        (host / name).mkdir(parents=True, exist_ok=True)
    (host / "tmp").chmod(0o1777)
    mounts = f"""
      mount --make-rprivate / && cd {shlex.quote(str(host))} && mount -t proc proc proc && mount --rbind /dev dev
      for each in opt home/user; do mount --bind $each $each && mount -o remount,bind,ro $each; done
      exec env -i HOME=/home/user TERM=xterm-256color PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \\
        chroot --userspec={user}:{user} . /bin/sh -c "$1" """
    return ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-ec", mounts, "sh", script]


def _try(host: Path, bundle: str, expected: str | None) -> None:
    program, example = f"{bundle}/tcptriage", f"{bundle}/runtime/examples/incident.pcap"

    def run(words: str, allowed: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(_inside(host, f"{program} {words}"), capture_output=True, text=True, timeout=600)
        if done.returncode not in allowed or "Traceback" in done.stderr:
            raise Unfit(f"the bundle: {words}: {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
        return done.stdout

    report = run(f"report {example} --format json").replace(example, "incident.pcap")
    if '"cause":"client_gave_up"' not in report or (expected is not None and report != expected):
        raise Unfit("the bundle: the report of the example is not the one that the wheel gives")
    if not json.loads(run("check accept-queue --format json", (0, 1, 3)))["steps"]:
        raise Unfit("the bundle: check ran no step")
    if json.loads(run("sockets --format json"))["source"] not in ("sock_diag", "procfs"):
        raise Unfit("the bundle: no live sockets are read")
    run("explain 'write tcp 10.1.2.2:8000->10.1.2.1:41960: write: broken pipe'")
    _try_screen(host, f"{program} {example}")


def _try_recorder(host: Path, program: str) -> None:
    """As root: an incident's report is written by a child of a child, with the file system closed behind it."""
    out = host / "tmp" / "incidents"
    script = (
        f"{program} watch --out /tmp/incidents --before 1 --after 1 & sleep 5; kill -USR1 $!; sleep 9; kill $!; wait $!"
    )
    done = subprocess.run(_inside(host, script, user="0"), capture_output=True, text=True, timeout=120)
    reports = list(out.glob("incident-*/report.md"))
    if done.returncode or len(reports) != 1 or not reports[0].read_text().startswith("#"):
        raise Unfit(f"the bundle: watch wrote no incident: {done.returncode}: {done.stderr[-1500:]}")


def _try_screen(host: Path, command: str) -> None:
    """Open the example in a terminal of 80x24, see its table, leave by q with status 0."""
    ended = host / "tmp" / "ended"
    ended.unlink(missing_ok=True)
    tmux = ["tmux", "-L", f"release-{os.getpid()}", "-f", "/dev/null"]
    inside = shlex.join(_inside(host, f"{command}; echo $? >/tmp/ended"))
    subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "24", f"{inside}; sleep 60"], check=True)
    try:
        shown = ""
        for _ in range(600):
            shown = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True).stdout
            if ROW.search(shown):
                break
            time.sleep(0.5)
        else:
            raise Unfit(f"the bundle: no table of connections on the screen:\n{shown}")
        subprocess.run([*tmux, "send-keys", "q"], check=True)
        for _ in range(60):
            if ended.exists() and ended.read_text().strip():
                break
            time.sleep(0.5)
        if not ended.exists() or ended.read_text().strip() != "0":
            raise Unfit("the bundle: the screen did not end well on q")
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True)
