"""``pixelwise check``: every fault of a data set, a page with pictures of them, and a repaired copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.cli_call import command, quoted
from pixelwise.cli_options import Debug, Json
from pixelwise.errors import ConfigError

if TYPE_CHECKING:
    from pixelwise.terminal import Terminal

__all__ = ["check"]


def check(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of the data set.")],
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with figures and pictures of each fault, as check.html.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Write a repaired copy into --to; DATA is never changed.")] = False,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for the repaired copy.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only what is checked before every training: no fingerprint, no likeness.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Read every file, also those that did not change.")] = False,
    source: Annotated[
        str, typer.Option(metavar="NAME", help="Layout of the data: auto, folders, camvid, or a format that import knows.")
    ] = "auto",
    task: Annotated[str, typer.Option(metavar="NAME", help="auto, binary, multiclass or multilabel.")] = "auto",
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Read every image and mask, say what was decided, and name every fault with its files and its cure."""
    if fix != (to is not None):
        raise ConfigError(f"--fix and --to go together, as in: pixelwise check {quoted(data)} --fix --to {_copy_of(data)}")
    if fix and (report or quick):
        raise ConfigError("--fix writes a copy and checks that; leave out --report and --quick")
    if quick and report:
        raise ConfigError("--report shows what --quick leaves out; give one of them")
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        if to is not None:
            is_ok = _fix(terminal, data, to, source, task)
        else:
            is_ok = _look(terminal, data, report, source, task, quick, not fresh)
    if not is_ok:
        raise typer.Exit(1)


def _look(terminal: Terminal, data: Path, page: Path | None, source: str, task: str, quick: bool, cached: bool) -> bool:
    from pixelwise.verbs import prepare  # what api.check is, without torch

    moved = terminal.progress("checking", "files")
    if page is None:
        found = prepare.check_folder(data, source, task, moved, quick, cached)
    else:
        from pixelwise.verbs.checking import write_check_page

        examination = prepare.examine_folder(data, source, task, moved, cached)
        write_check_page(page, examination, command())
        found = examination.report
    terminal.check_report(found)
    if page is not None:
        terminal.files(report=page)
    elif not quick:
        terminal.say(f"pictures of all this: pixelwise check {quoted(data)} --report check.html")
    if found.ok:
        terminal.next(f"pixelwise train {quoted(data)} --budget 30m")
    elif any(problem.repair for problem in found.errors):
        terminal.next(f"pixelwise check {quoted(data)} --fix --to {_copy_of(data)}")
    else:
        terminal.next(f"pixelwise check {quoted(data)}")
    terminal.json(found.to_json())
    return found.ok


def _fix(terminal: Terminal, data: Path, to: Path, source: str, task: str) -> bool:
    from pixelwise.report.repairs_table import repairs_table
    from pixelwise.verbs.repairing import REPAIRS, repair_folder

    fixed = repair_folder(data, to, source, task, terminal.progress("repairing", "files"))
    if fixed.repairs:
        terminal.say("what was done:")  # ends what moves on the screen
        terminal.console.print(repairs_table(fixed.counts()))
    else:
        terminal.say("nothing had to be repaired")
    terminal.say(f"{fixed.pairs} pairs written into {to}, which a check finds {'sound' if fixed.report.ok else 'faulty'}:")
    terminal.check_report(fixed.report)
    terminal.files(copy=to, repairs=to / REPAIRS)
    terminal.next(f"pixelwise train {quoted(to)} --budget 30m" if fixed.report.ok else f"pixelwise check {quoted(to)}")
    terminal.json(fixed.to_json())
    return fixed.report.ok


def _copy_of(data: Path) -> str:
    """A name for the copy, as it stands in a command."""
    return quoted(data.with_name(f"{data.name or 'data'}-repaired"))
