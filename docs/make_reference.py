"""Writes the reference pages that come from the code: settings, command line, architectures.

Run it after a change of ``config.py``, ``cli.py`` or the catalog: ``make docs``. A test compares the pages with the code.
"""

import inspect
import json
import re
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
    """The catalog as tables: what there is, its options, and how its sizes compare with what is published."""
    from pixelwise.models.catalog import ARCHITECTURES, builder, encoder_builder

    counted = json.loads(sizes())
    lines = ["# Architectures", NOTE, "`pixelwise list` prints this table, `pixelwise show NAME` the parts of one of them.", ""]
    lines += ["Parameters are those with the network's own encoder, 3 channels and 21 classes.", ""]
    lines += ["| `--model` | in Python | good for | encoder | parameters | paper |", "|---|---|---|---|--:|---|"]
    for name, row in ARCHITECTURES.items():
        cells = [f"`{name}`", f"`pixelwise.{row.public}`", _cell(row.summary), f"`{row.encoder}`", f"{counted[name]:,}"]
        lines.append(f"| {' | '.join(cells)} | {_cell(row.paper)} |")
    lines += ["", "## Options", "", "On the command line `--set model.options.NAME=VALUE`, in Python an argument of the call."]
    general = encoder_builder("unet")
    for name in ARCHITECTURES:
        own = [*_options(builder(name), 2), *(_options(encoder_builder(name), 3) if encoder_builder(name) is not general else [])]
        lines += ["", f"### `{name}`", "", "| option | default | meaning |", "|---|---|---|", *own]
    lines += [
        "",
        "### Encoders",
        "",
        "All networks whose encoder is a timm name take these; all but the first two are for `plain` alone.",
    ]
    lines += ["", "| option | default | meaning |", "|---|---|---|", *_options(general, 3)]
    lines += [
        "",
        "## Sizes as published",
        "",
        "A test builds each of these and compares; options are those that make ours the network of the source.",
    ]
    lines += [
        "",
        "| network | encoder, classes, options | parameters | multiply-adds of one image | source |",
        "|---|---|--:|--:|---|",
    ]
    for name, row in ARCHITECTURES.items():
        if row.published:
            lines.append(_published(name, row.published))
    return _text(lines)


def _published(name: str, published: Any) -> str:
    options = "".join(f", `{key}={value}`" for key, value in published.options.items())
    height, width = published.size
    work = f"{published.multiply_adds / 1e9:.1f} billion at {height} x {width}" if published.multiply_adds else ""
    setting = f"`{published.encoder}`, {published.classes}{options}"
    return f"| `{name}` | {setting} | {published.parameters:,} | {work} | {_cell(published.source)} |"


def _options(function: Any, skipped: int) -> Iterator[str]:
    """A row for each argument after the first ones: its name as users write it, default, and meaning from the docstring."""
    meanings = _meanings(function.__doc__ or "")
    for name, parameter in list(inspect.signature(function).parameters.items())[skipped:]:
        shown = name if skipped == 2 or name == "dims" else f"encoder_{name}"
        yield f"| `{shown}` | `{_shown(parameter.default)}` | {_cell(meanings.get(name, ''))} |"


def _meanings(documentation: str) -> dict[str, str]:
    """The ``Args:`` of a docstring, by name; Sphinx roles become plain code."""
    block = re.search(r"Args:\n(.*?)(?:\n\s*\n|\Z)", documentation, re.DOTALL)
    found: dict[str, str] = {}
    for entry in re.split(r"\n {8}(?! )", "\n" + block[1] if block else ""):
        names, _, meaning = entry.partition(":")
        text = re.sub(r":\w+:`~?([^`]+)`", r"``\1``", " ".join(meaning.split())).replace("``", "`")
        found |= {name.strip(): text for name in names.split(",")}
    return found


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
