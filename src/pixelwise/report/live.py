"""What a person sees while training runs: a table that grows by a row at each validation, over one or two moving lines.

Where nobody watches (a pipe, a log file), nothing moves: only sentences and rows of the table are written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from pixelwise.report.sentences import hanging

__all__ = ["LiveBoard", "MovingLine", "clock_text"]

# Heading, width, and rank: of a narrow terminal the highest ranks are left out first.
_COLUMNS = (
    ("epoch", 7, 2), ("step", 8, 0), ("loss", 8, 0), ("val mIoU", 10, 0), ("val acc", 9, 3), ("lr", 10, 5), ("img/s", 8, 4),
    ("time", 9, 1),
)  # fmt: skip
_MARK = "  best"
_MEAN_OVER = 20  # steps whose losses are shown as one number


class MovingLine:
    """A label, a bar, a percentage and as many of ``facts``, most important first, as the terminal is wide."""

    def __init__(self, label: str, share: float | None = None, facts: tuple[str, ...] = ()) -> None:
        self.label, self.share, self.facts = label, share, facts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        label = f"{self.label:<10} "
        percent = "" if self.share is None else f" {min(1.0, self.share):4.0%}"
        bar = min(30, options.max_width // 4)
        room = options.max_width - 1 - len(label) - len(percent) - bar
        kept: list[str] = []
        for fact in self.facts:
            if sum(len(other) + 3 for other in (*kept, fact)) <= room:
                kept.append(fact)
        full = 0 if self.share is None else round(min(1.0, max(0.0, self.share)) * bar)
        drawn, rest = ("#", ".") if options.ascii_only else ("━", "━")
        yield Segment(label, Style(bold=True))
        yield Segment(drawn * full, Style(color="cyan"))
        yield Segment(rest * (bar - full), Style(color="bright_black"))
        yield Segment(percent, Style(bold=True))
        for fact in kept:
            yield Segment("   " + fact)


class LiveBoard:
    """Use as a context manager; its methods are those of the engine's watcher."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._latest: dict[str, Any] = {}
        self._losses: list[float] = []
        self._columns: tuple[tuple[str, int], ...] = ()
        self._lines: dict[str, MovingLine] = {}
        self._live: Live | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            self._live = Live(console=console, transient=True, refresh_per_second=5, get_renderable=self._moving)

    def __enter__(self) -> LiveBoard:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.clear()
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """A decision or an incident; warnings stand out."""
        is_warning = text.startswith("warning")
        mark = Text("! ", "bold yellow") if is_warning else Text("· ", "cyan")
        self._console.print(mark + Text(hanging(self._console, text), "yellow" if is_warning else ""))

    def step(self, progress: float, remaining: float | None, row: dict[str, Any]) -> None:
        """After an optimiser step."""
        self._latest = row
        self._losses = [*self._losses, float(row["loss"])][-_MEAN_OVER:]
        loss = sum(self._losses) / len(self._losses)
        facts = [f"loss {loss:.3f}", f"{row['images_per_s']:.1f} img/s", f"epoch {row['epoch']:.1f}"]
        if remaining is not None:
            facts.insert(0, f"{clock_text(remaining)} left")
        self._lines["training"] = MovingLine("training", progress, tuple(facts))

    def validating(self, done: int, total: int) -> None:
        """While images are scored, during training and after it."""
        if done >= total:
            self._lines.pop("scoring", None)
        else:
            self._lines["scoring"] = MovingLine("scoring", done / max(1, total), (f"{done}/{total} images",))

    def validated(self, row: dict[str, Any], is_best: bool) -> None:
        """A row of the table."""
        self._lines.pop("scoring", None)
        if not self._columns:
            self._columns = _fitting(self._console.width)
            self._console.print(Text("".join(name.rjust(width) for name, width in self._columns), "bold"))
        latest = self._latest
        cells = {
            "epoch": _number(row.get("epoch"), ".1f"),
            "step": f"{row['step']}",
            "loss": _number(latest.get("loss"), ".3f"),
            "val mIoU": _number(row["val_mean_iou"], ".4f"),
            "val acc": _number(row.get("val_accuracy"), ".4f"),
            "lr": _number(latest.get("lr"), ".2e"),
            "img/s": _number(latest.get("images_per_s"), ".1f"),
            "time": clock_text(row["time_s"]),
        }
        line = Text("".join(cells[name].rjust(width) for name, width in self._columns), "green" if is_best else "")
        self._console.print(line + Text(_MARK if is_best else "", "bold green"))

    def _moving(self) -> _Stack:
        return _Stack(self._lines)


class _Stack:
    """The moving lines, one below the other."""

    def __init__(self, lines: Mapping[str, MovingLine]) -> None:
        self.lines = list(lines.values())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            yield line
            yield Segment.line()


def _fitting(room: int) -> tuple[tuple[str, int], ...]:
    """Headings and widths of the columns that fit."""
    columns = list(_COLUMNS)
    while len(columns) > 3 and sum(width for _, width, _ in columns) + len(_MARK) > room:
        columns.remove(max(columns, key=lambda column: column[2]))
    return tuple((name, width) for name, width, _ in columns)


def _number(value: Any, form: str) -> str:
    return "-" if value is None or not math.isfinite(value) else format(value, form)


def clock_text(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour."""
    whole = max(0, round(seconds))
    if whole < 3600:
        return time.strftime("%M:%S", time.gmtime(whole)).removeprefix("0")
    return f"{whole // 3600}:{time.strftime('%M:%S', time.gmtime(whole))}"
