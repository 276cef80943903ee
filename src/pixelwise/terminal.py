"""What commands say to the person at the keyboard, in one manner everywhere."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pixelwise.errors import PixelwiseError
from pixelwise.report.live import LiveBoard, MovingLine, clock_text
from pixelwise.report.sentences import hanging
from pixelwise.types import ClassTable

__all__ = ["Terminal", "sentence"]

_WIDTH_OF_A_FILE = 120  # columns; a pipe has no width of its own


class Terminal:
    """A context manager: whatever moves on screen has ended when it closes, also after an error.

    With ``json_output`` all that is said goes to standard error, and :meth:`json` prints one line to standard output. Of
    several processes of one run only the first speaks.
    """

    def __init__(self, json_output: bool = False) -> None:
        self._is_silent = os.environ.get("RANK", "0") != "0"
        self._json_output = json_output and not self._is_silent
        self.console = Console(stderr=json_output, highlight=False, soft_wrap=True, quiet=self._is_silent)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console.width = _WIDTH_OF_A_FILE
        self._open: list[Any] = []

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close_moving()

    def say(self, text: str) -> None:
        """One sentence."""
        self._close_moving()
        self.console.print(Text("· ", "cyan") + Text(hanging(self.console, text)))

    def warn(self, text: str) -> None:
        """One sentence that should not be missed."""
        self._close_moving()
        self.console.print(Text("! ", "bold yellow") + Text(hanging(self.console, text), "yellow"))

    def board(self) -> LiveBoard:
        """The live table of a training."""
        self._close_moving()
        board = LiveBoard(self.console)
        self._open.append(board)
        return board.__enter__()

    def progress(self, verb: str, unit: str) -> Callable[[int, int], None]:
        """A function of (done, total) that moves a bar; where nobody watches it does nothing."""
        if not self.console.is_terminal or self.console.is_dumb_terminal or self._is_silent:
            return lambda done, total: None
        line = MovingLine(verb)
        live = Live(console=self.console, transient=True, refresh_per_second=8, get_renderable=lambda: line)
        live.start()
        self._open.append(live)
        started = time.monotonic()

        def move(done: int, total: int) -> None:
            left = (time.monotonic() - started) * (total - done) / max(1, done)
            line.share, line.facts = done / max(1, total), (f"{done}/{total} {unit}", f"{clock_text(left)} left")

        return move

    def scores(self, values: dict[str, Any], classes: ClassTable) -> None:
        """The table of scores, and the line that sums it up."""
        from pixelwise.report.table import class_scores_table, detail_line, summary_line

        self._close_moving()
        self.console.print()
        self.console.print(class_scores_table(values, classes, title=f"scores on {values.get('split', 'test')}"))
        self.console.print(summary_line(values, values.get("images")))
        more = detail_line(values)
        if more is not None:
            self.console.print(more)
        if "too_small" in values:
            self.warn(values["too_small"])

    def subgroups(self, subgroups: Mapping[str, Any]) -> None:
        """A table for each column of the records."""
        from pixelwise.report.table import subgroups_table

        self._close_moving()
        for column, rows in subgroups.items():
            self.console.print(subgroups_table(column, rows))

    def check_report(self, report: Any) -> None:
        """Decisions, facts and problems of a check."""
        from pixelwise.report.check_lines import check_lines

        self._close_moving()
        for line in check_lines(report.to_json(), self.console):
            self.console.print(line)

    def files(self, **paths: Path) -> None:
        """Where to look; what does not exist is left out."""
        self._close_moving()
        there = {name: path for name, path in paths.items() if path.exists()}
        width = max(map(len, there), default=0)
        for name, path in there.items():
            self.console.print(Text(f"  {name:<{width}}  ", "bold") + Text(str(path), "underline"))

    def next(self, command: str) -> None:
        """The last line: the exact next command."""
        self._close_moving()
        self.console.print(Text("Next: ", "bold green") + Text(command, "bold"))

    def json(self, value: dict[str, Any]) -> None:
        """The one line on standard output that programs read."""
        if self._json_output:
            self._close_moving()
            print(json.dumps(value), flush=True)

    def _close_moving(self) -> None:
        while self._open:
            self._open.pop().__exit__(None, None, None)


def sentence(error: Exception) -> tuple[str, int]:
    """What to tell the person, and the exit status."""
    if isinstance(error, PixelwiseError):
        return str(error), 1
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" while writing {error.filename}" if error.filename else ""
        return f"disk full{where}; files that were complete are unharmed; free space and run again", 1
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}; check the path and its permissions", 1
    return f"{type(error).__name__}: {error}; this is a fault of pixelwise, not yours: --debug shows where", 70
