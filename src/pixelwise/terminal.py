"""What commands say to the person at the keyboard, in one manner everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from pixelwise.report.live import LiveBoard
from pixelwise.types import ClassTable

__all__ = ["Terminal"]


class Terminal:
    """A context manager: whatever moves on screen has ended when it closes, also after an error.

    With ``json_output`` all that is said goes to standard error, and :meth:`json` prints one line to standard output.
    """

    def __init__(self, json_output: bool = False) -> None:
        self._json_output = json_output
        self.console = Console(stderr=json_output, highlight=False, soft_wrap=True)
        self._open: list[Any] = []

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close_moving()

    def say(self, text: str) -> None:
        self._close_moving()
        self.console.print(Text("· ", "cyan") + Text(text))

    def warn(self, text: str) -> None:
        self._close_moving()
        self.console.print(Text("! ", "bold yellow") + Text(text, "yellow"))

    def board(self) -> LiveBoard:
        """The live table of a training."""
        board = LiveBoard(self.console)
        self._open.append(board)
        return board.__enter__()

    def progress(self, verb: str, unit: str) -> Callable[[int, int], None]:
        """A function of (done, total) that moves a bar."""
        bar = Progress(
            TextColumn(f"[bold]{verb}"), BarColumn(bar_width=28), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn(),
            console=self.console, transient=True,
        )  # fmt: skip
        bar.start()
        self._open.append(bar)
        task = bar.add_task(verb, total=None)
        return lambda done, total: bar.update(task, completed=done, total=total)

    def scores(self, values: dict[str, Any], classes: ClassTable) -> None:
        """The table of scores, and the line that sums it up."""
        from pixelwise.report.table import class_scores_table, summary_line

        self._close_moving()
        self.console.print(class_scores_table(values, classes, title=f"scores on {values.get('split', 'test')}"))
        self.console.print(summary_line(values, values.get("images")))

    def check_report(self, report: Any) -> None:
        """Decisions, facts and problems of a check."""
        from pixelwise.report.check_lines import check_lines

        self._close_moving()
        for line in check_lines(report.to_json()):
            self.console.print(line)

    def files(self, **paths: Path) -> None:
        """Where to look."""
        self._close_moving()
        width = max(map(len, paths))
        for name, path in paths.items():
            self.console.print(Text(f"  {name:<{width}}  ", "bold") + Text(str(path), "underline"))

    def next(self, command: str) -> None:
        """The last line: the exact next command."""
        self._close_moving()
        self.console.print(Text("Next: ", "bold green") + Text(command, "bold"))

    def json(self, value: dict[str, Any]) -> None:
        if self._json_output:
            self._close_moving()
            print(json.dumps(value), flush=True)

    def _close_moving(self) -> None:
        while self._open:
            self._open.pop().__exit__(None, None, None)
