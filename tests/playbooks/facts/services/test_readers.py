"""Configuration files as packages and people leave them: what applies, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.services.mysql import mysql_settings
from playbooks.facts.services.php_fpm import php_fpm_settings
from playbooks.facts.services.postgres import postgres_settings
from playbooks.facts.services.redis import redis_settings
from playbooks.facts.services.ssh import ssh_settings
from playbooks.facts.services.uwsgi import uwsgi_settings


def found(settings: list[ServiceSetting], name: str, place: str | None = None) -> tuple[str, str, int]:
    one = next(one for one in settings if one.name == name and place in (None, one.place))
    return one.written, Path(one.file).name, one.line


def test_postgres_takes_the_last_of_its_files_and_alter_system_after_all(tmp_path: Path) -> None:
    main = tmp_path / "postgresql.conf"
    (tmp_path / "conf.d").mkdir()
    main.write_text(
        "max_connections = 50   # few\n#idle_session_timeout = 5min\ninclude_dir 'conf.d'\n"
        "IDLE_IN_TRANSACTION_SESSION_TIMEOUT '10min'\nmax_files_per_process=500\n"
    )
    (tmp_path / "conf.d" / "b.conf").write_text("max_connections = 70\n")
    (tmp_path / "conf.d" / "a.conf").write_text("max_connections = 60\nidle_session_timeout = 30s\n")
    (tmp_path / "conf.d" / ".hidden.conf").write_text("max_connections = 1\n")
    (tmp_path / "conf.d" / "c.conf.bak").write_text("max_connections = 2\n")
    (tmp_path / "postgresql.auto.conf").write_text("# by ALTER SYSTEM\nidle_session_timeout = '1000'\n")
    (tmp_path / "pg_hba.conf").write_text("host max_connections 9\n")
    read = postgres_settings(str(main))
    assert found(read, "max_connections") == ("70", "b.conf", 1)
    assert found(read, "idle_session_timeout") == ("1000", "postgresql.auto.conf", 2)
    assert found(read, "idle_in_transaction_session_timeout") == ("10min", "postgresql.conf", 4)
    assert found(read, "max_files_per_process") == ("500", "postgresql.conf", 5)
    assert found(read, "tcp_keepalives_idle") == ("0", "postgresql.conf", 0)


def test_postgres_with_its_data_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postgresql.auto.conf").write_text("max_connections = 33\n")
    main = tmp_path / "postgresql.conf"
    main.write_text(f"data_directory = '{tmp_path}/data'\nmax_connections = 100\n")
    assert found(postgres_settings(str(main)), "max_connections") == ("33", "postgresql.auto.conf", 1)


def test_redis_includes_and_the_last_word(tmp_path: Path) -> None:
    main = tmp_path / "redis.conf"
    (tmp_path / "more.conf").write_text("timeout 60\nmaxclients 100\n")
    main.write_text(f'timeout 10\ninclude {tmp_path}/more.conf\n# tcp-backlog 4\nTCP-KEEPALIVE "30"\ntimeout 20\n')
    read = redis_settings(str(main))
    assert found(read, "timeout") == ("20", "redis.conf", 5)
    assert found(read, "maxclients") == ("100", "more.conf", 2)
    assert found(read, "tcp-keepalive") == ("30", "redis.conf", 4)
    assert found(read, "tcp-backlog") == ("511", "redis.conf", 0)


def test_mysql_reads_its_own_groups_only(tmp_path: Path) -> None:
    main = tmp_path / "my.cnf"
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.cnf").write_text("[client]\nwait_timeout=1\n[mariadb-10.11]\nloose-max-connections=9\n")
    (tmp_path / "conf.d" / "a.cnf").write_text("[mysqld]\nwait-timeout = 600 # ten minutes\nback_log=80\n")
    main.write_text(f"[mysqld]\n; max_connections = 1\nskip-networking\n!includedir {tmp_path}/conf.d\n")
    read = mysql_settings(str(main))
    assert found(read, "wait_timeout") == ("600", "a.cnf", 2)
    assert found(read, "max_connections") == ("9", "b.cnf", 4)
    assert found(read, "back_log") == ("80", "a.cnf", 3)
    assert found(read, "interactive_timeout") == ("28800", "a.cnf", 0), "where its line would go"


def test_php_fpm_by_pool(tmp_path: Path) -> None:
    main = tmp_path / "php-fpm.conf"
    (tmp_path / "pool.d").mkdir()
    (tmp_path / "pool.d" / "www.conf").write_text(
        "[www]\nlisten = /run/php/$pool.sock ; the socket\npm = dynamic\npm.max_children = 5\n;listen.backlog = 9\n"
        "[api]\nlisten = 127.0.0.1:9001\npm.max_children = 40\nrequest_terminate_timeout = 30s\n"
    )
    main.write_text(f"[global]\npid = /run/x.pid\ninclude={tmp_path}/pool.d/*.conf\n")
    read = php_fpm_settings(str(main))
    assert found(read, "pm.max_children", "www") == ("5", "www.conf", 4)
    assert found(read, "pm.max_children", "api") == ("40", "www.conf", 8)
    assert found(read, "listen", "www") == ("/run/php/www.sock", "www.conf", 2)
    assert found(read, "listen.backlog", "www") == ("511", "www.conf", 0)
    assert found(read, "request_terminate_timeout", "api") == ("30s", "www.conf", 9)


def test_sshd_takes_the_first_word_and_none_of_a_match(tmp_path: Path) -> None:
    main = tmp_path / "sshd_config"
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.conf").write_text("maxstartups=5:50:10\n")
    main.write_text(f"Include {tmp_path}/d/*.conf\nMaxStartups 100\nMatch User x\n  LoginGraceTime 5\n")
    read = ssh_settings(str(main))
    assert found(read, "MaxStartups") == ("5:50:10", "a.conf", 1)
    assert found(read, "LoginGraceTime") == ("120", "sshd_config", 0)


def test_uwsgi_by_any_of_its_names(tmp_path: Path) -> None:
    main = tmp_path / "app.ini"
    main.write_text("[other]\nlisten = 1\n[uwsgi]\nhttp-socket = :80\nworkers = 2\nlisten = 8\nprocesses = 3\n")
    read = uwsgi_settings(str(main))
    assert found(read, "processes") == ("3", "app.ini", 7)
    assert found(read, "listen") == ("8", "app.ini", 6)
    assert found(read, "threads", "uwsgi") == ("1", "app.ini", 0)


@pytest.mark.parametrize(
    "read", [uwsgi_settings, ssh_settings, postgres_settings, redis_settings, mysql_settings, php_fpm_settings]
)
def test_damaged_files_and_circles_end(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    main = tmp_path / "x.conf"
    main.write_bytes(
        b"\xff\xfe[\n[]\n=\ninclude\ninclude 'x.conf'\ninclude = x.conf\n!include x.conf\n[www]\nmax_connections\n"
        b"include " + str(main).encode() + b"\ninclude=" + str(main).encode() + b"\n"
    )
    assert isinstance(read(str(main)), list)
    with pytest.raises(OSError, match="no-such"):
        read(str(tmp_path / "no-such"))
