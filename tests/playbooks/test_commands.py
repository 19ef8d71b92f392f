"""What a fix prints to be pasted is a command: for a shell, with what checks compute, and with nothing computed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from playbooks.facts.facts import Ability
from playbooks.fixing import fill, refusal
from playbooks.loader import load_all
from playbooks.model import Fix, FixTemplate

TEMPLATES: dict[str, FixTemplate] = {
    one.id: one for book in load_all(Path("/nonexistent")).values() for one in book.fixes
}
COMPUTED = {
    "who": "Web Content (x)'s[12]",
    "what": "dst [2001:db8::7] and ( sport = :8080 or dport = :8080 )",
    "pid": "4711",
    "port": "8080",
    "host": "2001:db8::7",
    "where": "/etc/nginx/sites-enabled/a b.conf:12",
    "config": "/etc/nginx/sites-enabled/a b.conf",
    "restart": "{{sudo}}systemctl restart app@1.service",
    "after_restart": "systemd starts it again (it's enabled)",
    "unit": "app@1.service",
    "pool_edit": "{{sudo}}cp -L '/a b' /var/tmp/x && {{sudo}}sed -i -e '12c\\pm.max_children = 10' '/a b'",
    "config_edit": "{{sudo}}cp -L '/a b' /var/tmp/x && {{sudo}}sed -i -e '12c\\maxclients 10' '/a b'",
    "config_unedit": "{{sudo}}cp /var/tmp/x '/a b'",
    "pool_unedit": "{{sudo}}cp /var/tmp/x '/a b'",
    "delete": "nft delete rule inet filter input handle 12",
    "restore": "nft add rule inet filter input 'tcp dport 8080 counter drop'",
    "reserved": "8080,9090-9099",
    "old_reserved": "",
    "as_user": "setpriv --reuid=$(stat -c %u /proc/4711) --regid=$(stat -c %g /proc/4711) --clear-groups ",
    "account": "bob",
    "stop": "{{sudo}}systemctl stop app@1.service",
    "start": "true   # start it again the way it was started",
    "recheck": "tail -c +4097 app.log | tcptriage explain --log -   # what the log got since: none of these lines",
    "reload": "{{sudo}}nginx -t -c '/etc/nginx/a b.conf' && {{sudo}}kill -HUP 4711",
}
"""What checks put into fixes, the awkward ones of each kind; every other parameter is a number."""
TOOLS = {
    *("awk", "cat", "conntrack", "cp", "curl", "docker", "echo", "git", "go", "grep", "head", "ip", "iptables", "kill"),
    *("kubectl", "ls", "mkdir", "mvn", "nft", "nginx", "npm", "nstat", "printf", "prlimit", "python3", "redis-cli"),
    *("rm", "sed", "ss", "sysctl", "systemctl", "tail", "tcptriage", "tee", "true", "ulimit", "wc", "apachectl"),
    *("haproxy", "cargo", "dotnet", "bundle", "php", "psql", "mysql", "mongosh", "rabbitmqctl", "caddy", "aws", "az"),
    *("gcloud", "setpriv", "${EDITOR:-vi}", "ethtool", "tracepath", "sudoedit", "modprobe", "envoy", "istioctl"),
    *("sshd", "ssh", "pgbouncer", "php-fpm", "kafka-configs.sh", "helm", "tc", "traefik", "timeout", "journalctl"),
    *("gunicorn", "uvicorn", "uwsgi", "node", "java", "rabbitmq-diagnostics", "iptables-save"),
    *("varnishadm", "strace", "ping", "tcpdump", "cut", "nc"),
}  # fmt: skip


def filled(template: FixTemplate, root: bool, computed: bool) -> Fix:
    parameters = {name: COMPUTED.get(name, "4096") for name in template.defaults} if computed else {}
    return fill(template, parameters, root)


def commands(text: str) -> list[str]:
    """The first word of each command of a line, without sudo."""
    bare = re.sub(r"(^|\s)#[^\n]*", "", text)
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|\$\([^)]*\)", "Q", bare)
    parts = [part.strip() for part in re.split(r"&&|\|\||[;|\n]", bare)]
    return [re.sub(r"^sudo ", "", part).split(" ")[0] for part in parts if part]


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("computed", [True, False], ids=["computed", "examples"])
def test_every_command_is_one(name: str, computed: bool) -> None:
    for root in (True, False):
        fix = filled(TEMPLATES[name], root, computed)
        for field in ("apply", "verify", "undo"):
            text = getattr(fix, field)
            assert "{{" not in text
            done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=10)
            assert done.returncode == 0, f"{field}: {text}: {done.stderr}"
            assert commands(text), f"{field}: {text!r} is no command"
            strange = [word for word in commands(text) if word not in TOOLS and "=" not in word]
            assert not strange, f"{field}: {text}: {strange} are no commands"
            assert root is False or "sudo " not in text


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_needs_root_says_sudo(name: str) -> None:
    fix = filled(TEMPLATES[name], False, True)
    for field in ("apply", "undo"):
        bare = re.sub(r"(^|\s)#[^\n]*", "", getattr(fix, field))
        for part in re.split(r"&&|\|\||[;|\n]", bare):
            words = part.split()
            if not words or words[0] == "sudo":
                continue
            changes = words[0] in ("systemctl", "nft", "tee", "ip", "iptables", "conntrack", "kill", "prlimit", "rm")
            assert not changes, f"{field}: {part} without sudo"
            assert not (words[0] == "sysctl" and words[1] in ("-w", "-p")), f"{field}: {part} without sudo"
            assert not (words[0] == "ss" and "-K" in words), f"{field}: {part} without sudo"


WRITES = [name for name, one in TEMPLATES.items() if "{{write}}" in one.apply]


@pytest.mark.parametrize("name", WRITES)
def test_a_file_is_written_as_it_is_shown(name: str, tmp_path: Path) -> None:
    """The command, run in a folder that stands for /: it makes the folder and the file, and the way back removes it."""
    fix = filled(TEMPLATES[name], True, True)
    write = re.split(r" && (?!printf)|   #", fix.apply)[0].replace("/etc/", f"{tmp_path}/etc/")
    subprocess.run(["bash", "-ec", write], check=True, timeout=10)
    written = Path(f"{tmp_path}{fix.target}").read_text()
    assert written.splitlines() == [line for line in fix.snippet.splitlines() if line.strip()]
    gone = re.search(r"rm -f (\S+)", fix.undo)
    assert gone is not None
    assert gone[1] == fix.target


@pytest.mark.skipif(shutil.which("ss") is None, reason="not installed: ss")
@pytest.mark.parametrize("name", [name for name, one in TEMPLATES.items() if "ss -K" in one.apply])
def test_filters_of_ss_are_read_by_ss(name: str) -> None:
    fix = filled(TEMPLATES[name], True, True)
    shown = subprocess.run(
        ["bash", "-c", fix.apply.replace("ss -K", "ss -Htn")], capture_output=True, text=True, timeout=10
    )
    assert (shown.returncode, shown.stderr) == (0, ""), fix.apply


ALL = ("conntrack", "ip", "iptables", "nft", "prlimit", "ss", "sysctl", "systemctl", "tc")
FREE = Ability((1 << 41) - 1, ALL, systemd=True, sysctl_read_only=False)


@pytest.mark.parametrize(
    ("command", "ability", "said"),
    [
        ("sysctl -w a=1", FREE, ""),
        ("sysctl -w a=1", Ability(None, ALL, True, True), "read-only"),
        ("sudo systemctl restart x", Ability(None, ALL, False, False), "systemd does not run here"),
        ("ss -K dst 1.2.3.4", Ability(0, ALL, True, False), "CAP_NET_ADMIN"),
        ("ss -tn", Ability(0, ALL, True, False), ""),
        ("nft -f x", Ability(0, ALL, True, False), "CAP_NET_ADMIN"),
        ("nft -f x", Ability(0, (), True, False), "nft is not installed"),
        ("go vet ./...   # then systemctl restart x", Ability(0, (), False, True), ""),
    ],
)
def test_what_this_host_cannot_do_is_said(command: str, ability: Ability, said: str) -> None:
    told = refusal(command, True, ability)
    assert said in told if said else told == ""


def test_whoever_may_become_root_is_not_refused_for_lack_of_a_capability() -> None:
    assert refusal("sudo ss -K dst 1.2.3.4", False, Ability(0, ALL, True, False)) == ""
