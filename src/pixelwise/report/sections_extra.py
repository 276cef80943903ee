"""Further metrics, whatever they are: each a list of its numbers, a table of its values per class, and its notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pixelwise.report.markup import NOT_MEASURED, class_name, section, table
from pixelwise.report.page_data import ReportData

__all__ = ["extra_section"]

_PREFIX = "per_class_"
_WRITTEN = {
    "ace": "ACE", "ap": "AP", "ar": "AR", "assd": "ASSD", "auroc": "AUROC", "cldice": "clDice", "dice": "Dice", "ece": "ECE",
    "f1": "F1", "hausdorff": "Hausdorff", "hd": "HD", "hd95": "HD95", "iou": "IoU", "masd": "MASD", "mcc": "MCC", "nsd": "NSD",
    "pq": "PQ", "rq": "RQ", "sq": "SQ",
}  # fmt: skip
_LONGEST = 12  # numbers of a list that are written out


def extra_section(data: ReportData) -> str:
    """A part for each metric that has anything to show."""
    colors = dict(zip(data.class_table.names, data.class_table.colors.tolist(), strict=True))
    parts = []
    for title, values in data.extra.items():
        lists = _aligned(values)
        others = {key: value for key, value in values.items() if key not in lists}
        body = _scalars(others, colors) + _per_class(others, colors) + _lists(lists) + _rows(others)
        parts.append(f'<h3 class="group">{escape(title)}</h3>{body}' if body else "")
    return section("more", "More metrics", "".join(parts)) if any(parts) else ""


def _scalars(values: Mapping[str, Any], colors: Mapping[str, Any]) -> str:
    items = "".join(f"<dt>{escape(_words(name))}</dt><dd>{_alone(value)}</dd>" for name, value in _flat(values, colors))
    return f'<dl class="numbers">{items}</dl>' if items else ""


def _flat(values: Mapping[str, Any], colors: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Numbers, texts and lists of these, those of nested groups by all their names."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        if _is_column(key, value, colors) or _is_rows(value):
            continue
        if isinstance(value, Mapping):
            found += _flat(value, colors, f"{prefix}{key} ")
        elif not (isinstance(value, Sequence) and not isinstance(value, str) and not len(value)):
            found.append((prefix + str(key), value))
    return found


def _per_class(values: Mapping[str, Any], colors: Mapping[str, Any]) -> str:
    """A column for each key of values by class name, in the order of the classes; names that the table lacks come last."""
    columns = {key: value for key, value in values.items() if _is_column(key, value, colors)}
    found = {name for column in columns.values() for name in column}
    names = [*(name for name in colors if name in found), *sorted(found - set(colors))]
    rows = []
    for name in names:
        cells = "".join(f"<td>{_value(column.get(name))}</td>" for column in columns.values())
        rows.append(f"<tr><td>{class_name(name, colors[name]) if name in colors else escape(name)}</td>{cells}</tr>")
    heads = ["class", *(escape(_words(key.removeprefix(_PREFIX))) for key in columns)]
    return table(heads, rows) if rows else ""


def _aligned(values: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Lists of numbers that belong together: at least two of one length, such as scores by threshold."""
    lists = {key: value for key, value in values.items() if isinstance(value, list | tuple) and all(map(_is_number, value))}
    lengths = [len(value) for value in lists.values()]
    return {key: value for key, value in lists.items() if len(value) > 2 and lengths.count(len(value)) > 1}


def _lists(lists: Mapping[str, Sequence[Any]]) -> str:
    """Lists of one length side by side, as a table."""
    parts = []
    for length in dict.fromkeys(map(len, lists.values())):
        columns = {key: value for key, value in lists.items() if len(value) == length}
        rows = [
            "<tr>" + "".join(f"<td>{_value(cell)}</td>" for cell in row) + "</tr>" for row in zip(*columns.values(), strict=True)
        ]
        parts.append(table([escape(_words(key)) for key in columns], rows))
    return "".join(parts)


def _rows(values: Mapping[str, Any]) -> str:
    """Lists of rows, such as scores by threshold, as tables on demand."""
    parts = []
    for key, rows in values.items():
        if not _is_rows(rows):
            continue
        heads = list(rows[0])
        lines = ["<tr>" + "".join(f"<td>{_value(row.get(head))}</td>" for head in heads) + "</tr>" for row in rows]
        shown = table([escape(_words(head)) for head in heads], lines)
        parts.append(f"<details><summary>{escape(_words(key))}</summary><div>{shown}</div></details>")
    return "".join(parts)


def _is_column(key: str, value: Any, colors: Mapping[str, Any]) -> bool:
    return isinstance(value, Mapping) and (key.startswith(_PREFIX) or (bool(value) and set(value) <= set(colors)))


def _is_rows(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _words(key: str) -> str:
    """``mean_hd95`` as ``mean HD95``."""
    return " ".join(_WRITTEN.get(word, word) for word in str(key).replace("_", " ").split(" "))


def _alone(value: Any) -> str:
    """A value that stands in no column: a whole number, such as an option, without zeros behind the point."""
    if isinstance(value, list | tuple):
        shown = ", ".join(map(_alone, value[:_LONGEST]))
        return shown + (f", and {len(value) - _LONGEST} more" if len(value) > _LONGEST else "")
    return f"{int(value):,}" if isinstance(value, float) and value.is_integer() and abs(value) < 1e9 else _value(value)


def _value(value: Any) -> str:
    if value is None:
        return NOT_MEASURED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"
    return _alone(value) if isinstance(value, list | tuple) else escape(str(value))
