"""The reference pages say what the code says."""

import importlib.util
from types import ModuleType
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from tests.plan.tree import ROOT


def reference() -> ModuleType:
    """``docs/make_reference.py`` as a module."""
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["architectures.md", "cli.md", "config.md"])
def test_the_page_is_up_to_date(name: str):
    path = ROOT / "docs" / "reference" / name
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    assert written == reference().PAGES[name](), f"docs/reference/{name} is older than the code; cure: make docs"


def test_settings_show_type_default_range_and_meaning():
    page = reference().config_page()
    assert "| `optim.momentum` | number | `0.9` | of sgd; at least 0, below 1 |" in page
    assert r"| `optim.name` | `adamw` \| `sgd` | `adamw` |" in page
    assert "| `train.steps` | whole number or null | `null` | optimiser steps; overrides the budget; at least 1 |" in page
    assert "| `loss.dice` | number | `1.0` |" in page  # and not true, which 1.0 equals


def test_commands_show_arguments_options_and_defaults():
    app = typer.Typer(help="Does things.")

    @app.command()
    def train(
        data: Annotated[str, typer.Argument(help="the folder")],
        more: Annotated[list[str] | None, typer.Argument(help="others")] = None,
        model: Annotated[str, typer.Option(help="a | b")] = "unet",
        seed: Annotated[int, typer.Option(help="of numbers")] = 0,
        quiet: Annotated[bool, typer.Option("--quiet", help="say less")] = False,
        secret: Annotated[str, typer.Option(hidden=True)] = "",
    ) -> None:
        """Trains.

        All of
        it."""

    @app.command()
    def demo() -> None:
        """Shows."""

    page = reference().cli_page(get_command(app))
    assert "## `pixelwise train DATA [MORE...] [OPTIONS]`\n\nTrains.\n\nAll of it.\n\n- `DATA`: the folder\n" in page
    assert "| `--model` `MODEL` | `unet` | a \\| b |\n| `--seed` `SEED` | `0` | of numbers |\n| `--quiet` |  | say less |" in page
    assert "secret" not in page
    assert "## `pixelwise demo [OPTIONS]`\n\nShows." in page
