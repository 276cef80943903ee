"""Images with their truth, prediction and errors: the worst, some drawn at random, the best."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from pixelwise.report.markup import finite, number, section, swatch
from pixelwise.report.overlay import error_overlay, overlay
from pixelwise.report.page_data import Example, ReportData
from pixelwise.types import IGNORE_INDEX

__all__ = ["pictures_section"]

_LARGE, _SMALL = 560, 320  # pixels of the longer side of an embedded picture
_LARGE_QUALITY, _SMALL_QUALITY = 82, 75
_SHOWN = 6  # of the worst, large; all others are small and wait in a closed block, so that the page stays light


def pictures_section(data: ReportData) -> str:
    """The worst images, worst first; those at random in their order; the best, best first."""
    everything = (*data.worst, *data.random, *data.best)
    if not everything:
        return ""
    colors = data.class_table.colors
    entries = [
        f"<li>{swatch(color)}{escape(name)}</li>" for name, color in zip(data.class_table.names, colors.tolist(), strict=True)
    ]
    if any((example.target == IGNORE_INDEX).any() for example in everything):
        entries.append('<li><span class="swatch hatched"></span>ignored</li>')
    worst = sorted(data.worst, key=_score)
    best = sorted(data.best, key=_score, reverse=True)
    is_exclusive = all(example.target.ndim == 2 for example in everything)
    note = '<p class="note">Errors are drawn in the colour of the class that was predicted; what is right is grey.</p>'
    parts = [f'{note if is_exclusive else ""}<ul class="legend">{"".join(entries)}</ul>']
    if worst:
        shown = "".join(_example(example, colors, _LARGE, _LARGE_QUALITY) for example in worst[:_SHOWN])
        parts.append(f'<h3 class="group">Worst images</h3>{shown}')
    several = len(worst) - _SHOWN
    parts.append(_block(f"{several} more of the worst", worst[_SHOWN:], colors))
    parts.append(_block(_at_random(len(data.random)), data.random, colors))
    parts.append(_block("Best images", best, colors))
    return section("pictures", "Pictures", "".join(parts))


def _at_random(count: int) -> str:
    return f"{count} images drawn at random" if count != 1 else "An image drawn at random"


def _block(title: str, examples: Sequence[Example], colors: np.ndarray) -> str:
    """Small pictures behind a line that opens them and says what their scores are."""
    if not examples:
        return ""
    scores = sorted(score for score in (finite(example.mean_iou) for example in examples) if score is not None)
    span = f'<span class="soft">mean IoU {scores[0]:.3f} to {scores[-1]:.3f}</span>' if len(scores) > 1 else ""
    shown = "".join(_example(example, colors, _SMALL, _SMALL_QUALITY) for example in examples)
    return f"<details><summary>{title} {span}</summary><div>{shown}</div></details>"


def _score(example: Example) -> float:
    """An image without a score comes first."""
    score = finite(example.mean_iou)
    return -1.0 if score is None else score


def _example(example: Example, colors: np.ndarray, longest: int, quality: int) -> str:
    image, target, prediction = _shrunk(example, longest)
    panels = (
        ("image", image),
        ("truth", overlay(image, target, colors)),
        ("prediction", overlay(image, prediction, colors)),
        ("errors", error_overlay(image, prediction, target, colors)),
    )
    figures = "".join(_panel(name, panel, quality) for name, panel in panels)
    heading = f'<h3>{escape(example.key)} <span class="soft">mean IoU {number(example.mean_iou)}</span></h3>'
    return f'<div class="example">{heading}<div class="panels">{figures}</div></div>'


def _panel(name: str, picture: np.ndarray, quality: int) -> str:
    height, width = picture.shape[:2]
    shown = f'<img alt="{name}" width="{width}" height="{height}" src="{_data_uri(picture, quality)}">'
    return f"<figure>{shown}<figcaption>{name}</figcaption></figure>"


def _shrunk(example: Example, longest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image (by area) and maps (nearest) at the size at which they are embedded."""
    height, width = example.image.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    image = example.image[..., :3] if example.image.shape[-1] >= 3 else example.image[..., 0]
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    rows = np.minimum((np.arange(size[1]) + 0.5) * height / size[1], height - 1).astype(int)
    columns = np.minimum((np.arange(size[0]) + 0.5) * width / size[0], width - 1).astype(int)
    target, prediction = (array[..., rows[:, None], columns] for array in (example.target, example.prediction))
    return (small if small.ndim == 3 else cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)), target, prediction


def _data_uri(picture: np.ndarray, quality: int) -> str:
    encoded = cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
    return f"data:image/webp;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"
