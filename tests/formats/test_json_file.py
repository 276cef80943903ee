"""JSON from strangers: read, or refused with the file and the reason."""

import pytest

from pixelwise.errors import DataError
from pixelwise.formats.json_file import read_json


def test_a_byte_order_mark_does_not_matter(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": [1, 2.5, "\xc3\xa9"]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, "é"]}


@pytest.mark.parametrize(
    "content, told",
    [
        (b'{"a": ', "no valid JSON: Expecting value in line 1"),
        (b"[" * 200_000, "nested more deeply"),
        (b'"\xff"', "not UTF-8 text"),
        (b"[" + b"9" * 5000 + b"]", "holds a value that cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, content, told):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=told) as caught:
        read_json(tmp_path / "a.json")
    assert "a.json" in str(caught.value)


def test_too_many_bytes_and_no_file_are_refused(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(DataError, match="has 6 bytes, more than the 5 allowed"):
        read_json(tmp_path / "a.json", most_bytes=5)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_json(tmp_path / "b.json")


def test_objects_can_be_made_smaller_as_they_are_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"rows": [{"x": [1, 2]}, {"x": [3]}]}', encoding="utf-8")
    assert read_json(path, of_object=lambda found: sum(found["x"]) if "x" in found else found) == {"rows": [3, 3]}
