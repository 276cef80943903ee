"""The file of confusion matrices per image: comes back as it was, is small, and a damaged one is refused."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from pixelwise.errors import DataError
from pixelwise.formats.confusion_file import read_confusions, write_confusions
from pixelwise.types import ClassTable

KEYS = ["a/1", "a/2", "ü 3"]


def table(classes):
    return ClassTable.from_json([{"id": 3 * index, "name": f"class {index}"} for index in range(classes)])


@pytest.mark.parametrize("shape", [(3, 3), (4, 2, 2), (255, 255)], ids=["exclusive", "overlapping", "255 classes"])
def test_matrices_come_back_as_they_were(tmp_path, shape):
    rng = np.random.default_rng(0)
    matrices = [rng.integers(0, 2, shape) * rng.integers(0, 1 << 40, shape) for _ in KEYS]
    matrices[1][...] = 0  # nothing counted
    matrices[2][-1, -1] = 7
    path = write_confusions(tmp_path / "new" / "file.safetensors", KEYS, matrices, table(shape[0]), "val")
    found = read_confusions(path)
    np.testing.assert_array_equal(found.matrices, matrices)
    assert (found.matrices.dtype, found.keys, found.split) == (np.int64, tuple(KEYS), "val")
    assert found.classes == table(shape[0])
    np.testing.assert_array_equal(found.rows(["ü 3", "a/1"]), [matrices[2], matrices[0]])


def test_the_layout_is_that_of_the_docstring(tmp_path):
    write_confusions(
        tmp_path / "x.safetensors", ["p", "q"], [np.array([[5, 0], [1, 2]]), np.array([[0, 0], [0, 9]])], table(2), "t"
    )
    with safe_open(tmp_path / "x.safetensors", "np") as file:
        facts = json.loads(file.metadata()["pixelwise"])
        assert file.get_tensor("start").tolist() == [0, 3, 4]
        assert file.get_tensor("cell").tolist() == [0, 2, 3, 3]
        assert file.get_tensor("count").tolist() == [5, 1, 2, 9]
    assert (facts["keys"], facts["shape"], facts["split"]) == (["p", "q"], [2, 2], "t")


def test_many_classes_of_which_few_are_in_an_image_take_little_room(tmp_path):
    matrices = [np.diag(np.arange(150) < 12).astype(np.int64) * 1000 for _ in range(50)]
    path = write_confusions(tmp_path / "x.safetensors", list(map(str, range(50))), matrices, table(150), "test")
    assert path.stat().st_size < 30_000  # as dense int64 they take 9,000,000


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"there is no .*; it is written by: pixelwise evaluate"):
        read_confusions(tmp_path / "x.safetensors")


@pytest.mark.parametrize("damage", ["cut", "other", "counts", "text"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "x.safetensors"
    write_confusions(path, KEYS, [np.eye(2, dtype=np.int64)] * 3, table(2), "test")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "other":
        save_file({"weight": np.zeros(3)}, path)
    elif damage == "counts":
        with safe_open(path, "np") as file:
            facts = file.metadata()
        save_file({"start": np.array([0, 2]), "cell": np.zeros(2, np.uint16), "count": np.ones(3, np.int64)}, path, facts)
    else:
        path.write_text("nothing of the kind")
    with pytest.raises(DataError, match=r"is damaged \(.*; write it again with: pixelwise evaluate"):
        read_confusions(path)
