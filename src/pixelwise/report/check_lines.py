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
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
_STRIDE = 8  # the one of the fingerprint's strides that the table has room for


def check_lines(report: Mapping[str, Any], console: Console) -> Iterator[RenderableType]:
    """Renderables of ``CheckReport.to_json()`` for ``console``."""
    facts = report["facts"]
    for decision in facts["decisions"]:
        yield Text("· ", "cyan") + Text(hanging(console, decision))
    yield Text("· ", "cyan") + Text(hanging(console, _summary(facts)))
    seen = facts.get("fingerprint", {})
    for group in seen.get("intensity", ()):
        yield Text("· ", "cyan") + Text(hanging(console, _intensity(group, facts["images"])))
    if facts["classes"]:
        yield _classes(facts["classes"], {row["name"]: row for row in seen.get("objects", ())}, seen.get("strides", []))
    for problem in report["problems"]:
        yield from _problem(problem, console)
    yield _verdict([problem["severity"] for problem in report["problems"]])


def _verdict(severities: list[str]) -> Text:
    counts = {kind: severities.count(kind) for kind in _STYLES}
    told = [f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items() if count]
    if counts["error"]:
        return Text(f"{', '.join(told)}: training would refuse this data set", _STYLES["error"])
    if counts["warning"]:
        return Text(f"no errors, {', '.join(told)}", _STYLES["warning"])
    return Text(", ".join(["no faults found", *told]), "bold green")


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


def _intensity(group: Mapping[str, Any], images: int) -> str:
    """Mean and deviation of each channel, in the files' own units."""
    channels = ", ".join(f"{channel['name']} {channel['mean']:.4g} ± {channel['std']:.3g}" for channel in group["channels"])
    some = "" if group["images"] == images else f" of {group['images']} images"
    return f"brightness{some}: {channels}"


def _classes(classes: list[Mapping[str, Any]], objects: Mapping[str, Mapping[str, Any]], strides: list[int]) -> Table:
    """A row for each class; of its objects, where there was a closer look."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("id", justify="right")
    table.add_column("class", max_width=28, no_wrap=True, overflow="ellipsis")
    lost = [f"lost at {_STRIDE}"] if _STRIDE in strides else []
    for heading in ("pixels", "share", "images", *(["objects", "median px", *lost] if objects else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in classes:
        share = Text(f"{100 * row['share']:.2f} %", "yellow" if not row["pixels"] else "")
        own = objects.get(row["name"])
        cells = [f"{own['count']:,}", f"{own['area'][2]:,}" if own["area"] else ""] if own else []
        cells += [f"{100 * own['lost_pixels'][strides.index(_STRIDE)]:.0f} %"] * len(lost) if own else []
        table.add_row(str(row["id"]), row["name"], f"{row['pixels']:,}", share, f"{row['images']:,}", *cells)
    if lost and objects:
        table.caption = f"lost at {_STRIDE}: pixels that fall to other classes on a map of stride {_STRIDE}"
        table.caption_justify = "left"
    return table


def _problem(problem: Mapping[str, Any], console: Console) -> Iterator[Text]:
    mark = f"{problem['severity']}: "
    yield Text(mark, _STYLES[problem["severity"]]) + Text(hanging(console, problem["message"], len(mark)))
    for file in problem["files"][:_FILES_SHOWN]:
        yield Text(f"    {file}", "dim")
    if len(problem["files"]) > _FILES_SHOWN:
        yield Text(f"    and {len(problem['files']) - _FILES_SHOWN} more", "dim")
    yield Text("    cure: ", "green") + Text(hanging(console, problem["cure"], 10))
    if problem.get("repair"):
        yield Text("    --fix: ", "green") + Text(hanging(console, problem["repair"], 11))
