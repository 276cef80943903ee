"""How the result came about: the course of training, what was decided, the facts of the run, the command."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from pixelwise.report import plots
from pixelwise.report.markup import definitions, list_of, section
from pixelwise.report.page_data import ReportData
from pixelwise.report.training_plots import learning_curves

__all__ = ["decisions_section", "facts_section", "training_section"]


def training_section(data: ReportData) -> str:
    """Loss, validation score and learning rate."""
    figures = learning_curves(data.history)
    drawn = [f"<figure><h3>{name}</h3>{plots.to_svg(figure, name)}</figure>" for name, figure in figures.items()]
    return section("training", "Training", f'<div class="columns">{"".join(drawn)}</div>') if drawn else ""


def decisions_section(data: ReportData) -> str:
    """What was decided and why."""
    return section("decisions", "What was decided", list_of(map(escape, data.decisions))) if data.decisions else ""


def facts_section(data: ReportData) -> str:
    """The command that made the page, and facts in groups to open."""
    loose = {key: value for key, value in data.facts.items() if not isinstance(value, Mapping)}
    groups = {**({"Run": loose} if loose else {}), **{k: v for k, v in data.facts.items() if isinstance(v, Mapping)}}
    command = f"<pre>{escape(data.command)}</pre>" if data.command else ""
    parts = [
        f"<details><summary>{escape(str(title))}</summary><div>{definitions(group)}</div></details>"
        for title, group in groups.items()
    ]
    return section("run", "Run facts", f"{command}{''.join(parts)}") if command or parts else ""
