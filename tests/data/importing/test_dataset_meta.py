"""Datumaro's dataset_meta.json."""

import json

import pytest

from pixelwise.data.importing.dataset_meta import read_dataset_meta
from pixelwise.errors import DataError


def write(root, content):
    (root / "dataset_meta.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return root


def test_names_and_colours_are_read(tmp_path):
    assert read_dataset_meta(tmp_path) is None
    meta = read_dataset_meta(
        write(tmp_path, {"label_map": {"0": "sky", "7": "car"}, "segmentation_colors": [[0, 0, 0], [1, 2, 3]]})
    )
    assert (dict(meta.names), meta.table) == ({0: "sky", 7: "car"}, (((0, 0, 0), "sky"), ((1, 2, 3), "car")))
    assert read_dataset_meta(write(tmp_path, {"label_map": {"0": "sky"}})).table == ()


@pytest.mark.parametrize(
    "content",
    [
        "[]", "{", "{}", {"label_map": []}, {"label_map": {}}, {"label_map": {"x": "a"}}, {"label_map": {"65536": "a"}},
        {"label_map": {"-1": "a"}}, {"label_map": {"1": ""}}, {"label_map": {"1": None}}, {"label_map": {"²": "a"}},
        {"label_map": {"1": "a"}, "segmentation_colors": []}, {"label_map": {"1": "a"}, "segmentation_colors": [[1, 2]]},
        {"label_map": {"1": "a"}, "segmentation_colors": [[1, 2, 300]]}, {"label_map": {"1": "a"}, "segmentation_colors": "abc"},
        {"label_map": {"1": "a"}, "segmentation_colors": [["1", 2, 3]]},
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_file_is_refused_by_name(content, tmp_path):
    with pytest.raises(DataError, match=r"dataset_meta.json"):
        read_dataset_meta(write(tmp_path, content))
