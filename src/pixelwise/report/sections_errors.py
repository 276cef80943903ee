"""Where the errors sit: at borders or inside, in small or large objects, and between which classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pixelwise.report.markup import LEFT, WIDE, bar, class_name, finite, percent, section, table, two_lines
from pixelwise.report.page_data import ReportData
from pixelwise.report.places import place_names

__all__ = ["border_sentence", "errors_section"]

_GROUPS = {"distance to a border": ("boundary", "inside"), "size of the object": ("small", "medium", "large")}


def errors_section(data: ReportData) -> str:
    """A sentence, the shares of pixels and of errors in each place, and the pairs of classes with most errors."""
    places, pairs = data.errors.get("places", {}), data.errors.get("pairs", ())
    sentences = " ".join(filter(None, (border_sentence(data.errors), _size_sentence(data.errors))))
    lead = f"<p>{sentences}</p>" if sentences else ""
    body = _places(places, place_names(data.errors)) + _pairs(pairs, data)
    return section("errors", "Where the errors sit", lead + body) if body else ""


def border_sentence(errors: Mapping[str, Any]) -> str:
    """How many of the wrong pixels are near a border, and how many of all pixels are; empty where that was not measured."""
    place = errors.get("places", {}).get("boundary", {})
    wrong, all_pixels = finite(place.get("share_of_errors")), finite(place.get("share_of_pixels"))
    if wrong is None or all_pixels is None:
        return ""
    near = f"within {errors['radius']:g} px of a border" if "radius" in errors else "at a border"
    share, everywhere = _plain(wrong), _plain(all_pixels)
    return f"{share[:1].upper()}{share[1:]} of the wrong pixels lie {near} between classes, where {everywhere} of the pixels are."


def _size_sentence(errors: Mapping[str, Any]) -> str:
    """The size of object whose share of the errors is furthest above its share of the pixels."""
    names, found = place_names(errors), []
    for size in _GROUPS["size of the object"]:
        place = errors.get("places", {}).get(size, {})
        wrong, all_pixels = finite(place.get("share_of_errors")), finite(place.get("share_of_pixels"))
        if wrong and all_pixels and wrong > all_pixels:
            found.append((wrong / all_pixels, names[size], wrong, all_pixels))
    if not found:
        return ""
    times, (name, measure), wrong, all_pixels = max(found)
    said = f" ({measure})" if measure else ""
    more = f", {times:.1f} times as many as their share" if times >= 1.1 else ""
    return f"{name.capitalize()}{said} hold {_plain(all_pixels)} of the pixels and {_plain(wrong)} of the errors{more}."


def _places(places: Mapping[str, Mapping[str, Any]], names: Mapping[str, tuple[str, str]]) -> str:
    rows = []
    for group, keys in _GROUPS.items():
        shown = [key for key in keys if places.get(key, {}).get("pixels")]
        rows += [f'<tr class="group"><td colspan="5">by {group}</td></tr>'] if shown else []
        for key in shown:
            place = places[key]
            shares = [percent(place[share]) for share in ("share_of_pixels", "share_of_errors", "error_rate")]
            cells = "".join(f"<td>{share}</td>" for share in shares)
            rows.append(f'<tr><td>{two_lines(*names[key])}</td><td class="wide">{_dumbbell(place)}</td>{cells}</tr>')
    if not rows:
        return ""
    key = '<span class="key"><span><i class="ring"></i>of pixels</span><span><i class="dot"></i>of errors</span></span>'
    note = "Error rate: the share of the pixels in that place that are wrong."
    return table(["place", WIDE + key, "of pixels", "of errors", "error rate"], rows, note)


def _dumbbell(place: Mapping[str, Any]) -> str:
    """From the share of the pixels (ring) to that of the errors (dot), on an axis of 0 to 100 %."""
    start, end = (100 * (finite(place[key]) or 0.0) for key in ("share_of_pixels", "share_of_errors"))
    more, low = " more" if end > start else "", min(start, end)
    return (
        f'<div class="dumbbell{more}" aria-hidden="true"><i style="left:{low:.1f}%;width:{abs(end - start):.1f}%"></i>'
        f'<u style="left:{start:.1f}%"></u><b style="left:{end:.1f}%"></b></div>'
    )


def _pairs(pairs: Sequence[Mapping[str, Any]], data: ReportData) -> str:
    if not pairs:
        return ""
    colors = dict(zip(data.class_table.names, data.class_table.colors.tolist(), strict=True))
    longest = max(finite(pair["share_of_errors"]) or 0.0 for pair in pairs) or 1.0
    rows = []
    for pair in pairs:
        both = [
            class_name(name, colors[name]) if name in colors else escape(name) for name in (pair["target"], pair["predicted"])
        ]
        share = finite(pair["share_of_errors"]) or 0.0
        rows.append(
            f'<tr><td>{both[0]}</td><td class="left">{both[1]}</td><td class="wide">{bar(share / longest, percent(share))}</td>'
            f"<td>{int(pair['pixels']):,}</td><td>{percent(pair.get('at_boundary'), 0)}</td></tr>"
        )
    total = sum(finite(pair["share_of_errors"]) or 0.0 for pair in pairs)
    note = f"These {len(pairs)} pairs hold {percent(total)} of all wrong pixels." if len(pairs) > 1 else ""
    heads = ["truth", LEFT + "taken for", WIDE + "of all errors", "pixels", "at a border"]
    return f'<h3 class="group">Between which classes</h3>{table(heads, rows, note)}'


def _plain(share: float) -> str:
    """Whole percent in a sentence, one decimal below ten."""
    text = percent(share, 0 if share >= 0.0995 else 1)
    return text.replace("&lt;", "under ").replace("&gt;", "over ")
