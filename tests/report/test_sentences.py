"""Sentences on a terminal and in a pipe."""

import io

from rich.console import Console

from pixelwise.report.sentences import hanging


def console(width: int, is_terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=is_terminal)


def test_sentences_are_broken_between_words_on_a_terminal_only():
    text = "look at /a/path/that/is/longer-than-the-whole-terminal/train_batch.png now: it is what the network sees"
    assert hanging(console(40), text) == text
    lines = ("· " + hanging(console(40, is_terminal=True), text)).splitlines()
    assert lines[0] == "· look at"
    assert lines[1] == "  /a/path/that/is/longer-than-the-whole-terminal/train_batch.png"
    assert all(len(line) < 40 for line in lines[2:])
    assert all(line.startswith("  ") for line in lines[1:])
    assert " ".join(line[2:] for line in lines) == text


def test_each_line_of_several_is_broken_on_its_own():
    assert hanging(console(60, is_terminal=True), "one\ntwo", 7) == "one\n       two"
