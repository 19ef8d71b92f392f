"""Envoy's waits in a static configuration (YAML or JSON): routes' time-outs, clusters' connect and idle time-outs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbooks.facts.config_facts import ProxyWait

ROUTE_S, CONNECT_S, IDLE_S = 15.0, 5.0, 3600.0
"""What Envoy does where nothing is set (its documentation of route, cluster and HttpProtocolOptions, TcpProxy)."""
MOST_DEPTH = 60
_TIME = re.compile(r"(\d+(?:\.\d+)?)s")
_HTTP_MANAGER = frozenset(("route_config", "rds", "scoped_routes", "http_filters"))
"""What only a connection manager for HTTP has beside its stat_prefix."""
_CLUSTER_HAS = frozenset(
    ("load_assignment", "connect_timeout", "lb_policy", "hosts", "eds_cluster_config", "dns_lookup_family")
)
_TYPES = frozenset(("static", "strict_dns", "logical_dns", "eds", "original_dst"))
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def envoy_waits(path: str) -> tuple[list[ProxyWait], list[str]]:
    """(waits that apply, one for each route and cluster; nothing is ever missing). Raises OSError, ValueError."""
    waits: list[ProxyWait] = []
    for root in _documents(path):
        for node in _mappings(root, 0, set()):
            keys = _keys(node)
            if "match" in keys and "route" in keys and _is_mapping(keys["route"]):
                waits += _of_route(_keys(keys["route"]), path)
            elif "stat_prefix" in keys and "cluster" in keys and "route_config" not in keys:  # a TCP proxy
                place = f"TCP to {_text(keys['cluster'])}"
                waits.append(_wait("idle", keys.get("idle_timeout"), "idle_timeout 3600s", IDLE_S, path, place))
            elif "stat_prefix" in keys and not _HTTP_MANAGER.isdisjoint(keys):
                common = keys.get("common_http_protocol_options")
                idle = _keys(common).get("idle_timeout") if _is_mapping(common) else None
                place = f"HTTP listener {_text(keys['stat_prefix'])}"
                waits.append(_wait("idle", idle, "idle_timeout 3600s", IDLE_S, path, place))
            elif _is_cluster(keys):
                place = f"cluster {_text(keys['name'])}"
                connect, idle = keys.get("connect_timeout"), _within(node, "idle_timeout")
                waits.append(_wait("connect", connect, "connect_timeout 5s", CONNECT_S, path, place))
                waits.append(_wait("idle", idle, "idle_timeout 3600s", IDLE_S, path, place))
    return waits, []


def seconds(text: str) -> float | None:
    """A protobuf duration: 0.25s; None of what is none. 0s is no limit."""
    found = _TIME.fullmatch(text)
    return float(found[1]) or None if found else None


def _documents(path: str) -> list[Any]:
    import yaml

    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if text.lstrip().startswith(("{", "[")):
        text = text.replace("\t", "  ")  # JSON may be indented so, YAML may not; lines stay
    try:
        # nodes keep their lines; aliases are not multiplied
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error).replace("\n", " ")) from None


def _of_route(route: dict[str, Any], path: str) -> Iterator[ProxyWait]:
    """One wait for each cluster that a route may lead to."""
    timeout = route.get("timeout")
    for to in _targets(route):
        yield _wait("server", timeout, "timeout 15s", ROUTE_S, path, f"route to {to}")


def _targets(route: dict[str, Any]) -> list[str]:
    if "cluster" in route:
        return [_text(route["cluster"])]
    if "cluster_header" in route:
        return [f"header {_text(route['cluster_header'])}"]
    weighted = route.get("weighted_clusters")
    clusters = _keys(weighted).get("clusters") if _is_mapping(weighted) else None
    members = clusters.value if clusters is not None and not _is_text(clusters) else []
    return [_text(_keys(one)["name"]) for one in members if _is_mapping(one) and "name" in _keys(one)]


def _is_cluster(keys: dict[str, Any]) -> bool:
    if "name" not in keys or "filter_chains" in keys:
        return False
    return not _CLUSTER_HAS.isdisjoint(keys) or ("type" in keys and _text(keys["type"]).lower() in _TYPES)


def _wait(kind: str, value: Any, usual: str, default: float, path: str, place: str) -> ProxyWait:
    if value is None:
        return ProxyWait(kind, default, usual, "", 0, place)
    name, line = usual.split()[0], value.start_mark.line + 1
    if _is_text(value):
        return ProxyWait(kind, seconds(value.value), f"{name} {value.value}", path, line, place)
    fields = {key: _text(one) for key, one in _keys(value).items()} if _is_mapping(value) else {}
    whole, part = fields.get("seconds", "0"), fields.get("nanos", "0")
    if not (fields and whole.isdecimal() and part.isdecimal()):
        return ProxyWait(kind, None, name, path, line, place)
    length = int(whole) + int(part) / 1e9
    return ProxyWait(kind, length or None, f"{name} {length:g}s", path, line, place)


def _is_text(node: Any) -> bool:
    return isinstance(getattr(node, "value", None), str)


def _is_mapping(node: Any) -> bool:
    return getattr(node, "id", "") == "mapping"


def _text(node: Any) -> str:
    return str(node.value) if _is_text(node) else "?"


def _keys(node: Any, depth: int = 0) -> dict[str, Any]:
    """The values of a mapping by name, as protobuf's JSON (connectTimeout) or its text (connect_timeout) writes it;
    those of a mapping that it merges (<<) after its own."""
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not _is_text(key):
            continue
        if key.value == "<<" and depth < MOST_DEPTH:
            merged = [value] if _is_mapping(value) else value.value if not _is_text(value) else []
            for one in merged:
                found = (_keys(one, depth + 1) if _is_mapping(one) else {}) | found
        else:
            found[_CAPITAL.sub(lambda letter: f"_{letter[1].lower()}", key.value)] = value
    return found


def _mappings(node: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """All mappings of a document, each once."""
    if node is None or depth > MOST_DEPTH or id(node) in seen or _is_text(node):
        return
    seen.add(id(node))
    if _is_mapping(node):
        yield node
        for _, value in node.value:
            yield from _mappings(value, depth + 1, seen)
    else:
        for value in node.value:
            yield from _mappings(value, depth + 1, seen)


def _within(node: Any, name: str) -> Any:
    """The first value of a name within a mapping."""
    return next((found for one in _mappings(node, 0, set()) if (found := _keys(one).get(name)) is not None), None)
