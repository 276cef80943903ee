"""What the README and the documentation show is true: Python parses and names what exists, commands and links are right."""

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command

import pixelwise
from pixelwise.config import RunConfig, with_overrides
from pixelwise.errors import ConfigError
from tests.plan.tree import ROOT

PAGES = [path for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))] if path.is_file()]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[tuple[str, str, str]]:
    """(page, rest of the opening line, text) of every fenced block of a language."""
    return [
        (page, mark.strip(), body) for page, text in TEXTS.items() for name, mark, body in FENCE.findall(text) if name == language
    ]


def wrong_names(tree: ast.Module) -> Iterator[str]:
    """``pw.x`` that does not exist, and calls of ``pw.x(...)`` whose arguments do not fit its signature."""
    known = set(dir(pixelwise))
    for node in ast.walk(tree):
        if _is_ours(node) and node.attr not in known:
            yield f"pixelwise has no {node.attr}"
        elif isinstance(node, ast.Call) and _is_ours(node.func) and node.func.attr in known:
            given = {keyword.arg: None for keyword in node.keywords if keyword.arg}
            try:
                inspect.signature(getattr(pixelwise, node.func.attr)).bind(*node.args, **given)
            except TypeError as error:
                yield f"pixelwise.{node.func.attr}: {error}"


def _is_ours(node: Any) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("pw", "pixelwise")


def commands(text: str) -> Iterator[list[str]]:
    """Words of every ``pixelwise ...`` command in shell blocks and in inline code, launched by torchrun or not."""
    shell = "\n".join(body for name, _, body in FENCE.findall(text) if name in ("bash", "console", "sh"))
    lines = shell.replace("\\\n", " ").splitlines()
    lines += re.findall(r"`(pixelwise [^`\n]+)`", FENCE.sub("", text))
    for line in lines:
        found = re.search(r"(?:^|\s)(?:\S*/)?pixelwise (?!is\b)(.*)", line.split(" # ")[0].strip().removeprefix("$ "))
        if found and not line.lstrip().startswith("#"):
            yield shlex.split(found[1])


def wrong_command(words: list[str], app: Any) -> str:
    """What is wrong with a command line, or nothing: unknown verb, option, value missing, key of ``--set``, too many words."""
    if words[0].startswith("-"):
        return "" if words[0] in {"--help", "--version"} else f"unknown option {words[0]}"
    if words[0] not in app.commands:
        return f"unknown verb {words[0]}"
    parameters = app.commands[words[0]].params
    options = {name: parameter for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}
    places = [parameter for parameter in parameters if not parameter.opts[0].startswith("-")]
    positional, rest = 0, iter(words[1:])
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            positional += word not in ("[OPTIONS]", "...")
        elif name == "--help":
            continue
        elif name not in options:
            return f"{words[0]} has no option {name}"
        elif not options[name].is_flag:
            value = value if equals else next(rest, "")
            if not value:
                return f"{name} has no value"
            if name == "--set":
                with_overrides(RunConfig(), [value])
    most = float("inf") if any(parameter.nargs == -1 for parameter in places) else len(places)
    return "" if positional <= most else f"{words[0]} takes at most {most} arguments, got {positional}"


@pytest.mark.parametrize("page, mark, body", blocks("python"))
def test_python_in_the_documentation_is_right(page: str, mark: str, body: str, tmp_path, monkeypatch):
    tree = ast.parse(body, page)
    assert list(wrong_names(tree)) == []
    if mark == "runnable":
        monkeypatch.chdir(tmp_path)
        exec(compile(tree, page, "exec"), {"__name__": "snippet"})


def test_some_python_in_the_documentation_is_run():
    assert {mark for _, mark, _ in blocks("python")} == {"", "runnable"}


@pytest.mark.parametrize("page", TEXTS)
def test_commands_in_the_documentation_exist(page: str):
    from pixelwise.cli import app

    group = get_command(app)
    assert [(words, wrong) for words in commands(TEXTS[page]) if (wrong := wrong_command(words, group))] == []


@pytest.mark.parametrize("page", TEXTS)
def test_make_targets_in_the_documentation_exist(page: str):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z]+)", TEXTS[page], re.MULTILINE)
    assert set(named) - targets == set()


@pytest.mark.parametrize("page", TEXTS)
def test_links_between_pages_lead_somewhere(page: str):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", FENCE.sub("", TEXTS[page]))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_wrong_names_and_arguments_are_found():
    assert list(wrong_names(ast.parse("pw.Unett('resnet18')"))) == ["pixelwise has no Unett"]
    assert len(list(wrong_names(ast.parse("import pixelwise as pw\npw.RunConfig(1, 2, 3)")))) == 1
    assert list(wrong_names(ast.parse("pw.Unet('resnet18', classes=3)"))) == []


def test_commands_are_found_in_blocks_and_in_text():
    text = (
        "Use `pixelwise check data`.\n```console\n$ .venv/bin/pixelwise train data \\\n    --budget 5m  # soon\n```\n`pixelwise`"
    )
    text += "\n```bash\n# pixelwise is not called here\ntorchrun --nproc-per-node 2 -m pixelwise train data\n```\n"
    assert list(commands(text)) == [["train", "data", "--budget", "5m"], ["train", "data"], ["check", "data"]]


def test_wrong_commands_are_found():
    app = typer.Typer()

    @app.command()
    def train(data: str, budget: str = "", sets: list[str] = typer.Option([], "--set"), quiet: bool = False) -> None: ...

    @app.command()
    def check(data: str) -> None: ...

    group = get_command(app)
    assert wrong_command(["train", "data", "--budget=5m", "--quiet", "--set", "optim.lr=1e-3"], group) == ""
    assert wrong_command(["trian", "data"], group) == "unknown verb trian"
    assert wrong_command(["train", "data", "--bugdet", "5m"], group) == "train has no option --bugdet"
    assert wrong_command(["train", "data", "--budget"], group) == "--budget has no value"
    assert "at most 1" in wrong_command(["check", "data", "more"], group)
    with pytest.raises(ConfigError, match="unknown key"):
        wrong_command(["train", "data", "--set", "optim.rl=1"], group)
