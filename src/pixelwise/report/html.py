"""``report.html``: what a run reached, on one page that needs nothing else: no script, no network, no other file.

The page takes plain data and escapes every text in it. Its Content-Security-Policy refuses anything from outside.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import cv2
import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.report import plots
from pixelwise.report.overlay import error_overlay, overlay
from pixelwise.types import IGNORE_INDEX, ClassTable

__all__ = ["Example", "ReportData", "write_report"]

_NOT_MEASURED = "&ndash;"
_PANEL = 560  # pixels of the longer side of an embedded picture
_TILES = {
    "mean_iou": "mean IoU",
    "foreground_iou": "foreground IoU",
    "accuracy": "pixel accuracy",
    "mean_dice": "mean Dice",
    "mean_iou_per_image": "mean IoU per image",
}


@dataclass(frozen=True)
class Example:
    """One image with its result: ``image`` (H, W, C) uint8; ``target`` and ``prediction`` (H, W), or (K, H, W) multilabel,
    uint8 class indices; ``mean_iou`` of this image in [0, 1], nan or ``None`` where undefined."""

    key: str
    image: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    mean_iou: float | None


@dataclass(frozen=True)
class ReportData:
    """All that the page shows.

    ``scores`` is ``SegmentationScores.to_json()``; ``confusion`` (K, K) counts, rows = target, or ``None`` (multilabel);
    ``history`` the rows of ``metrics.csv`` (``step``, ``loss``, ``val_mean_iou``, ``lr``); ``per_image`` rows with ``key``,
    ``mean_iou``, ``accuracy``; ``facts`` text by name, or groups of them by title; ``decisions`` what was decided and why.
    """

    title: str
    command: str
    scores: Mapping[str, Any]
    class_table: ClassTable
    confusion: np.ndarray | None = None
    history: Sequence[Mapping[str, Any]] = ()
    per_image: Sequence[Mapping[str, Any]] = ()
    worst: Sequence[Example] = ()
    best: Sequence[Example] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    decisions: Sequence[str] = ()
    subtitle: str = ""


def write_report(path: str | Path, data: ReportData) -> Path:
    """Writes the page to ``path`` (whole or not at all) and returns the path. Raises :class:`StorageError` when it cannot."""
    if data.confusion is not None and data.confusion.shape != (len(data.class_table),) * 2:
        count = len(data.class_table)
        raise DataError(f"the confusion matrix of {count} classes must be ({count}, {count}), got {data.confusion.shape}")
    sections = (_header, _tiles, _classes, _curves, _confusion, _distribution, _examples, _decisions, _facts)
    body = "\n".join(part for part in (section(data) for section in sections) if part)
    folder = files("pixelwise.report")
    template = Template(folder.joinpath("report.html").read_text(encoding="utf-8"))
    style = folder.joinpath("report.css").read_text(encoding="utf-8")
    note = "Scores are at the original size of the images; absent classes are in no mean."
    page = template.substitute(title=escape(data.title), style=style, body=body, note=note)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return Path(path)


def _header(data: ReportData) -> str:
    subtitle = f'<p class="soft">{escape(data.subtitle)}</p>' if data.subtitle else ""
    command = f"<pre>{escape(data.command)}</pre>" if data.command else ""
    return f"<h1>{escape(data.title)}</h1>\n{subtitle}{command}"


def _tiles(data: ReportData) -> str:
    scores = data.scores
    own = [row["mean_iou"] for row in _measured(data.per_image)]
    absent, ends = scores.get("absent_classes", ()), scores.get("intervals", {})
    shown = {**scores, **({"mean_iou_per_image": sum(own) / len(own)} if own else {})}
    tiles = [
        *((name + _interval(ends.get(key)), _number(shown[key])) for key, name in _TILES.items() if key in shown),
        *([("images", f"{len(data.per_image):,}")] if data.per_image else []),
        ("classes scored", f"{len(data.class_table) - len(absent)} of {len(data.class_table)}"),
    ]
    cells = [
        f'<div class="tile{" main" if position == 0 else ""}"><b>{value}</b><span>{name}</span></div>'
        for position, (name, value) in enumerate(tiles)
    ]
    notes = [f"Absent, so in no mean: {', '.join(absent)}."] if absent else []
    notes += [f"In brackets: {scores['intervals_rule']}."] if "intervals_rule" in scores else []
    notes += [f"Too small a set: {scores['too_small']}."] if "too_small" in scores else []
    note = f'<p class="note">{escape(" ".join(notes))}</p>' if notes else ""
    return f'<div class="tiles">{"".join(cells)}</div>{note}'


def _interval(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f"<br>[{_number(ends[0])}, {_number(ends[1])}]"


def _classes(data: ReportData) -> str:
    pixels = data.scores.get("per_class_target_pixels", {})
    total = sum(pixels.values()) or 1
    rows = []
    for name, color in zip(data.class_table.names, data.class_table.colors.tolist(), strict=True):
        iou, dice, precision, recall = (
            data.scores.get(f"per_class_{key}", {}).get(name) for key in ("iou", "dice", "precision", "recall")
        )
        bar = f'<div class="bar"><i><b style="width:{100 * (_finite(iou) or 0.0):.1f}%"></b></i><em>{_number(iou)}</em></div>'
        share = _percent(pixels[name] / total) if name in pixels else _NOT_MEASURED
        kind, shown = (" class=absent", "absent") if _finite(iou) is None else ("", bar)
        rows.append(
            f'<tr{kind}><td><div class="name">{_swatch(color)}<span>{escape(name)}</span></div></td>'
            f'<td class="wide">{shown}</td><td>{_number(dice)}</td>'
            f"<td>{_number(precision)}</td><td>{_number(recall)}</td><td>{share}</td></tr>"
        )
    return (
        '<h2>Classes</h2><div class="scroll"><table><thead><tr><th>class</th><th class="wide">IoU</th><th>Dice</th>'
        f"<th>precision</th><th>recall</th><th>of pixels</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _curves(data: ReportData) -> str:
    figures = plots.learning_curves(data.history)
    if not figures:
        return ""
    drawn = [f"<figure><h3>{name}</h3>{plots.to_svg(figure, name)}</figure>" for name, figure in figures.items()]
    return f'<h2>Training</h2><div class="columns">{"".join(drawn)}</div>'


def _confusion(data: ReportData) -> str:
    if data.confusion is None or not data.confusion.any():
        return ""
    names = data.class_table.names
    totals = np.maximum(data.confusion.sum(1), 1)
    share = data.confusion / totals[:, None]
    np.fill_diagonal(share, 0.0)
    pairs = [divmod(int(at), len(names)) for at in np.argsort(-share, axis=None, kind="stable")[:8]]
    lines = [
        f"<li>{_percent(share[t, p])} of <b>{escape(names[t])}</b> is taken for <b>{escape(names[p])}</b></li>"
        for t, p in pairs
        if share[t, p] >= 0.005
    ]
    most = f'<div><h3>Most common confusions</h3><ul class="plain">{"".join(lines)}</ul></div>' if lines else ""
    return (
        '<h2>Confusion</h2><p class="note">Percent of each target class (row) by predicted class (column); under half a percent '
        f'is left blank.</p><div class="split{" tall" if len(names) > 14 else ""}"><figure class="scroll">'
        f"{_sized(plots.to_svg(plots.confusion_heatmap(data.confusion, names), 'confusion matrix'))}</figure>{most}</div>"
    )


def _distribution(data: ReportData) -> str:
    rows = sorted(_measured(data.per_image), key=lambda row: row["mean_iou"])
    if len(rows) < 2:
        return ""
    values = [row["mean_iou"] for row in rows]
    svg = plots.to_svg(plots.per_image_histogram(values), "distribution of mean IoU over images")
    lowest = "".join(
        f"<tr><td>{escape(str(row.get('key', '')))}</td><td>{_number(row['mean_iou'])}</td>"
        f"<td>{_number(row.get('accuracy'))}</td></tr>"
        for row in rows[:8]
    )
    return (
        '<h2>Images</h2><p class="note">Each image\'s own mean IoU, over the classes in it or in its prediction.</p>'
        f'<div class="split even"><figure class="plot">{svg}</figure><div><h3>Lowest</h3><table><thead><tr><th>image</th>'
        f"<th>mean IoU</th><th>accuracy</th></tr></thead><tbody>{lowest}</tbody></table></div></div>"
    )


def _examples(data: ReportData) -> str:
    if not data.worst and not data.best:
        return ""
    entries = [
        f"<li>{_swatch(color)}{escape(name)}</li>"
        for name, color in zip(data.class_table.names, data.class_table.colors.tolist(), strict=True)
    ]
    if any((example.target == IGNORE_INDEX).any() for example in (*data.worst, *data.best)):
        entries.append('<li><span class="swatch hatched"></span>ignored</li>')
    worst = sorted(data.worst, key=lambda e: -1.0 if _finite(e.mean_iou) is None else float(e.mean_iou or 0.0))
    best = sorted(data.best, key=lambda e: -1.0 if _finite(e.mean_iou) is None else float(e.mean_iou or 0.0), reverse=True)
    note = '<p class="note">Errors are drawn in the colour of the class that was predicted; what is right is grey.</p>'
    parts = [f'{note if data.confusion is not None else ""}<ul class="legend">{"".join(entries)}</ul>']
    for title, examples in (("Worst images", worst), ("Best images", best)):
        if examples:
            parts.append(f'<h3 class="group">{title}</h3>')
            parts.extend(_example(example, data.class_table.colors) for example in examples)
    return f"<h2>Pictures</h2>{''.join(parts)}"


def _example(example: Example, colors: np.ndarray) -> str:
    image, target, prediction = _shrunk(example)
    panels = (
        ("image", image),
        ("truth", overlay(image, target, colors)),
        ("prediction", overlay(image, prediction, colors)),
        ("errors", error_overlay(image, prediction, target, colors)),
    )
    figures = [f'<figure><img alt="{name}" src="{_data_uri(p)}"><figcaption>{name}</figcaption></figure>' for name, p in panels]
    heading = f'<h3>{escape(example.key)} <span class="soft">mean IoU {_number(example.mean_iou)}</span></h3>'
    return f'<div class="example">{heading}<div class="panels">{"".join(figures)}</div></div>'


def _shrunk(example: Example) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image (by area) and maps (nearest) at the size at which they are embedded."""
    height, width = example.image.shape[:2]
    factor = min(1.0, _PANEL / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    image = example.image[..., :3] if example.image.shape[-1] >= 3 else example.image[..., 0]
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    rows = np.minimum((np.arange(size[1]) + 0.5) * height / size[1], height - 1).astype(int)
    columns = np.minimum((np.arange(size[0]) + 0.5) * width / size[0], width - 1).astype(int)
    target, prediction = (array[..., rows[:, None], columns] for array in (example.target, example.prediction))
    return (small if small.ndim == 3 else cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)), target, prediction


def _data_uri(picture: np.ndarray) -> str:
    encoded = cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, 82])[1]
    return f"data:image/webp;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"


def _decisions(data: ReportData) -> str:
    if not data.decisions:
        return ""
    return f'<h2>What was decided</h2><ul class="plain">{"".join(f"<li>{escape(line)}</li>" for line in data.decisions)}</ul>'


def _facts(data: ReportData) -> str:
    loose = {key: value for key, value in data.facts.items() if not isinstance(value, Mapping)}
    groups = {**({"Run": loose} if loose else {}), **{k: v for k, v in data.facts.items() if isinstance(v, Mapping)}}
    parts = [
        f"<details><summary>{escape(str(title))}</summary><div>{_definitions(group)}</div></details>"
        for title, group in groups.items()
    ]
    return f"<h2>Run facts</h2>{''.join(parts)}" if parts else ""


def _definitions(group: Mapping[str, Any], prefix: str = "") -> str:
    items = []
    for key, value in group.items():
        if isinstance(value, Mapping):
            items.append(_definitions(value, f"{prefix}{key}.")[4:-5])
        else:
            items.append(f"<dt>{escape(prefix + str(key))}</dt><dd>{escape(str(value))}</dd>")
    return f"<dl>{''.join(items)}</dl>"


def _measured(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows whose mean IoU is a number, as a float."""
    found = [{**row, "mean_iou": _finite(row.get("mean_iou"))} for row in rows]
    return [row for row in found if row["mean_iou"] is not None]


def _sized(svg: str) -> str:
    """Drawn at its own size at most, so that text stays legible; the box around it scrolls."""
    width = int(svg.split('data-width="', 1)[1].split('"', 1)[0])
    least = min(width, max(460, round(0.8 * width) if width > 800 else 0))
    return svg.replace("<svg ", f'<svg style="width:{width}px;min-width:{least}px;max-width:100%" ', 1)


def _swatch(color: Sequence[int]) -> str:
    return f'<span class="swatch" style="background:rgb({",".join(str(int(c)) for c in color)})"></span>'


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _number(value: Any) -> str:
    number = _finite(value)
    return _NOT_MEASURED if number is None else f"{number:.3f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if value >= 0.001 or value == 0 else "<0.1 %".replace("<", "&lt;")
