"""Nothing in the repository names the machine it was written on, a package index, or a secret."""

import re
import subprocess

import pytest

from tests.plan.tree import ROOT

# Written in parts, so that this file does not hold what it looks for.
_FOLDERS = ["wo" + "rk", "ho" + "me", "ro" + "ot", "Us" + "ers", "m" + "nt", "op" + "t"]
_HOSTS = ["py" + "pi.org", "files.python" + "hosted.org", "download.py" + "torch.org", "conda.ana" + "conda.org"]
PATTERNS = {
    "an absolute path of one machine": rf"(?<![\w.$~}}-])/(?:{'|'.join(_FOLDERS)})/\w",
    "a drive of one machine": r"\b[A-Z]:\\" + "Us" + "ers",
    "a folder beside the repository": r"\.\./" + "sha" + r"red|\.lib" + "rary/",
    "a host of packages": "|".join(re.escape(host) for host in _HOSTS),
    "an option that names a package index": "--(?:extra-)?index-" + "url|--find-" + "links|PIP_(?:EXTRA_)?INDEX_" + "URL",
    "a file address": "file:" + "//",
    "a build of one machine": r"==[\d.]+\+(?:" + "cpu|cu" + r"\d)",
    "a secret": "h" + r"f_[A-Za-z0-9]{30}|gh" + r"p_[A-Za-z0-9]{30}|AK" + r"IA[A-Z0-9]{16}|BEGIN [A-Z ]*PRIVATE " + "KEY",
}


def told_by(text: str) -> list[str]:
    """What a text gives away."""
    return [f"{what}: {found[0]!r}" for what, pattern in PATTERNS.items() for found in [re.search(pattern, text)] if found]


def _repository_files() -> list[str]:
    """Tracked files and those about to be; none outside a git checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_no_file_names_the_place_it_was_made():
    found = {}
    for name in _repository_files():
        path = ROOT / name
        if path.is_file() and (told := told_by(path.read_bytes().decode("utf-8", "ignore"))):
            found[name] = told
    assert found == {}


def test_no_name_of_a_file_does_either():
    assert [name for name in _repository_files() if told_by("/" + name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "work/main/x",
        "open('/" + "home/me/data')",
        "C:\\" + "Users\\me",
        "data at ../" + "shared/data",
        "from https://py" + "pi.org/simple",
        "pip install --index-" + "url X",
        "torch==2.10.0+" + "cpu",
        "token h" + "f_" + "a" * 30,
    ],
)
def test_a_place_is_found(text: str):
    assert len(told_by(text)) == 1


@pytest.mark.parametrize("text", ["frame/work/x", "network/home/", "pip install -c constraints.txt", "~/data"])
def test_an_innocent_text_passes(text: str):
    assert told_by(text) == []
