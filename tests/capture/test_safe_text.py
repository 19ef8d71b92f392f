from capture.safe_text import printable


def test_controls_and_bidi_are_made_visible() -> None:
    assert printable("a\x1b[31mred\x07\u202egpj.exe\n") == "a\\e[31mred\\x07\\u202egpj.exe\\n"


def test_plain_text_of_any_script_stays() -> None:
    assert printable("连接被重置 [b]markup[/b] ü") == "连接被重置 [b]markup[/b] ü"


def test_a_cut_is_marked() -> None:
    assert printable("192.0.2.10", 9) == "192.0.2.…"
