"""What commands say: bars only where somebody watches, one process speaks, JSON stands alone."""

import io
import json

import pytest
from rich.console import Console

from pixelwise.terminal import Terminal


def test_a_bar_moves_only_on_a_terminal():
    terminal = Terminal()
    terminal.console = Console(file=io.StringIO(), force_terminal=False)
    terminal.progress("checking", "images")(1, 2)
    assert terminal.console.file.getvalue() == ""
    terminal.console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None, _environ={})
    with terminal:
        terminal.progress("checking", "images")(1, 2)
        terminal._open[-1].refresh()
        assert "1/2 images" in terminal.console.file.getvalue()
        terminal.say("done")
    assert terminal.console.file.getvalue().endswith("· done\n")


def test_json_goes_to_standard_output_and_all_else_to_standard_error(capsys):
    with Terminal(json_output=True) as terminal:
        terminal.say("a word")
        terminal.next("pixelwise check x")
        terminal.json({"a": 1})
    said = capsys.readouterr()
    assert json.loads(said.out) == {"a": 1}
    assert said.err == "· a word\nNext: pixelwise check x\n"


def test_without_json_there_is_none(capsys):
    with Terminal() as terminal:
        terminal.json({"a": 1})
    assert capsys.readouterr().out == ""


def test_only_the_first_of_several_processes_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with Terminal(json_output=True) as terminal:
        terminal.say("a word")
        terminal.warn("a warning")
        terminal.json({"a": 1})
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_files_that_are_not_there_are_not_named(capsys, tmp_path):
    (tmp_path / "report.html").write_text("")
    with Terminal() as terminal:
        terminal.files(report=tmp_path / "report.html", worst=tmp_path / "worst")
    assert capsys.readouterr().out == f"  report  {tmp_path / 'report.html'}\n"


def test_names_are_never_read_as_markup(capsys):
    with Terminal() as terminal:
        terminal.say("data [red]x[/red] and [/]")
    assert capsys.readouterr().out == "· data [red]x[/red] and [/]\n"


def test_long_sentences_are_not_cut(capsys):
    with Terminal() as terminal:
        terminal.next("pixelwise predict " + "x" * 300)
    assert capsys.readouterr().out.count("\n") == 1


def test_what_moves_has_ended_after_an_error():
    terminal = Terminal()
    terminal.console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={})

    def fail():
        with terminal:
            terminal.board().say("a word")
            raise RuntimeError("within")

    with pytest.raises(RuntimeError, match="within"):
        fail()
    assert terminal._open == []
    assert terminal.console.file.getvalue().rstrip().endswith(("\x1b[?25h", "\x1b[2K"))
