"""A small page's data and what a section of it says, for the tests of the sections."""

import re
from html import unescape

import numpy as np

from pixelwise.report.page_data import ReportData
from pixelwise.types import ClassInfo, ClassTable

NAMES = ("sky", "<b>", "car")
TABLE = ClassTable(tuple(ClassInfo(index, name, (index * 100, 40, 200)) for index, name in enumerate(NAMES)))


def make_data(**changes):
    """Three classes, of which the last one is absent."""
    iou = dict(zip(NAMES, (0.9, 0.25, None), strict=True))
    scores = {
        "mean_iou": 0.575, "accuracy": 0.9, "mean_dice": 0.67, "absent_classes": ["car"], "per_class_iou": iou,
        "per_class_dice": iou, "per_class_precision": iou, "per_class_recall": iou,
        "per_class_target_pixels": dict(zip(NAMES, (75, 25, 0), strict=True)),
    }  # fmt: skip
    return ReportData(**{"title": "t", "command": "c", "scores": scores, "class_table": TABLE, **changes})


def words(markup):
    """The text of a piece of markup, as it is read, drawings left out."""
    text = re.sub(r"<svg .*?</svg>", " ", markup, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).replace("\xa0", " ").split())


def cells(markup):
    """The texts of the cells of each row of all tables, headings too."""
    rows = re.findall(r"<tr.*?</tr>", markup, flags=re.DOTALL)
    return [[words(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.DOTALL)] for row in rows]


def widths(markup, kind):
    """``left`` and ``width`` in percent of the drawn pieces of a kind of tag."""
    found = re.findall(rf"<{kind} style=\"([^\"]*)\"", markup)
    return [[float(value) for value in re.findall(r"(?:left|width):([\d.]+)%", style)] for style in found]


def confusion(*rows):
    return np.array(rows, np.int64)
