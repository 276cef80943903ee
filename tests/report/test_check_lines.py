"""What a check says in the terminal."""

import io

from rich.console import Console

from pixelwise.report.check_lines import check_lines

FACTS = {
    "decisions": ["layout folders: images/ and masks/"],
    "images": 9,
    "splits": {"train": 5, "val": 2, "test": 2},
    "mode": "multiclass",
    "image_kinds": {"colour": 9},
    "sizes": {"smallest": [40, 50], "median": [44, 50], "largest": [48, 64]},
    "ignored_fraction": 0.031,
    "classes": [
        {"id": 3, "name": "road", "pixels": 12345, "share": 0.75, "images": 9},
        {"id": 200, "name": "car", "pixels": 0, "share": 0.0, "images": 0},
    ],
}
PROBLEM = {"severity": "error", "message": "2 masks are missing", "cure": "add them", "files": ["a", "b", "c", "d", "e"]}


def printed(problems, **facts) -> str:
    console = Console(file=io.StringIO(), width=100, soft_wrap=True)
    for line in check_lines({"facts": {**FACTS, **facts}, "problems": problems}, console):
        console.print(line)
    return console.file.getvalue()


def test_facts_stand_on_one_line_and_classes_in_a_table():
    text = printed([])
    assert "9 images (5 train, 2 val, 2 test) · multiclass · 9 colour · 40x50 to 48x64, median 44x50 (height x width)" in text
    assert "3.1 % of pixels ignored" in text
    assert "12,345" in text
    assert "75.00 %" in text
    assert text.rstrip().endswith("no faults found")


def test_sizes_that_are_all_the_same_are_said_once():
    text = printed([], sizes={key: [40, 50] for key in ("smallest", "median", "largest")})
    assert "40x50 (height x width)" in text
    assert "median" not in text


def test_a_problem_has_its_files_and_its_cure():
    text = printed([PROBLEM, {**PROBLEM, "severity": "warning", "files": []}])
    assert "error: 2 masks are missing\n    a\n    b\n    c\n    and 2 more\n    cure: add them\n" in text
    assert "warning: 2 masks are missing\n    cure: add them\n" in text
    assert text.rstrip().endswith("1 error, 1 warning: training would refuse this data set")


def test_warnings_alone_are_counted():
    assert printed([{**PROBLEM, "severity": "warning"}] * 2).rstrip().endswith("no errors, 2 warnings")


def test_notes_are_no_faults_and_repairs_are_offered():
    text = printed([{**PROBLEM, "severity": "note", "repair": "put right"}] * 2)
    assert "note: 2 masks are missing" in text
    assert "    cure: add them\n    --fix: put right\n" in text
    assert text.rstrip().endswith("no faults found, 2 notes")


def test_a_closer_look_shows_objects_and_brightness():
    channel = {"name": "red", "mean": 98.625, "std": 75.3}
    seen = {
        "strides": [4, 8],
        "intensity": [{"images": 9, "channels": [channel]}, {"images": 2, "channels": [{**channel, "name": "grey"}]}],
        "objects": [
            {"name": "road", "count": 1234, "area": [1, 2, 77, 8, 9], "lost_pixels": [0.1, 0.256]},
            {"name": "car", "count": 0, "area": [], "lost_pixels": [0.0, 0.0]},
        ],
    }
    lines = printed([], fingerprint=seen).splitlines()
    assert any(line.split() == ["3", "road", "12,345", "75.00", "%", "9", "1,234", "77", "26", "%"] for line in lines)
    assert "· brightness: red 98.62 ± 75.3" in lines
    assert "· brightness of 2 images: grey 98.62 ± 75.3" in lines
    assert "lost at 8" not in printed([])


def test_nothing_ignored_is_not_worth_a_word():
    assert "ignored" not in printed([], ignored_fraction=0.0)
