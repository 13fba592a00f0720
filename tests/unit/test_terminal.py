"""Text from outside cannot act on a terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from worker.terminal import shown, visible


@given(st.text())
def test_nothing_hidden_is_left(text: str) -> None:
    shown_text = visible(text).replace("\n", "").replace("\t", "")
    assert not [sign for sign in shown_text if unicodedata.category(sign) in {"Cc", "Cf", "Cs"}]


def test_escapes_are_shown_and_plain_text_is_left_alone() -> None:
    assert visible("a\x1b[2Jb\u202e\x9b") == r"a\x1b[2Jb\u202e\x9b"
    assert visible("Größe ⌊x⌋ 数") == "Größe ⌊x⌋ 数"


def test_markup_is_not_obeyed() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(shown("[bold red]evil[/] :smile: [link=http://x]y[/link]"))
    assert capture.get().strip() == "[bold red]evil[/] :smile: [link=http://x]y[/link]"
