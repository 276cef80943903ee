"""``check.html`` says all that the check says, escapes what it is given, and needs nothing from outside."""

import json
import re

import cv2
import numpy as np
import pytest

from pixelwise.data.check import examine
from pixelwise.data.sources import find
from pixelwise.errors import StorageError
from pixelwise.verbs.checking import write_check_page
from tests.data.sets import make_folders, make_image, make_mask, write_classes
from tests.report.browser import MISSING, PROGRAM, Browser
from tests.report.pages import HOSTILE
from tests.report.sections import words
from tests.report.test_page_in_browser import CONTRAST, OPEN, OVERLAPPING, THEMES, TOO_WIDE, WIDTHS


def faulty(root):
    """A set with names that try to break the page, and a fault of most kinds."""
    make_folders(root, 14, values=(0, 40, 80, 120, 160, 200), suffix=".png")
    for number in range(14):
        make_image(root / "images" / f"{number:02}.png", number, size=(120, 90 + number % 3))
        make_mask(root / "masks" / f"{number:02}.png", (0, 40, 80, 120, 160, 200), size=(120, 90 + number % 3))
    names = ("background", *HOSTILE)
    write_classes(root, [{"id": 40 * place, "name": name} for place, name in enumerate(names[:6])])
    rows = [f"{number:02},{'train' if number < 10 else 'val' if number < 12 else 'test'}" for number in range(14)]
    (root / "splits.csv").write_text("id,split\n" + "\n".join(rows))
    (root / "images" / "00.png").write_text("<script>alert(2)</script>")
    (root / "masks" / "01.png").write_bytes(b"")
    (root / "masks" / "02.png").unlink()
    make_mask(root / "masks" / "03.png", (0, 40), size=(60, 45))
    make_mask(root / "masks" / "04.png", (0, 40, 77), size=(120, 91))
    mask = np.tile(np.repeat([0, 40, 120], 30).astype(np.uint8), (120, 1))
    cv2.imwrite(str(root / "masks" / "06.png"), cv2.imdecode(cv2.imencode(".jpg", mask)[1], cv2.IMREAD_GRAYSCALE))
    cv2.imwrite(str(root / "images" / "08.png"), np.full((120, 92, 3), 90, np.uint8))
    cv2.imwrite(str(root / "images" / "13.png"), cv2.imread(str(root / "images" / "07.png"))[:, ::-1])
    cv2.imwrite(str(root / "masks" / "09.png"), np.zeros((120, 90), np.uint8))
    (root / "images" / "12.png").write_bytes((root / "images" / "09.png").read_bytes())
    return root


@pytest.fixture(scope="module")
def examination(tmp_path_factory):
    return examine(find(faulty(tmp_path_factory.mktemp("faulty"))))


@pytest.fixture(scope="module")
def page(examination, tmp_path_factory):
    path = write_check_page(tmp_path_factory.mktemp("page") / "check.html", examination, "pixelwise check <data>")
    return path.read_text(encoding="utf-8")


def test_every_problem_is_there_with_cure_files_and_repair(page, examination):
    text = words(page)
    assert len(examination.report.problems) >= 10
    for problem in examination.report.problems:
        for said in (problem.message, problem.cure, problem.repair, *problem.files):
            assert " ".join(said.split()) in text
    counts = [sum(p.severity == kind for p in examination.report.problems) for kind in ("error", "warning", "note")]
    assert [int(value) for value in re.findall(r"<b>(\d+)</b><span>(?:error|warning|note)s?<", page)] == counts


def test_every_fault_whose_images_can_be_read_has_pictures(page, examination):
    blocks = re.findall(r'<div class="fault .*?</h3>|<div class="sheet">|<div class="fault', page)
    assert blocks
    for problem in examination.report.problems:
        code = problem.code.replace("_", " ")
        block = page[page.index(f"</span> {code}<") :]
        block = block[: block.find('<div class="fault')]
        has_pictures = problem.code not in ("unreadable_image", "mask_without_image", "class_absent_from_train")
        assert ("<img" in block) == has_pictures, code


def test_pairs_at_random_are_image_and_overlay_and_the_same_each_time(page, examination, tmp_path):
    part = page[page.index('id="pairs"') : page.index('id="classes"')]
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", part)
    sound = sum(bool(i.size and i.has_mask and not i.mask_errors) for i in examination.inspections)
    assert 0 < len(captions) <= 2 * sound
    again = write_check_page(tmp_path / "again.html", examination, "pixelwise check <data>").read_text(encoding="utf-8")
    assert again == page
    other = write_check_page(tmp_path / "other.html", examination, "pixelwise check <data>", seed=1).read_text(encoding="utf-8")
    assert other != page


def test_nothing_is_executed_or_fetched(page):
    assert "<script" not in page
    assert "onload=x" not in re.sub(r"&lt;svg onload=x&gt;", "", page)
    assert set(re.findall(r'src="([a-z]+:)', page)) == {"data:"}
    assert not re.search(r'(?:href|src)="(?!data:|#)', page)
    assert "default-src 'none'" in page


def test_numbers_of_the_fingerprint_stand_in_the_tables(page, examination):
    text = words(page)
    seen = examination.report.facts["fingerprint"]
    assert all(f"{height} × {width} ({count})" in text for height, width, count in seen["sizes"]["commonest"])
    assert all(f"{row['count']:,} {row['per_image']:g}" in text for row in seen["objects"])


def test_ids_in_the_page_are_unique(page):
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", ["binary", "multilabel", "deep", "instances", "one size"])
def test_other_kinds_of_data_have_their_page(tmp_path, kind):
    root = tmp_path / "data"
    for number in range(6):
        if kind == "deep":
            pixels = np.random.default_rng(number).integers(0, 4000, (40, 48)).astype(np.uint16)
            (root / "images").mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / "images" / f"{number}.png"), pixels)
        else:
            make_image(root / "images" / f"{number}.png", number)
        folders = {"multilabel": ["masks/a", "masks/b"], "instances": ["instances"]}.get(kind, ["masks"])
        for place, folder in enumerate(folders):
            make_mask(root / folder / f"{number}.png", (0, 255)[:: -1 if place else 1] if kind != "instances" else (0, 1, 2))
    text = write_check_page(tmp_path / "check.html", examine(find(root))).read_text(encoding="utf-8")
    assert text.count("<img") >= 12
    assert ("of the files&#x27; own units" in text) or kind != "deep" or "own units" in text


def test_a_set_of_which_no_image_can_be_read_has_a_page(tmp_path):
    root = make_folders(tmp_path / "data", 4)
    for path in (root / "images").iterdir():
        path.write_text("no image")
    text = write_check_page(tmp_path / "check.html", examine(find(root))).read_text(encoding="utf-8")
    assert "4 images cannot be used" in text
    assert "<img" not in text


def test_a_place_that_cannot_be_written_is_said(examination, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        write_check_page(tmp_path / "file" / "check.html", examination)


def test_the_report_is_json(examination):
    assert json.loads(json.dumps(examination.report.to_json()))["ok"] is False


@pytest.mark.slow  # a browser takes two seconds to start
@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
def test_nothing_sticks_out_and_every_text_can_be_read(page):
    with Browser() as browser:
        for theme in THEMES:
            for width in WIDTHS:
                browser.show(page, width, theme)
                closed = browser.value(TOO_WIDE)
                browser.value(OPEN)
                opened, overlapping = browser.value(TOO_WIDE), browser.value(OVERLAPPING)
                contrast, text = browser.value(CONTRAST)
                assert (closed, opened, overlapping) == ([], [], []), (theme, width)
                assert contrast >= 4.5, text
