"""``check.html``: what a data set is like and what is wrong with it, on one page that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import cv2
import numpy as np

from pixelwise.formats.atomic import atomic_write
from pixelwise.report.check_plots import brightness_histogram, class_balance, lost_by_stride, object_areas, size_scatter
from pixelwise.report.class_inks import ink_style, inks
from pixelwise.report.markup import class_name, drawn, list_of, percent, section, swatch, table, with_unique_ids
from pixelwise.types import ClassTable

__all__ = ["CheckPage", "Picture", "write_check_page"]

_QUALITY = 78
_FILES_SHOWN = 200
_MOST_CLASSES = 24  # in a figure; the tables have all
_WITH_STRANGERS = ("unknown_ids", "damaged_mask")
_STYLE = """
.fault { margin: 14px 0; padding: 10px 16px 12px; border: 1px solid var(--line); border-left: 4px solid var(--soft);
  border-radius: 0 10px 10px 0; }
.fault.error { border-left-color: #d64550; }
.fault.warning { border-left-color: var(--warn); }
.fault h3 { margin: 0 0 4px; font-size: 15px; }
.fault p { margin: 2px 0; max-width: none; overflow-wrap: anywhere; }
.fault p b { font-weight: 600; }
.kind { margin-right: 8px; font-size: 12.5px; font-weight: 500; color: var(--soft); }
.kind::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-right: 6px; border-radius: 50%;
  background: var(--soft); }
.error .kind::before { background: #d64550; }
.warning .kind::before { background: var(--warn); }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 10px; margin: 12px 0 4px; }
.sheet img { display: block; width: 100%; height: auto; max-height: 260px; object-fit: contain; border-radius: 6px;
  background: var(--raised); }
.sheet figcaption { font-size: 12px; margin-top: 3px; overflow-wrap: anywhere; }
.fault details { margin: 10px 0 0; }
.fault details ul { margin: 0; padding: 0 14px 10px 30px; font: 12px/1.5 ui-monospace, Menlo, Consolas, monospace; }
@media (max-width: 760px) { .sheet { grid-template-columns: repeat(2, minmax(0, 1fr)); } .fault { padding: 9px 12px 11px; } }
"""


@dataclass(frozen=True)
class Picture:
    """One picture of a contact sheet: ``pixels`` (H, W, 3) uint8 RGB as drawn, with a caption."""

    pixels: np.ndarray
    caption: str


@dataclass(frozen=True)
class CheckPage:
    """All that the page shows.

    Args:
        report: ``CheckReport.to_json()`` of a close check, with a ``fingerprint`` among the facts.
        class_table: names and colours.
        sizes: (N, 3) distinct sizes: height, width, images.
        brightness: mean of each image, (N,), by channel, of the commonest kind of image, in the unit that ``unit`` names.
        random: pairs drawn at random, with overlays.
        faulty: pictures by code of problem.
    """

    title: str
    command: str
    report: Mapping[str, Any]
    class_table: ClassTable
    sizes: np.ndarray
    brightness: Mapping[str, np.ndarray] = field(default_factory=dict)
    unit: str = "of 255"
    random: Sequence[Picture] = ()
    faulty: Mapping[str, Sequence[Picture]] = field(default_factory=dict)


def write_check_page(path: str | Path, page: CheckPage) -> Path:
    """Writes the page, whole or not at all. Raises :class:`StorageError` when it cannot."""
    parts = [_header(page), _faults(page), _random(page), _classes(page), _objects(page), _images(page), _decisions(page)]
    folder = files("pixelwise.report")
    style = folder.joinpath("report.css").read_text(encoding="utf-8") + _STYLE + ink_style(page.class_table.colors)
    template = Template(folder.joinpath("report.html").read_text(encoding="utf-8"))
    body = with_unique_ids("\n".join(part for part in parts if part))
    note = "Nothing was changed by this check."
    text = template.substitute(title=escape(page.title), style=style, body=body, note=note)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return Path(path)


def _header(page: CheckPage) -> str:
    facts, problems = page.report["facts"], page.report["problems"]
    kinds = [problem["severity"] for problem in problems]
    tiles = [(f"{facts['images']:,}", "images")]
    tiles += [(f"{count:,}", name) for name, count in facts["splits"].items() if count]
    for kind in ("error", "warning", "note"):
        tiles.append((str(kinds.count(kind)), kind + "s" * (kinds.count(kind) != 1)))
    cells = "".join(f'<div class="tile"><b>{value}</b><span>{escape(name)}</span></div>' for value, name in tiles)
    kind = ", ".join(f"{count:,} {name}" for name, count in facts["image_kinds"].items())
    subtitle = f'<p class="soft">{escape(facts["mode"])} · {len(page.class_table)} classes · {escape(kind)}</p>'
    return f'<h1>{escape(page.title)}</h1>{subtitle}<pre>{escape(page.command)}</pre><div class="tiles">{cells}</div>'


def _faults(page: CheckPage) -> str:
    problems = page.report["problems"]
    if not problems:
        return section("faults", "Faults", "<p>None was found.</p>")
    return section("faults", "Faults", "".join(_fault(problem, page.faulty.get(problem["code"], ())) for problem in problems))


def _fault(problem: Mapping[str, Any], pictures: Sequence[Picture]) -> str:
    kind, named = escape(problem["severity"]), escape(problem["code"].replace("_", " "))
    shown = [f"<li>{escape(file)}</li>" for file in problem["files"][:_FILES_SHOWN]]
    left = len(problem["files"]) - len(shown)
    more = f"<li>and {left:,} more, in the last line of --json</li>" if left > 0 else ""
    count = f"{len(problem['files']):,} file{'s' * (len(problem['files']) != 1)}"
    listed = f"<details><summary>{count}</summary><ul>{''.join(shown)}{more}</ul></details>"
    magenta = '<p class="soft">What is no class is magenta.</p>' if problem["code"] in _WITH_STRANGERS and pictures else ""
    repair = f"<p><b>--fix:</b> {escape(problem['repair'])}</p>" if problem.get("repair") else ""
    return (
        f'<div class="fault {kind}"><h3><span class="kind">{kind}</span> {named}</h3><p>{escape(problem["message"])}</p>'
        f"<p><b>Cure:</b> {escape(problem['cure'])}</p>{repair}{magenta}{_sheet(pictures)}{listed if shown else ''}</div>"
    )


def _sheet(pictures: Sequence[Picture]) -> str:
    return f'<div class="sheet">{"".join(map(_figure, pictures))}</div>' if pictures else ""


def _figure(picture: Picture) -> str:
    height, width = picture.pixels.shape[:2]
    said = escape(picture.caption)
    image = f'<img alt="{said}" loading="lazy" width="{width}" height="{height}" src="{_data_uri(picture.pixels)}">'
    return f"<figure>{image}<figcaption>{said}</figcaption></figure>"


def _random(page: CheckPage) -> str:
    if not page.random:
        return ""
    colors = zip(page.class_table.names, page.class_table.colors.tolist(), strict=True)
    legend = "".join(f"<li>{swatch(color)}{escape(name)}</li>" for name, color in colors)
    hatched = '<li><span class="swatch hatched"></span>ignored</li>' if page.report["facts"]["ignored_fraction"] else ""
    return section("pairs", "Pairs drawn at random", f'<ul class="legend">{legend}{hatched}</ul>{_sheet(page.random)}')


def _classes(page: CheckPage) -> str:
    rows_of = page.report["facts"]["classes"]
    colors = dict(zip(page.class_table.names, page.class_table.colors.tolist(), strict=True))
    splits = [name for name, count in page.report["facts"]["splits"].items() if count]
    totals = {split: sum(row["pixels_by_split"].get(split, 0) for row in rows_of) or 1 for split in splits}
    rows = [
        f"<tr><td>{class_name(row['name'], colors[row['name']])}</td><td>{row['id']}</td><td>{row['pixels']:,}</td>"
        f"<td>{percent(row['share'], 2)}</td><td>{row['images']:,}</td></tr>"
        for row in rows_of
    ]
    listed = table(["class", "id", "pixels", "share", "images"], rows)
    chosen = sorted(rows_of, key=lambda row: -row["pixels"])[:_MOST_CLASSES]
    shares = {split: {row["name"]: row["pixels_by_split"].get(split, 0) / totals[split] for row in chosen} for split in splits}
    figure = drawn(class_balance(shares), "share of the pixels of each class in each split") if shares else ""
    return section("classes", "Classes", f'<div class="split even">{listed}{figure}</div>')


def _objects(page: CheckPage) -> str:
    seen = page.report["facts"]["fingerprint"]
    rows_of = [row for row in seen["objects"] if row["count"]]
    if not rows_of:
        return ""
    colors = dict(zip(page.class_table.names, page.class_table.colors.tolist(), strict=True))
    strides = seen["strides"]
    rows = [
        f"<tr><td>{class_name(row['name'], colors[row['name']])}</td><td>{row['count']:,}</td><td>{row['per_image']:g}</td>"
        f"<td>{percent(row['small'] / row['count'], 0)}</td><td>{row['area'][2]:,}</td>"
        + "".join(f"<td>{percent(share, 0)}</td>" for share in row["lost_pixels"])
        + "</tr>"
        for row in rows_of
    ]
    heads = ["class", "objects", "per image", "small", "median area", *(f"lost at {stride}" for stride in strides)]
    note = (
        "Objects are regions of a class that touch at a side or a corner, or what the masks number. Per image: median of the "
        "images that show any. Small: below 32 × 32 pixels. Lost: pixels that other classes take when the mask is reduced "
        "to a map of this stride; a network that computes on such a map cannot place them better."
    )
    chosen = sorted(rows_of, key=lambda row: -row["count"])[:_MOST_CLASSES]
    ink = inks(page.class_table.colors)
    figures = drawn(
        object_areas(
            {row["name"]: row["areas"] for row in chosen}, {row["name"]: row["area"] for row in chosen}, colors
        ),
        "areas of the objects of each class",
        "Areas of objects: percentiles 5 to 95 (thin), 25 to 75 (thick), median (dot).",
        ink,
    ) + drawn(
        lost_by_stride(strides, {row["name"]: row["lost_pixels"] for row in chosen[:12]}, colors),
        "pixels lost by stride", "Pixels that a map of each stride loses.", ink,
    )  # fmt: skip
    return section("objects", "Objects", f'{table(heads, rows, note)}<div class="split even">{figures}</div>')


def _images(page: CheckPage) -> str:
    seen = page.report["facts"]["fingerprint"]
    parts = []
    for group in seen["intensity"]:
        rows = [
            f"<tr><td>{escape(channel['name'])}</td><td>{channel['mean']:.4g}</td><td>{channel['std']:.4g}</td>"
            f"<td>{channel['low']:g}</td><td>{channel['high']:g}</td></tr>"
            for channel in group["channels"]
        ]
        heads = [f"{group['images']:,} images", "mean", "deviation", "percentile 1", "percentile 99"]
        parts.append(table(heads, rows))
    note = "Mean and deviation over all pixels; percentiles 1 and 99 of the image in which they are lowest and highest."
    common = ", ".join(f"{height} × {width} ({count:,})" for height, width, count in seen["sizes"]["commonest"])
    more = seen["sizes"]["distinct"] - len(seen["sizes"]["commonest"])
    sizes = f"<p>Height × width (images): {common}{f' and {more:,} more sizes' if more > 0 else ''}.</p>" if common else ""
    figures = drawn(size_scatter(page.sizes), "sizes of the images", "Sizes of the images.") if len(page.sizes) > 1 else ""
    if page.brightness:
        bright = brightness_histogram(page.brightness, page.unit)
        figures += drawn(bright, "brightness of the images", "Brightness of the images.")
    shown = f'<div class="split even">{figures}</div>' if figures else ""
    return section("images", "Images", f'{sizes}{"".join(parts)}<p class="note">{note}</p>{shown}')


def _decisions(page: CheckPage) -> str:
    return section("decisions", "How the data were read", list_of(map(escape, page.report["facts"]["decisions"])))


def _data_uri(picture: np.ndarray) -> str:
    ordered = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".webp", ordered, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])[1]
    return f"data:image/webp;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"
