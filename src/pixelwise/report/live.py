"""What a person sees while training runs: a table that grows by a row at each validation, over one moving line."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

__all__ = ["LiveBoard", "clock_text"]

_HEADER = ("epoch", "step", "loss", "val mIoU", "val acc", "lr", "img/s", "time")
_WIDTHS = (7, 7, 8, 10, 9, 10, 7, 9)


class LiveBoard:
    """Use as a context manager; its methods are those of the engine's watcher."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._latest: dict[str, Any] = {}
        self._has_header = False
        self._progress = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(bar_width=28), _Percent(), TextColumn("{task.fields[numbers]}"),
            console=console, transient=True, refresh_per_second=4,
        )  # fmt: skip
        self._training: TaskID | None = None
        self._validation: TaskID | None = None

    def __enter__(self) -> LiveBoard:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        style = "yellow" if text.startswith("warning") else ""
        self._console.print(Text("· ", "cyan") + Text(text, style))

    def step(self, progress: float, remaining: float | None, row: dict[str, Any]) -> None:
        self._latest = row
        if self._training is None:
            self._training = self._progress.add_task("training", total=1.0, numbers="")
        left = "" if remaining is None else f" · {clock_text(remaining)} left"
        numbers = f"epoch {row['epoch']:.1f} · loss {row['loss']:.3f} · {row['images_per_s']:.1f} img/s{left}"
        self._progress.update(self._training, completed=progress, numbers=numbers)

    def validating(self, done: int, total: int) -> None:
        if self._validation is None:
            self._validation = self._progress.add_task("validating", total=total, numbers="")
        self._progress.update(self._validation, completed=min(done, total), total=total, numbers=f"{min(done, total)}/{total} images")

    def validated(self, row: dict[str, Any], is_best: bool) -> None:
        if self._validation is not None:
            self._progress.remove_task(self._validation)
            self._validation = None
        if not self._has_header:
            self._console.print(Text("".join(name.rjust(width) for name, width in zip(_HEADER, _WIDTHS, strict=True)), "bold"))
            self._has_header = True
        latest = {"loss": float("nan"), "lr": float("nan"), "images_per_s": float("nan"), **self._latest}
        cells = [f"{row['epoch']:.1f}", f"{row['step']}", f"{latest['loss']:.3f}", f"{row['val_mean_iou']:.4f}"]
        cells += [f"{row['val_accuracy']:.4f}", f"{latest['lr']:.2e}", f"{latest['images_per_s']:.1f}", clock_text(row["time_s"])]
        line = "".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
        self._console.print(Text(line, "green" if is_best else "") + Text("  best" if is_best else "", "bold green"))


class _Percent(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.percentage:3.0f} %")


def clock_text(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour."""
    return time.strftime("%-H:%M:%S" if seconds >= 3600 else "%-M:%S", time.gmtime(max(0, round(seconds))))
