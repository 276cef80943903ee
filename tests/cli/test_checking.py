"""``pixelwise check`` with a page, quickly, and with a repaired copy."""

import subprocess
import sys

import pytest
from PIL import Image

from tests.cli.sets import pixelwise
from tests.data.sets import make_folders, write_classes


@pytest.fixture
def data(tmp_path):
    """Eight pairs, one of them with a JPEG for a mask."""
    root = make_folders(tmp_path / "my data", 8, values=(0, 60, 120))
    write_classes(root, [0, 60, 120])
    path = root / "masks" / "07.png"
    Image.open(path).save(path, format="JPEG")
    return root


def test_faults_lead_to_a_fix_and_the_fix_to_a_training(data):
    said = pixelwise("check", data, "--json")
    copy = data.with_name("my data-repaired")
    assert said.status == 1
    assert f"Next: pixelwise check '{data}' --fix --to '{copy}'" in said.err
    assert "--fix: each value becomes the nearest id" in said.err
    assert "--report check.html" in said.err
    assert [row["code"] for row in said.json["problems"] if row["severity"] == "error"] == ["jpeg_mask"]
    said = pixelwise("check", data, "--fix", "--to", copy, "--json")
    assert said.status == 0
    assert (said.json["pairs"], said.json["repairs"][0]["fault"], said.json["check"]["ok"]) == (8, "jpeg_mask", True)
    assert str(copy / "repairs.csv") in said.err
    assert f"Next: pixelwise train '{copy}' --budget 30m" in said.err
    assert pixelwise("check", copy).status == 0


def test_a_page_is_written_where_it_is_asked_for_and_nowhere_else(data, tmp_path):
    before = set(tmp_path.rglob("*"))
    pixelwise("check", data)
    assert set(tmp_path.rglob("*")) == before
    said = pixelwise("check", data, "--report", tmp_path / "pages" / "check.html")
    assert said.status == 1
    assert f"report  {tmp_path / 'pages' / 'check.html'}" in said.out
    assert "jpeg mask" in (tmp_path / "pages" / "check.html").read_text(encoding="utf-8")


def test_quick_leaves_the_closer_look_out(data):
    quick, close = pixelwise("check", data, "--quick", "--json"), pixelwise("check", data, "--fresh", "--json")
    assert "fingerprint" not in quick.json["facts"]
    assert quick.json["facts"] == {key: value for key, value in close.json["facts"].items() if key != "fingerprint"}


@pytest.mark.parametrize(
    "options, message",
    [
        (["--fix"], "--fix and --to go together, as in: pixelwise check"),
        (["--to", "x"], "--fix and --to go together"),
        (["--fix", "--to", "x", "--quick"], "--fix writes a copy and checks that"),
        (["--fix", "--to", "x", "--report", "y"], "--fix writes a copy and checks that"),
        (["--report", "y", "--quick"], "--report shows what --quick leaves out"),
    ],
)
def test_options_that_contradict_each_other_are_refused(data, options, message):
    said = pixelwise("check", data, *options)
    assert said.status == 1
    assert message in said.err


def test_no_torch_is_needed(data, tmp_path):
    program = (
        "import sys; from pixelwise.cli import main\n"
        f"main(['check', {str(data)!r}, '--report', {str(tmp_path / 'check.html')!r}])\n"
        f"main(['check', {str(data)!r}, '--fix', '--to', {str(tmp_path / 'copy')!r}])\n"
        "assert 'torch' not in sys.modules and 'timm' not in sys.modules, 'loaded'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "check.html").exists()
    assert (tmp_path / "copy" / "repairs.csv").exists()
