"""The names that people gave to containers and pods, from files that engines keep (root may read them).

docker: containers/ID/config.v2.json. podman: overlay-containers/containers.json. Kubernetes: kubelet's log folders are
called NAMESPACE_POD_UID, and the uid is in the control group's path.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

import msgspec

_POD_UID = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})")
_LARGEST = 4 << 20


class _Docker(msgspec.Struct):
    name: str = msgspec.field(name="Name", default="")


class _Podman(msgspec.Struct):
    id: str = ""
    names: list[str] = []


_docker = msgspec.json.Decoder(_Docker)
_podman = msgspec.json.Decoder(list[_Podman])


def pod_of(cgroup: str, root: str = "/") -> str | None:
    """`shop/cart-7d9f` of a /proc/PID/cgroup of a Kubernetes pod; None for what is none, or where its logs tell not."""
    found = _POD_UID.search(cgroup)
    return None if found is None else _pod_named(found[1].replace("_", "-"), root)


@lru_cache(maxsize=1024)
def _pod_named(uid: str, root: str) -> str | None:
    try:
        folders = os.listdir(Path(root, "var/log/pods"))
    except OSError:
        return None
    for folder in folders:
        if folder.endswith(f"_{uid}"):
            namespace, _, pod = folder[: -len(uid) - 1].partition("_")
            return f"{namespace}/{pod}"
    return None


@lru_cache(maxsize=1024)
def name_of(engine: str, container: str, root: str = "/") -> str | None:
    """The name of a container by its whole id; None where the engine's files do not tell, or may not be read."""
    try:
        if engine == "docker":
            path = Path(root, "var/lib/docker/containers", container, "config.v2.json")
            return _docker.decode(_read(path)).name.lstrip("/") or None
        if engine == "podman":
            path = Path(root, "var/lib/containers/storage/overlay-containers/containers.json")
            return next(
                (one.names[0] for one in _podman.decode(_read(path)) if one.id == container and one.names), None
            )
    except (OSError, msgspec.MsgspecError):
        pass
    return None


def _read(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_LARGEST)
