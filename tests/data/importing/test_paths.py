"""Names in annotations find their images, and nothing outside of the data set."""

import pytest

from pixelwise.data.importing.paths import ImageFinder, inside, is_there
from pixelwise.errors import DataError


@pytest.mark.parametrize("name", ["", "/", "/etc/passwd", "..", "a/../../b", "..\\..\\b", "C:\\a.png", "a\0b"])
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(DataError, match="leads out"):
        inside(name)


@pytest.mark.parametrize("name", ["a.png", "b/a.png", "b\\a.png", "./a..png"])
def test_other_names_are_taken_with_either_slash(name):
    assert inside(name).as_posix() == name.replace("\\", "/").removeprefix("./")


@pytest.fixture
def finder(tmp_path):
    for name in ("train/a.jpg", "val/a.jpg", "val/b.PNG", "deep/er/c.tif", ".hidden.png", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return ImageFinder(tmp_path)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("val/a.jpg", "val/a.jpg"), ("C:\\data\\val\\a.jpg", "val/a.jpg"), ("b.PNG", "val/b.PNG"), ("b", "val/b.PNG"),
        ("b.jpg", "val/b.PNG"), ("/somewhere/else/deep/er/c.tif", "deep/er/c.tif"),
    ],
)  # fmt: skip
def test_images_are_found_by_path_by_name_and_by_stem(finder, name, expected):
    assert finder.find(name) == finder.root / expected


@pytest.mark.parametrize("name, message", [("a.jpg", "2 images"), ("z.png", "is not below"), (".hidden.png", "is not below")])
def test_none_and_several_are_said(finder, name, message):
    with pytest.raises(DataError, match=message):
        finder.find(name)


def test_images_in_folders_of_masks_are_not_found(tmp_path):
    for name in ("images/a.png", "masks/a.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert ImageFinder(tmp_path, [tmp_path / "masks"]).find("a") == tmp_path / "images" / "a.png"


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "\ud800", "no such file"])
def test_names_that_no_file_can_have_are_not_there(tmp_path, name):
    (tmp_path / "a").touch()
    assert is_there(tmp_path / "a")
    assert not is_there(tmp_path / name)
