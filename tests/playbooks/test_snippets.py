"""Every snippet of every fix goes through the tool of its language."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from playbooks.fixing import fill
from playbooks.loader import PLACEHOLDER, load_all
from playbooks.model import Fix

FIXES = {template.id: fill(template, {}) for book in load_all().values() for template in book.fixes}


def of(language: str) -> list[tuple[str, Fix]]:
    seen: dict[str, tuple[str, Fix]] = {}
    for name, fix in FIXES.items():
        if fix.language == language:
            seen.setdefault(fix.snippet, (name, fix))
    return list(seen.values())


def needs(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"not installed: {tool}")


def run(*argv: str | Path, cwd: Path | None = None, text: str | None = None) -> None:
    done = subprocess.run([str(a) for a in argv], cwd=cwd, input=text, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


def imports(snippet: str) -> list[str]:
    found = re.match(r"// imports: (.*)", snippet)
    return [name.strip() for name in found[1].split(",")] if found else []


def test_languages_are_known() -> None:
    known = {"go", "java", "python", "javascript", "nginx", "systemd", "sysctl", "limits", "shell", "nftables", "text"}
    known |= {"rust", "csharp", "ruby", "php", "perl", "haproxy", "apache", "yaml", "conf"}
    assert {fix.language for fix in FIXES.values()} <= known
    for language in ("go", "java", "python", "javascript", "nginx", "systemd", "sysctl", "limits"):
        assert of(language), language


def test_go(tmp_path: Path) -> None:
    """By the oldest Go that they name, 1.19; what needs other modules where Debian's packages have them."""
    needs("go")
    (tmp_path / "go.mod").write_text("module snippets\n\ngo 1.19\n")
    others = []
    for number, (_, fix) in enumerate(of("go")):
        wanted = imports(fix.snippet)
        folder = tmp_path / f"s{number}"
        names = "\n".join(f'\t"{name}"' for name in sorted(wanted))
        body = fix.snippet.split("\n", 1)[1] if wanted else fix.snippet
        source = f"package s{number}\n\nimport (\n{names}\n)\n\n{body}\n"
        assert "slog" not in source, f"{fix.id}: Go 1.19 has none"
        if any("." in name for name in wanted):
            others.append((fix.id, source))
            continue
        folder.mkdir()
        (folder / "snippet.go").write_text(source)
        shown = subprocess.run(["gofmt", "-l", str(folder)], capture_output=True, text=True)
        assert not shown.stdout, f"gofmt would change {fix.id}: {shown.stdout}"
    run("env", "CGO_ENABLED=0", "go", "vet", "./...", cwd=tmp_path)  # else net asks for a C compiler
    packaged = Path("/usr/share/gocode/src")
    found = []
    for name, source in others:
        one = tmp_path / "src" / name.replace("-", "") / "snippet.go"
        one.parent.mkdir(parents=True)
        one.write_text(source)
        run("gofmt", "-l", one)
        there = all((packaged / path).is_dir() for path in re.findall(r'^\t"([^"]+\.[^"]+)"$', source, re.M))
        if there:
            found.append(one.parent.name)
    if found:
        environment = {**os.environ, "GO111MODULE": "off", "GOPATH": f"{tmp_path}:/usr/share/gocode"}
        done = subprocess.run(["go", "vet", *found], env=environment, capture_output=True, text=True, timeout=110)
        assert done.returncode == 0, done.stderr


MISSING = re.compile(
    r"error: (package \S+ does not exist|cannot find symbol|method does not override|incompatible types)"
)


def test_java(tmp_path: Path) -> None:
    """By javac; of snippets that need other libraries nothing but those may be missing."""
    needs("javac")
    alone = []
    for number, (_, fix) in enumerate(of("java")):
        body = fix.snippet.split("\n", 1)[1]
        lines = "".join(f"import {name};\n" for name in imports(fix.snippet))
        path = tmp_path / f"S{number}.java"
        path.write_text(f"{lines}class S{number} {{\n{body}\n}}\n")
        others = any(not name.startswith("java.") for name in imports(fix.snippet))
        if not others:
            alone.append(str(path))
            continue
        done = subprocess.run(
            ["javac", "-Xlint:-options", "-d", str(tmp_path / "out"), str(path)],
            capture_output=True, text=True, timeout=110,
        )  # fmt: skip
        wrong = [line for line in done.stderr.splitlines() if "error:" in line and not MISSING.search(line)]
        assert not wrong, f"{fix.id}: {wrong}"
    run("javac", "-Xlint:-options", "-d", str(tmp_path / "out"), *alone, cwd=tmp_path)


def test_python() -> None:
    for name, fix in of("python"):
        compiled = compile(fix.snippet, name, "exec")
        try:
            exec(compiled, {"__name__": "snippet"})
        except ImportError:
            assert re.search(
                r"^(import (requests|httpx|aiohttp)|from sqlalchemy import create_engine)$", fix.snippet, re.M
            ), f"{name}: of the standard library"
        ruff = Path(sys.executable).with_name("ruff")
        if ruff.exists():
            run(ruff, "check", "--select", "E,F,B", "--line-length", "120", "-", text=fix.snippet + "\n")


def test_javascript(tmp_path: Path) -> None:
    needs("node")
    for number, (_, fix) in enumerate(of("javascript")):
        path = tmp_path / f"s{number}.js"
        path.write_text(fix.snippet)
        run("node", "--check", path)
        run("node", "-e", f"require({str(path)!r})")


def test_nginx(tmp_path: Path) -> None:
    needs("nginx")
    for name, fix in of("nginx"):
        main, events, http, upstream, location = "", "worker_connections 64;", "", "", ""
        for line in re.split(r"(?<=;)\n", fix.snippet):
            line = "\n".join(part for part in line.splitlines() if not part.strip().startswith("#"))
            line = (
                line.replace("/var/log/nginx", str(tmp_path))
                .replace("192.0.2.1", "127.0.0.1")
                .replace(":8080", ":18080")
            )
            if line.strip().split(" ")[0:1] in (["worker_rlimit_nofile"], ["error_log"]):
                main += line
            elif "worker_connections" in line:
                events = line
            elif "log_format" in line or "access_log" in line:
                http += line
            elif re.match(r"\s*(keepalive|keepalive_timeout) ", line):
                upstream += line
            elif line.strip().startswith("listen"):
                http += f"server {{ {line} }}"
            else:
                location += line
        config = tmp_path / "nginx.conf"
        temp = " ".join(
            f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config.write_text(
            f"{main}\npid {tmp_path}/pid;\nevents {{ {events} }}\nhttp {{ access_log off; {temp}\n{http}\n"
            f"upstream b {{ server 127.0.0.1:9; {upstream} }}\n"
            f"server {{ listen 127.0.0.1:18081; location / {{ {location}\nproxy_pass http://b; }} }} }}\n"
        )
        done = subprocess.run(
            ["nginx", "-t", "-c", str(config), "-g", f"error_log {tmp_path}/e.log;"]
            if not main.startswith("error_log")
            else ["nginx", "-t", "-c", str(config)],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}\n{config.read_text()}"


def test_sysctl(tmp_path: Path) -> None:
    names = []
    for name, fix in of("sysctl"):
        for line in fix.snippet.splitlines():
            key, equals, value = (part.strip() for part in line.partition("="))
            assert equals, f"{name}: {line}"
            assert re.fullmatch(r"[0-9 ,-]*", value), f"{name}: {line}"
            names.append(key)
        assert fix.target.startswith("/etc/sysctl.d/")
        assert fix.target in fix.apply
        assert fix.target in fix.undo
    there = [key for key in names if Path("/proc/sys", *key.split(".")).exists()]
    assert len(there) >= len(names) - 3


def test_systemd(tmp_path: Path) -> None:
    needs("systemd-analyze")
    for number, (_, fix) in enumerate(of("systemd")):
        unit = tmp_path / f"s{number}.service"
        unit.write_text(f"[Unit]\nDescription=test\n{fix.snippet}\nExecStart=/bin/true\n")
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
        )
        assert f"{unit}:" not in done.stderr, done.stderr


def test_limits() -> None:
    for name, fix in of("limits"):
        for line in fix.snippet.splitlines():
            if not line.startswith("#"):
                who, kind, item, value = line.split()
                assert who not in ("*", "@"), f"{name}: limits of everybody"
                assert kind in ("soft", "hard")
                assert item == "nofile"
                assert value.isdigit()


def test_haproxy(tmp_path: Path) -> None:
    needs("haproxy")
    whole = "global\n    maxconn 100\ndefaults\n    mode http\n" + "".join(
        f"    timeout {name} 9s\n" for name in ("connect", "client", "server")
    )
    for number, (name, fix) in enumerate(of("haproxy")):
        text = fix.snippet.replace(":8080\n", ":18080\n")
        if "default_backend be_app" in text:
            text += "\nbackend be_app\n    server a 127.0.0.1:9\n"
        config = tmp_path / f"{number}.cfg"
        listener = "listen any\n    bind 127.0.0.1:18099\n    mode http\n    server a 127.0.0.1:9\n"
        config.write_text(f"{'' if text.startswith(('defaults', 'global')) else whole}{text}\n{listener}")
        done = subprocess.run(["haproxy", "-c", "-f", str(config)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


def test_php(tmp_path: Path) -> None:
    needs("php")
    for number, (_, fix) in enumerate(of("php")):
        path = tmp_path / f"{number}.php"
        path.write_text(fix.snippet)
        run("php", "-l", path)


def test_perl() -> None:
    needs("perl")
    for _, fix in of("perl"):
        run("perl", "-c", "-e", fix.snippet)


def test_rust(tmp_path: Path) -> None:
    """By rustc's parser: crates that are not there may be missing, and nothing else."""
    needs("rustc")
    for number, (name, fix) in enumerate(of("rust")):
        path = tmp_path / f"s{number}.rs"
        path.write_text(f"#![allow(dead_code)]\n{fix.snippet}")
        done = subprocess.run(
            ["rustc", "--edition=2021", "--crate-type=lib", "--emit=metadata", "-o", str(tmp_path / "o"), str(path)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
        wrong = [
            line
            for line in errors
            if not re.match(
                r"error(\[E0(433|432)\])?: (failed to resolve|unresolved import|cannot find|aborting|use of un)", line
            )
        ]
        assert not wrong, f"{name}: {wrong}"


def test_nftables(tmp_path: Path) -> None:
    needs("nft")
    for number, (_, fix) in enumerate(of("nftables")):
        path = tmp_path / f"s{number}.nft"
        path.write_text(fix.snippet + "\n")
        done = subprocess.run(["nft", "-c", "-f", str(path)], capture_output=True, text=True, timeout=20)
        if "Operation not permitted" in done.stderr:
            pytest.skip("nft -c needs root")
        assert done.returncode == 0, done.stderr


def test_shell() -> None:
    for name, fix in FIXES.items():
        commands = [fix.verify] if fix.language != "shell" else [fix.snippet, fix.apply]
        for command in commands:
            if fix.language == "shell":
                done = subprocess.run(["sh", "-n"], input=command, capture_output=True, text=True)
                assert done.returncode == 0, f"{name}: {command}: {done.stderr}"


TEMPLATES = {one.id: one for book in load_all().values() for one in book.fixes}


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_in_force_is_never_invented(name: str) -> None:
    template = TEMPLATES[name]
    now = PLACEHOLDER.findall(template.current)
    for placeholder in now:
        assert not re.search(r"\d", template.defaults[placeholder]), f"{placeholder}: a figure that nobody measured"
    if now:
        assert "unknown" in fill(template, {}).current
        assert "unknown" not in fill(template, dict.fromkeys(now, "7")).current
