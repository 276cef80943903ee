"""The page: whole, self-contained, escaped, in the right order."""

import base64
import dataclasses
import json
import math
import re
from collections import Counter
from html import escape, unescape
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.report.html import write_report
from pixelwise.report.page_data import Example, ReportData
from pixelwise.types import ClassInfo, ClassTable
from tests.report.pages import HOSTILE, measured

NAMES = ["<script>alert(1)</script>", 'a"b&c', "road"]
TABLE = ClassTable(tuple(ClassInfo(index, name, (index * 90, 40, 200)) for index, name in enumerate(NAMES)))
SCORES = {
    "mean_iou": 0.625,
    "accuracy": 0.9,
    "mean_dice": 0.75,
    "absent_classes": ["road"],
    "per_class_iou": {NAMES[0]: 0.5, NAMES[1]: 0.75, "road": None},
    "per_class_dice": {NAMES[0]: 2 / 3, NAMES[1]: 6 / 7, "road": None},
    "per_class_precision": {NAMES[0]: None, NAMES[1]: 0.8, "road": None},
    "per_class_recall": {NAMES[0]: 0.6, NAMES[1]: 0.9, "road": None},
    "per_class_target_pixels": {NAMES[0]: 300, NAMES[1]: 100, "road": 0},
}
VOID = {"meta", "img", "br", "path", "use", "line", "rect", "image"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and notes tags that are closed in the wrong order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.texts, self.faults = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend((tag, *pair) for pair in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend((tag, *pair) for pair in attrs)

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.faults.append(tag)

    def handle_data(self, data):
        self.texts.append(data.strip())


def make_example(key, mean_iou, size=(30, 50)):
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, size, dtype=np.uint8)
    target[:3] = 255
    return Example(key, rng.integers(0, 256, (*size, 3), dtype=np.uint8), target, np.roll(target, 2) % 3, mean_iou)


def make_data(**changes):
    rows = [{"key": f"image <{index}>", "mean_iou": 0.1 * index, "accuracy": 0.5} for index in range(1, 7)]
    rows.append({"key": "nothing", "mean_iou": None, "accuracy": None})
    history = [{"step": step, "loss": 1 / (step + 1), "lr": 1e-3, "val_mean_iou": 0.02 * step} for step in range(30)]
    values = {
        "title": "run <1> & $more",
        "command": "pixelwise train 'my <data>' --set a=${b}",
        "scores": SCORES,
        "class_table": TABLE,
        "confusion": np.array([[200, 100, 0], [10, 90, 0], [0, 0, 0]]),
        "history": history,
        "per_image": rows,
        "worst": [make_example("second worst", 0.2), make_example("worst of all", 0.1), make_example("unscored", math.nan)],
        "best": [make_example("second best", 0.5), make_example("best of all", 0.6)],
        "facts": {"device": "cpu <2 cores>", "Configuration": {"optim": {"lr": 0.001}, "name": "<i>"}},
        "decisions": ["crop <320> since images are small"],
    }
    return ReportData(**{**values, **changes})


def read_page(tmp_path, data):
    page = write_report(tmp_path / "report.html", data).read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    return page, reader


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return read_page(tmp_path_factory.mktemp("report"), make_data())


@pytest.fixture(scope="module", params=["exclusive", "overlapping"])
def everything(tmp_path_factory, request):
    data = measured(num_classes=8, size=(24, 32), multilabel=request.param == "overlapping")
    return data, *read_page(tmp_path_factory.mktemp("everything"), data)


def test_nothing_is_loaded_from_outside_and_no_script_is_there(full):
    _check_that_nothing_comes_from_outside(*full)


def test_no_section_loads_anything_from_outside(everything):
    _check_that_nothing_comes_from_outside(*everything[1:])


def _check_that_nothing_comes_from_outside(page, reader):
    links = [value for _, name, value in reader.attributes if name in {"src", "href", "xlink:href", "srcset", "action"}]
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    embedded = {value.split(",")[0] for value in links if not value.startswith("#")}
    assert {"data:image/webp;base64"} <= embedded <= {"data:image/webp;base64", "data:image/png;base64"}
    assert addresses == set()
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert "url(http" not in page


def test_the_page_forbids_itself_to_load_anything(full):
    _, reader = full
    assert ("meta", "content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in reader.attributes


def test_every_tag_is_closed_where_it_was_opened(full, everything):
    readers = [full[1], everything[2]]
    assert [(reader.faults, reader.open) for reader in readers] == [([], [])] * 2


def test_no_id_stands_twice_and_every_reference_has_one(everything):
    _, page, reader = everything
    ids = [value for _, name, value in reader.attributes if name == "id"]
    used = {value[1:] for _, name, value in reader.attributes if name in {"href", "xlink:href"} and value.startswith("#")}
    used |= set(re.findall(r"url\(#([^)]*)\)", page))
    assert len(ids) == len(set(ids))
    assert used <= set(ids)
    assert len(used) > 20  # of the contents, and of Matplotlib's clips and markers


def test_every_section_is_there_and_linked_to_in_the_order_of_the_page(everything):
    data, page, reader = everything
    headings = re.findall(r'<section id="([a-z]*)"><h2>', page)
    expected = ["scores", "classes", "errors", "confusion", "pictures", "images", "subgroups", "ranking", "calibration", "more"]
    expected += ["training", "decisions", "run"]
    assert headings == [name for name in expected if name != "confusion" or data.confusion is not None]
    assert [value for tag, name, value in reader.attributes if (tag, name) == ("a", "href")] == [f"#{name}" for name in headings]


def test_hostile_names_are_text_in_every_section(everything):
    _, page, reader = everything
    shown = Counter(reader.texts)
    sections = ("classes", "errors", "pictures", "ranking", "calibration", "more")
    found = {name: _section(page, name) for name in sections}
    assert {name for name in sections if escape(HOSTILE[3]) not in found[name]} <= {"errors"}  # where only frequent pairs stand
    assert min(shown[name] for name in HOSTILE) >= 4
    assert {tag for tag in reader.tags if tag in {"script", "iframe", "object"}} == set()
    assert [name for _, name, _ in reader.attributes if name.startswith("on")] == []
    assert "one image <was> left out" in " ".join(reader.texts).lower()
    assert f"By {escape('<scanner>')}" in page


def _section(page, name):
    return page[page.index(f'<section id="{name}">') :].split("</section>")[0]


@pytest.mark.parametrize(
    "text", [*NAMES, "run <1> & $more", "cpu <2 cores>", "<i>", "image <1>", "crop <320> since images are small"]
)
def test_every_text_of_the_user_is_shown_as_text(full, text):
    _, reader = full
    assert text in reader.texts


def test_the_command_is_shown_as_it_was_typed(full):
    page, _ = full
    assert "<pre>" + escape("pixelwise train 'my <data>' --set a=${b}") + "</pre>" in page


def test_every_embedded_picture_decodes_to_the_shape_of_its_image(full):
    page, _ = full
    encoded = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", page)
    shapes = {cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR).shape for text in encoded}
    assert (len(encoded), shapes) == (5 * 4, {(30, 50, 3)})


def test_examples_stand_from_worst_up_and_from_best_down(full):
    page, _ = full
    keys = ["unscored", "worst of all", "second worst", "best of all", "second best"]
    places = [page.index(f"<h3>{key}") for key in keys]
    assert places == sorted(places)


def test_the_lowest_images_are_listed_first(full):
    page, _ = full
    listed = [unescape(key) for key in re.findall(r"<tr><td>(image [^<]*)</td>", page)]
    assert listed == [f"image <{index}>" for index in range(1, 7)]


def test_an_absent_class_is_said_to_be_absent(full):
    page, _ = full
    row = page[page.index("<tr class=absent>") :].split("</tr>")[0]
    assert "road" in row
    assert "<td>&ndash;</td>" in row
    assert "Absent, so in no mean: road." in page


def test_the_most_common_confusion_is_told_with_its_share(full):
    page, _ = full
    first = page[page.index("Most common confusions") :].split("</li>")[0]
    assert "33.3&nbsp;%" in first
    assert escape(NAMES[0]) in first
    assert first.index(escape(NAMES[0])) < first.index(escape(NAMES[1]))


def test_nested_facts_are_shown_by_dotted_key(full):
    _, reader = full
    assert {"optim.lr", "0.001", "device"} <= set(reader.texts)


def test_a_page_with_scores_alone_is_whole_and_short(tmp_path):
    page, reader = read_page(tmp_path, ReportData("bare", "", SCORES, TABLE))
    assert (reader.faults, reader.open) == ([], [])
    assert re.findall("<h2>([^<]*)", page) == ["All scores", "Classes"]
    assert "<nav" not in page
    assert "In short" not in page


@pytest.mark.parametrize(
    "field, section",
    [
        ("ranking", "ranking"),
        ("calibration", "calibration"),
        ("errors", "errors"),
        ("subgroups", "subgroups"),
        ("extra", "more"),
        ("history", "training"),
        ("decisions", "decisions"),
        ("per_image", "images"),
    ],
)
def test_a_section_without_data_is_left_out(tmp_path, field, section):
    data = measured(num_classes=3, images=2, size=(12, 16))
    empty = dataclasses.replace(data, **{field: type(getattr(data, field))()})
    pages = [read_page(tmp_path, each)[0] for each in (data, empty)]
    assert [f'id="{section}"' in page for page in pages] == [True, False]


def test_the_same_data_give_the_same_page(tmp_path):
    pages = [read_page(tmp_path, measured(num_classes=3, images=2, size=(12, 16)))[0] for _ in range(2)]
    assert pages[0] == pages[1]


def test_multilabel_and_grey_examples_are_drawn(tmp_path):
    planes = np.random.default_rng(0).integers(0, 2, (3, 20, 30), dtype=np.uint8)
    example = Example("many", np.zeros((20, 30, 1), np.uint8), planes, 1 - planes, 0.1)
    page, _ = read_page(tmp_path, make_data(confusion=None, worst=[example], best=[]))
    assert page.count("data:image/webp") == 4


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (1500, 1000)], ids=["one pixel", "one row", "large"])
def test_pictures_of_odd_sizes_are_embedded_within_bounds(tmp_path, size):
    page, _ = read_page(
        tmp_path, make_data(worst=[make_example("odd", 0.5, size)], best=[], history=(), per_image=(), confusion=None)
    )
    encoded = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", page)
    shapes = {cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR).shape for text in encoded}
    (shape,) = shapes
    assert max(shape) <= 560
    assert len(encoded) == 4


def test_a_confusion_matrix_that_does_not_fit_is_refused_and_the_old_page_stays(tmp_path):
    path = write_report(tmp_path / "report.html", ReportData("old", "", SCORES, TABLE))
    with pytest.raises(DataError, match=r"of 3 classes must be \(3, 3\), got \(2, 2\)"):
        write_report(path, make_data(confusion=np.zeros((2, 2), np.int64)))
    assert "old" in path.read_text(encoding="utf-8")


def test_scores_as_the_metrics_write_them_fill_the_page(tmp_path):
    scores = json.loads(json.dumps(SCORES))
    page, _ = read_page(tmp_path, make_data(scores=scores))
    assert "0.625" in page
    assert "2 of 3" in page


def test_intervals_stand_below_their_scores_with_the_rule(tmp_path):
    scores = {
        **SCORES, "intervals": {"mean_iou": [0.6, 0.6512], "accuracy": None}, "intervals_rule": "95 % BCa interval of 7 images",
        "too_small": "7 images are too few",
    }  # fmt: skip
    page, reader = read_page(tmp_path, make_data(scores=scores))
    assert "<b>0.625</b><span>mean IoU<br>[0.600, 0.651]</span>" in page
    assert "<b>0.900</b><span>pixel accuracy</span>" in page
    assert {"In brackets: 95 % BCa interval of 7 images.", "Too small a set: 7 images are too few."} <= {
        sentence for text in reader.texts for sentence in (text, text.removeprefix("Absent, so in no mean: road. "))
    }
