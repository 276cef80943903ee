"""How well scores rank pixels: ROC and precision-recall curves, their areas and what chance would reach."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from pixelwise.report.class_inks import inks
from pixelwise.report.markup import class_name, drawn, finite, number, percent, section, table
from pixelwise.report.page_data import ReportData
from pixelwise.report.ranking_plots import NAMED, named_classes, precision_recall_figure, roc_figure

__all__ = ["ranking_section"]


def ranking_section(data: ReportData) -> str:
    """Both figures, the areas with their bounds, and the classes without a curve with the reason."""
    ranking = data.ranking
    if not ranking:
        return ""
    colors = dict(zip(data.class_table.names, data.class_table.colors.tolist(), strict=True))
    lead = '<p class="note">Each class against all others, over every counted pixel and every threshold of its score.</p>'
    figures = ""
    if named_classes(ranking["per_class_auroc"]):
        roc, recall = roc_figure(ranking, colors), precision_recall_figure(ranking, colors)
        replaced = inks(data.class_table.colors)
        figures = (
            '<div class="split even">'
            + drawn(roc, "ROC curves of the classes", _roc_caption(ranking), replaced)
            + drawn(recall, "precision-recall curves of the classes", _recall_caption(ranking), replaced)
            + "</div>"
        )
    undefined = ranking.get("undefined_classes", {})
    missing = "; ".join(f"{escape(name)} ({escape(reason)})" for name, reason in undefined.items())
    left_out = f'<p class="note">Undefined, so without a curve and in no mean: {missing}.</p>' if undefined else ""
    rows = f"<details><summary>Areas and thresholds of each class</summary><div>{_table(ranking, colors)}</div></details>"
    return section("ranking", "ROC and precision-recall", lead + figures + left_out + rows)


def _roc_caption(ranking: Mapping[str, Any]) -> str:
    areas = _areas(ranking, "auroc")
    return f"<b>ROC.</b> Area under the curve: {areas}. The diagonal is chance, an area of 0.5.{_choice(ranking, 'auroc')}"


def _recall_caption(ranking: Mapping[str, Any]) -> str:
    shares = [share for share in _shares(ranking).values() if 0 < share < 1]
    chance = ""
    if shares:
        low, high = percent(min(shares)), percent(max(shares))
        span = f"from {low} to {high}" if low != high else f"here {low}"
        chance = f" Chance is a level line at the class's share of the pixels, {span}."
    areas = _areas(ranking, "average_precision")
    return f"<b>Precision-recall.</b> Average precision: {areas}.{chance}{_choice(ranking, 'average_precision')}"


def _areas(ranking: Mapping[str, Any], area: str) -> str:
    """``macro 0.981, micro 0.993``, with what they can be off by where scores were rounded."""
    parts = []
    for how in ("macro", "micro"):
        bound = "" if ranking.get("is_exact") else f" ±&nbsp;{_bound(ranking.get(f'{how}_{area}_bound'))}"
        parts.append(f"{how} {_area(ranking.get(f'{how}_{area}'), 3)}{bound}")
    return ", ".join(parts)


def _choice(ranking: Mapping[str, Any], area: str) -> str:
    known = sum(value is not None for value in ranking[f"per_class_{area}"].values())
    return (
        f" Named are the three classes with the largest and the five with the smallest areas of {known}." if known > NAMED else ""
    )


def _shares(ranking: Mapping[str, Any]) -> dict[str, float]:
    """The share of the counted pixels that are of each class."""
    found = {}
    for name, positives in ranking.get("per_class_positives", {}).items():
        total = positives + ranking["per_class_negatives"][name]
        found[name] = positives / total if total else 0.0
    return found


def _table(ranking: Mapping[str, Any], colors: Mapping[str, Any]) -> str:
    """All classes, smallest average precision first; those without any last."""
    precision, shares = ranking["per_class_average_precision"], _shares(ranking)
    order = sorted(precision, key=lambda name: (precision[name] is None, precision[name] or 0.0))
    rows = []
    for name in order:
        own = {
            key.removeprefix("per_class_"): values.get(name) for key, values in ranking.items() if key.startswith("per_class_")
        }
        cells = [_bounded(own, key, ranking) for key in ("auroc", "average_precision")]
        cells += [percent(shares.get(name)), number(own["best_f1"]), _threshold(own, "best_f1")]
        cells += [number(own["best_youden"]), _threshold(own, "best_youden")]
        kind = " class=absent" if precision[name] is None else ""
        named = class_name(name, colors[name]) if name in colors else escape(name)
        rows.append(f"<tr{kind}><td>{named}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    note = "Thresholds are fitted to these very images: choose those that you use on other ones."
    exact = "" if ranking.get("is_exact") else " ± is the most that rounding of the scores can have changed."
    heads = ["class", "AUROC", "average precision", "of pixels", "best F1", "at score", "best Youden's J", "at score"]
    return table(heads, rows, note + exact)


def _area(value: Any, digits: int) -> str:
    """With a fourth digit where three would round it up to certainty."""
    found = finite(value)
    if found is not None and found < 1 and round(found, digits) == 1:
        return f"{found:.4f}" if round(found, 4) < 1 else "&gt;0.9999"
    return number(value, digits)


def _bounded(own: Mapping[str, Any], key: str, ranking: Mapping[str, Any]) -> str:
    value = _area(own[key], 4)
    return value if ranking.get("is_exact") or own[key] is None else f"{value} <small>± {_bound(own.get(f'{key}_bound'))}</small>"


def _threshold(own: Mapping[str, Any], key: str) -> str:
    if own[key] is None:
        return number(None)
    return "never" if own[f"{key}_threshold"] is None else f"{own[f'{key}_threshold']:.3g}"


def _bound(value: Any) -> str:
    """A bound with two digits, so that a small one is not 0."""
    found = finite(value)
    if found is None:
        return number(None)
    if not 0 < found < 1e-3:
        return f"{found:.2g}"
    digits, power = f"{found:.1e}".split("e")
    return f"{digits}&nbsp;×&nbsp;10<sup>&minus;{-int(power)}</sup>"
