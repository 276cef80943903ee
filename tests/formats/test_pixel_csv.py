"""Rows of pixels: with and without labels and headers; rows of another kind are refused."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats.pixel_csv import looks_like_pixels, read_pixel_row, scan_pixel_rows


def write(path, images, labels=None, header=False, end="\n"):
    rows = [[*([] if labels is None else [labels[at]]), *image.reshape(-1).tolist()] for at, image in enumerate(images)]
    names = ["label"] * (labels is not None) + [f"pixel{at}" for at in range(images[0].size)]
    path.write_bytes(end.join(",".join(map(str, row)) for row in [*([names] if header else []), *rows, []]).encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("header", [False, True], ids=["no header", "header"])
@pytest.mark.parametrize("labels", [None, [5, 0, 9]], ids=["no labels", "labels"])
def test_what_was_written_comes_back(labels, header, end, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8))
    path = write(tmp_path / "a.csv", images, labels, header, end)
    assert looks_like_pixels(path)
    found = scan_pixel_rows(path)
    assert found.side == 8
    assert (None if found.labels is None else found.labels.tolist()) == labels
    read = [read_pixel_row(path, start, 8, labels is not None) for start in found.starts.tolist()]
    assert np.array_equal(read, images)
    assert read[0].dtype == np.uint8


@pytest.mark.parametrize("text", ["", "id,split\na,train\n", "name,r,g,b\na,1,2,3\n", ",".join("a" * 65), "1,2,3"], ids=repr)
def test_other_tables_are_no_pixels(text, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert not looks_like_pixels(path)
    assert not looks_like_pixels(tmp_path / "gone")


@pytest.mark.parametrize(
    "row, reason",
    [("1,2", "line 2: 2 cells"), (",".join(["0"] * 66), "line 2: 66 cells"), (",".join(["x"] + ["0"] * 64), "line 2: the label"),
     (",".join(["-1"] + ["0"] * 64), "line 2: the label"), ("1" * 5_000_000, "line 2: 1 cells")],
    ids=["short", "long", "a word", "negative", "endless"],
)  # fmt: skip
def test_a_row_of_another_kind_is_refused_with_its_line(row, reason, tmp_path):
    path = write(tmp_path / "a.csv", np.zeros((1, 8, 8), int), [1])
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(DataError, match=f"a.csv, {reason}"):
        scan_pixel_rows(path)


@pytest.mark.parametrize("pixel", ["256", "-1", "1.5", "", "a", "9" * 20])
def test_a_pixel_that_is_none_is_refused_when_it_is_read(pixel, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join(["7", pixel, *["0"] * 63]) + "\n")
    with pytest.raises(DataError, match=r"a.csv: the row at byte 0 must hold 64 whole numbers"):
        read_pixel_row(path, 0, 8, True)


def test_a_file_without_rows_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("\n\n")
    with pytest.raises(DataError, match="no rows of pixels"):
        scan_pixel_rows(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"gone.csv"):
        scan_pixel_rows(tmp_path / "gone.csv")
