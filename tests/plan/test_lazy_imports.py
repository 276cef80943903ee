"""``import pixelwise`` and ``pixelwise --help`` answer at once, because they load nothing heavy."""

import json
import os
import subprocess
import sys

import pytest

import pixelwise
from tests.plan.tree import SRC

HEAVY = {"cv2", "matplotlib", "pandas", "scipy", "seaborn", "sklearn", "tensorboard", "timm", "torch", "torchvision"}

_HELP = """
import contextlib, io, sys
from pixelwise.cli import main
sys.argv = ["pixelwise", *{arguments!r}]
with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
    main()
assert "Usage" in printed.getvalue(), printed.getvalue()
"""


def loaded_by(statements: str) -> set[str]:
    """Top-level names that a fresh interpreter has loaded after ``statements``."""
    program = statements + "\nimport json, sys\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "statements",
    [
        "import pixelwise",
        "import pixelwise.config, pixelwise.errors, pixelwise.types, pixelwise.models.catalog",
        "import pixelwise; pixelwise.RunConfig, pixelwise.LabelMap, pixelwise.Record, dir(pixelwise)",
        _HELP.format(arguments=["--help"]),
        _HELP.format(arguments=["train", "--help"]),
    ],
    ids=["import", "words", "names", "help", "help-of-train"],
)
def test_nothing_heavy_is_loaded(statements: str):
    assert loaded_by(statements) & HEAVY == set()


def test_a_heavy_import_is_seen():
    assert loaded_by("import cv2") & HEAVY == {"cv2"}


@pytest.mark.parametrize("name", [name for name in pixelwise.__all__ if name != "__version__"])
def test_every_lazy_name_is_what_its_module_defines(name: str):
    value = getattr(pixelwise, name)
    assert getattr(sys.modules[value.__module__], name) is value
    assert name in dir(pixelwise)


def test_architectures_are_found_by_their_public_names():
    assert {"PSPNet", "Unet"} <= set(dir(pixelwise))
    unet = pixelwise.Unet
    assert unet.__name__ == "Unet"
    assert vars(pixelwise)["Unet"] is unet  # the second time it is simply there


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(AttributeError, match=r"no attribute 'Unett'.*Unet"):
        _ = pixelwise.Unett
