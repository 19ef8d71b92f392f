"""Containers and pods by the names that people gave them, from the engines' own files."""

from __future__ import annotations

from pathlib import Path

from capture.sockets.sources.namespaces import container_of

ID, UID = "3f" * 32, "0f3e1c2d-4b5a-6978-8796-a5b4c3d2e1f0"


def write(root: Path, path: str, text: str) -> str:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(root)


def test_docker_s_name(tmp_path: Path) -> None:
    cgroup = f"0::/system.slice/docker-{ID}.scope\n"
    assert container_of(cgroup, str(tmp_path / "none")) == "docker 3f3f3f3f3f3f"
    root = write(tmp_path, f"var/lib/docker/containers/{ID}/config.v2.json", '{"Name":"/web","State":{}}')
    assert container_of(cgroup, root) == "docker web"


def test_podman_s_name(tmp_path: Path) -> None:
    listed = f'[{{"id":"{"00" * 32}","names":["other"]}},{{"id":"{ID}","names":["shop-db"],"layer":"x"}}]'
    root = write(tmp_path, "var/lib/containers/storage/overlay-containers/containers.json", listed)
    assert container_of(f"0::/machine.slice/libpod-{ID}.scope/container\n", root) == "podman shop-db"


def test_a_pod_s_name_whatever_the_engine_and_the_driver(tmp_path: Path) -> None:
    (tmp_path / f"var/log/pods/shop_cart-7d9f_{UID}/app").mkdir(parents=True)
    under = UID.replace("-", "_")
    for cgroup in (
        f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{under}.slice/cri-containerd-{ID}.scope\n",
        f"12:pids:/kubepods/besteffort/pod{UID}/{ID}\n",
    ):
        assert container_of(cgroup, str(tmp_path)) == "pod shop/cart-7d9f"


def test_files_that_are_damaged_tell_no_name(tmp_path: Path) -> None:
    root = write(tmp_path, f"var/lib/docker/containers/{ID}/config.v2.json", '{"Name": 7')
    assert container_of(f"12:pids:/docker/{ID}\n", root) == "docker 3f3f3f3f3f3f"
