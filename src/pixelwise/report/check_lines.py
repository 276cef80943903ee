"""What a check found, for the terminal: decisions, facts on a few lines, a table of classes, and every problem with its cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pixelwise.report.sentences import hanging

__all__ = ["check_lines"]

_FILES_SHOWN = 3


def check_lines(report: Mapping[str, Any], console: Console) -> Iterator[RenderableType]:
    """Renderables of ``CheckReport.to_json()`` for ``console``."""
    facts = report["facts"]
    for decision in facts["decisions"]:
        yield Text("· ", "cyan") + Text(hanging(console, decision))
    yield Text("· ", "cyan") + Text(hanging(console, _summary(facts)))
    if facts["classes"]:
        yield _classes(facts["classes"])
    for problem in report["problems"]:
        yield from _problem(problem, console)
    errors = sum(problem["severity"] == "error" for problem in report["problems"])
    warnings = len(report["problems"]) - errors
    if errors:
        yield Text(f"{errors} error{'s' * (errors > 1)}: training would refuse this data set", "bold red")
    elif warnings:
        yield Text(f"no errors, {warnings} warning{'s' * (warnings > 1)}", "bold yellow")
    else:
        yield Text("no faults found", "bold green")


def _summary(facts: Mapping[str, Any]) -> str:
    splits = ", ".join(f"{count} {name}" for name, count in facts["splits"].items())
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts["image_kinds"].items())
    parts = [f"{facts['images']} images ({splits})", facts["mode"], kinds]
    if facts["sizes"]:
        low, middle, high = (facts["sizes"][key] for key in ("smallest", "median", "largest"))
        sizes = [f"{height:g}x{width:g}" for height, width in (low, middle, high)]
        span = sizes[0] if len(set(sizes)) == 1 else f"{sizes[0]} to {sizes[2]}, median {sizes[1]}"
        parts.append(f"{span} (height x width)")
    if facts["ignored_fraction"]:
        parts.append(f"{100 * facts['ignored_fraction']:.1f} % of pixels ignored")
    return " · ".join(part for part in parts if part)


def _classes(classes: list[Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("id", justify="right")
    table.add_column("class", max_width=28, no_wrap=True, overflow="ellipsis")
    table.add_column("pixels", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("images", justify="right", no_wrap=True)
    for row in classes:
        share = Text(f"{100 * row['share']:.2f} %", "yellow" if not row["pixels"] else "")
        table.add_row(str(row["id"]), row["name"], f"{row['pixels']:,}", share, f"{row['images']:,}")
    return table


def _problem(problem: Mapping[str, Any], console: Console) -> Iterator[Text]:
    is_error = problem["severity"] == "error"
    mark = f"{problem['severity']}: "
    yield Text(mark, "bold red" if is_error else "bold yellow") + Text(hanging(console, problem["message"], len(mark)))
    for file in problem["files"][:_FILES_SHOWN]:
        yield Text(f"    {file}", "dim")
    if len(problem["files"]) > _FILES_SHOWN:
        yield Text(f"    and {len(problem['files']) - _FILES_SHOWN} more", "dim")
    yield Text("    cure: ", "green") + Text(hanging(console, problem["cure"], 10))
