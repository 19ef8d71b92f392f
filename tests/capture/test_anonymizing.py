import pytest

from capture.anonymizing import Anonymizer


def test_the_same_address_is_the_same_stand_in() -> None:
    anonymize = Anonymizer()
    assert anonymize("10.0.0.1:80 -> 10.0.0.2:9, then 10.0.0.1 again") == (
        "198.18.0.1:80 -> 198.18.0.2:9, then 198.18.0.1 again"
    )
    assert anonymize("10.0.0.2") == "198.18.0.2"


def test_ipv6_spellings_of_one_address_agree() -> None:
    anonymize = Anonymizer()
    assert anonymize("[2001:db8:1::2]:443") == "[2001:db8::1]:443"
    assert anonymize("2001:0db8:0001:0:0:0:0:2") == "2001:db8::1"


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "0.0.0.0", "12:30:45", "1.2.3.4.5", "v1.2.3", "packet 12: 3 ms"])
def test_what_names_no_one_stays(text: str) -> None:
    assert Anonymizer()(text) == text


def test_names_of_hosts_are_replaced_and_keys_stay() -> None:
    anonymize = Anonymizer(["db.internal", "db.internal.example.org", "port", 'a"b'])
    text = (
        '{"ip":"db.internal","port":80,"other":"db.internal.example.org","odd":"a\\"b","text":"db.internal.: 10.0.0.1"}'
    )
    assert anonymize(text) == ('{"ip":"host-1","port":80,"other":"host-2","odd":"host-4","text":"host-1.: 198.18.0.1"}')
