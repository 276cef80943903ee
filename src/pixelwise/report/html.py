"""``report.html``: what a run reached, on one page that needs nothing else: no script, no network, no other file.

The page takes plain data and escapes every text in it. Its Content-Security-Policy refuses anything from outside.
"""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from pixelwise.errors import DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.report.class_inks import ink_style
from pixelwise.report.markup import with_unique_ids
from pixelwise.report.page_data import Example as Example
from pixelwise.report.page_data import ReportData as ReportData
from pixelwise.report.sections_calibration import calibration_section
from pixelwise.report.sections_classes import classes_section, confusion_section
from pixelwise.report.sections_errors import errors_section
from pixelwise.report.sections_extra import extra_section
from pixelwise.report.sections_images import images_section, subgroups_section
from pixelwise.report.sections_pictures import pictures_section
from pixelwise.report.sections_ranking import ranking_section
from pixelwise.report.sections_run import decisions_section, facts_section, training_section
from pixelwise.report.sections_summary import header, summary_section, tiles

__all__ = ["write_report"]

_SECTIONS = (
    summary_section,
    classes_section,
    errors_section,
    confusion_section,
    pictures_section,
    images_section,
    subgroups_section,
    ranking_section,
    calibration_section,
    extra_section,
    training_section,
    decisions_section,
    facts_section,
)


def write_report(path: str | Path, data: ReportData) -> Path:
    """Writes the page to ``path`` (whole or not at all) and returns the path. Raises :class:`StorageError` when it cannot."""
    if data.confusion is not None and data.confusion.shape != (len(data.class_table),) * 2:
        count = len(data.class_table)
        raise DataError(f"the confusion matrix of {count} classes must be ({count}, {count}), got {data.confusion.shape}")
    sections = [part for part in (section(data) for section in _SECTIONS) if part]
    body = "\n".join([header(data), tiles(data), _contents(sections), *sections])
    folder = files("pixelwise.report")
    template = Template(folder.joinpath("report.html").read_text(encoding="utf-8"))
    style = folder.joinpath("report.css").read_text(encoding="utf-8") + ink_style(data.class_table.colors)
    note = "Scores are at the original size of the images; absent classes are in no mean."
    page = template.substitute(title=escape(data.title), style=style, body=with_unique_ids(body), note=note)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return Path(path)


def _contents(sections: list[str]) -> str:
    """Links to the sections, which all begin with their name and heading."""
    found = [re.match(r'<section id="([^"]*)"><h2>(.*?)</h2>', part) for part in sections]
    links = [f'<a href="#{match[1]}">{match[2]}</a>' for match in found if match]
    return f'<nav aria-label="Contents">{"".join(links)}</nav>' if len(links) > 3 else ""
