"""Writes the reference pages that come from the code: settings, command line, architectures.

Run it after a change of ``config.py``, ``cli.py`` or the catalog: ``make docs``. A test compares the pages with the code.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

FOLDER = Path(__file__).resolve().parent / "reference"
SIZES = FOLDER.parent.parent / "src" / "pixelwise" / "models" / "sizes.json"
NOTE = "<!-- Written by docs/make_reference.py; do not edit by hand. -->"


def config_page() -> str:
    """Every setting of a run: its name, type, default, range and meaning."""
    from pixelwise.config import RunConfig

    lines = [
        "# Settings of a run",
        NOTE,
        "A run file is YAML with these sections; what it leaves out has the default. `runs/NAME/config.yaml` holds all of them,",
        "resolved. On the command line each has its dotted name:",
        "",
        "```console\npixelwise train data/cells --set optim.lr=3e-4 --set augment.crop=[256,256]\n```",
    ]
    for section, part in RunConfig.model_fields.items():
        model: Any = part.annotation
        lines += [
            "",
            f"## `{section}`",
            "",
            model.__doc__ or "",
            "",
            "| setting | type | default | meaning |",
            "|---|---|---|---|",
        ]
        for name, field in model.model_fields.items():
            bounds = ", ".join(_bounds(field.metadata))
            meaning = "; ".join(part for part in (field.description or "", bounds) if part)
            default = field.get_default(call_default_factory=True)
            lines.append(f"| `{section}.{name}` | {_type(field.annotation)} | `{_shown(default)}` | {_cell(meaning)} |")
    return _text(lines)


def cli_page(app: Any = None) -> str:
    """Every command with its arguments and options. ``app`` is a command group as typer makes it, ours by default."""
    if app is None:
        from typer.main import get_command

        from pixelwise.cli import app as ours

        app = get_command(ours)
    lines = ["# Command line", NOTE, app.help or "", ""]
    shared = [*_option_rows(app.params)]
    if shared:
        lines += ["## Before the verb", "", "| option | default | meaning |", "|---|---|---|", *shared, ""]
    for name, command in app.commands.items():
        if getattr(command, "hidden", False):
            continue
        arguments = [parameter for parameter in command.params if not _is_option(parameter)]
        usage = " ".join(["pixelwise", name, *(_argument(parameter) for parameter in arguments), "[OPTIONS]"])
        lines += [f"## `{usage}`", "", _paragraphs(command.help or ""), ""]
        lines += [f"- `{_argument(parameter)}`: {_cell(parameter.help or '')}" for parameter in arguments]
        options = [*_option_rows(command.params)]
        if options:
            lines += [*([""] if arguments else []), "| option | default | meaning |", "|---|---|---|", *options, ""]
    return _text(lines)


def architectures_page() -> str:
    """The catalog as a table."""
    from pixelwise.models.catalog import ARCHITECTURES

    lines = ["# Architectures", NOTE, "| `--model` | in Python | task | good for | paper |", "|---|---|---|---|---|"]
    for name, row in ARCHITECTURES.items():
        lines.append(f"| `{name}` | `pixelwise.{row.public}` | {row.task} | {_cell(row.summary)} | {_cell(row.paper)} |")
    return _text(lines)


def sizes() -> str:
    """``models/sizes.json``: parameters of every architecture on its own encoder, for 3 channels and 21 classes, so that
    ``pixelwise list`` needs no torch."""
    from pixelwise.models.anatomy import blueprint
    from pixelwise.models.catalog import ARCHITECTURES

    counted = {
        name: sum(parameter.numel() for parameter in blueprint(name, "auto", 3, 21).parameters()) for name in ARCHITECTURES
    }
    return json.dumps(counted, indent=2, sort_keys=True) + "\n"


def _option_rows(parameters: Any) -> Iterator[str]:
    for parameter in parameters:
        if _is_option(parameter) and not parameter.hidden:
            names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
            value = "" if parameter.is_flag else f" `{_value_name(parameter)}`"
            says_nothing = parameter.default is None or parameter.default is False or callable(parameter.default)
            default = "" if says_nothing else f"`{_shown(parameter.default)}`"
            yield f"| {names}{value} | {default} | {_cell(parameter.help or '')} |"


def _is_option(parameter: Any) -> bool:
    return any(name.startswith("-") for name in parameter.opts)


def _value_name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper().strip("_"))


def _argument(parameter: Any) -> str:
    shown = _value_name(parameter) + ("..." if parameter.nargs == -1 else "")
    return shown if parameter.required else f"[{shown}]"


def _type(annotation: Any) -> str:
    """``number, number`` for ``tuple[float, float]``, ``a \\| b`` for a choice, ``... or null`` for an optional one."""
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null"}
    if annotation in words:
        return words[annotation]
    inner = get_args(annotation)
    if get_origin(annotation) is tuple:
        return "list of numbers" if Ellipsis in inner else ", ".join(_type(part) for part in inner)
    if get_origin(annotation) is dict:
        return "names and values"
    if inner and all(isinstance(choice, str) for choice in inner):
        return r" \| ".join(f"`{choice}`" for choice in inner)
    return " or ".join(_type(part) for part in inner)


def _bounds(metadata: list[Any]) -> Iterator[str]:
    for mark in metadata:
        for name, words in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below")):
            if hasattr(mark, name):
                yield f"{words} {getattr(mark, name)}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_shown(part) for part in value) + "]"
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return str(value) or '""'


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _paragraphs(text: str) -> str:
    """Docstring paragraphs, each on one line; the form feed that ends the visible help ends them here too."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\f")[0].split("\n\n") if part.strip())


def _text(lines: list[str]) -> str:
    title, note, *rest = lines
    return "\n".join([title, "", note, "", *rest]).strip() + "\n"


PAGES = {"architectures.md": architectures_page, "cli.md": cli_page, "config.md": config_page}


def main() -> None:
    """Writes the pages that changed and says so."""
    written = {FOLDER / name: page for name, page in PAGES.items()}
    for path, page in {**written, SIZES: sizes}.items():
        text = page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(FOLDER.parent.parent)}")


if __name__ == "__main__":
    main()
