"""Secrets in evidence."""

from __future__ import annotations

import pytest

from playbooks.masking import mask


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def-ghi", "abc.def"),
        ('"authorization": "Basic dXNlcjpwYXNz"', "dXNlcjpwYXNz"),
        ("GET /x?token=s3cr3t&a=1 HTTP/1.1", "s3cr3t"),
        ("GET /x?a=1&access_token=s3cr3t HTTP/1.1", "s3cr3t"),
        ("Cookie: session=abc123; theme=dark", "abc123"),
        ("set-cookie: sid=zzz; HttpOnly", "zzz"),
        ("password=hunter2 user=bob", "hunter2"),
        ("postgres://bob:hunter2@db:5432/x", "hunter2"),
        ("mysql -u root --password=hunter2", "hunter2"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJzdWIiOiIxIn0"),
        ('{"api_key": "k-123456"}', "k-123456"),
        ("X-Api-Key: 99887766", "99887766"),
        ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN"),
        ("ghp_0123456789abcdefghijklmnop", "0123456789"),
    ],
)
def test_secrets_go(text: str, secret: str) -> None:
    assert secret not in mask(text)
    assert "***" in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "read tcp 10.0.0.1:5000->10.0.0.2:80: read: connection reset by peer",
        "basic connection test",
        "token bucket is empty",
        'upstream: "http://10.0.0.2:80/path?x=1", host: "a"',
        "2 sockets in CLOSE-WAIT: python3[12]",
    ],
)
def test_facts_stay(text: str) -> None:
    assert mask(text) == text
