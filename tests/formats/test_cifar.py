"""CIFAR's binary records: a record by hand, and round trips."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats.cifar import CIFAR10_LABELS, CIFAR100_LABELS, encode_cifar, read_cifar_image, read_cifar_labels


def test_a_record_is_a_label_and_planes_of_red_green_and_blue(tmp_path):
    red, green, blue = bytes([10] * 1024), bytes([20] * 1023 + [21]), bytes([30, 31] + [32] * 1022)
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(b"\x00" + bytes(3072) + b"\x07" + red + green + blue)
    assert read_cifar_labels(path, CIFAR10_LABELS).tolist() == [[0], [7]]
    image = read_cifar_image(path, 1, CIFAR10_LABELS)
    assert (image.shape, image.dtype) == ((32, 32, 3), np.uint8)
    assert [image[0, 0].tolist(), image[0, 1].tolist(), image[31, 31].tolist()] == [[10, 20, 30], [10, 20, 31], [10, 21, 32]]


@pytest.mark.parametrize("label_bytes", [CIFAR10_LABELS, CIFAR100_LABELS])
def test_what_was_written_comes_back(label_bytes, tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, (5, label_bytes), np.uint8)
    images = rng.integers(0, 256, (5, 32, 32, 3), np.uint8)
    path = tmp_path / "batch.bin"
    path.write_bytes(encode_cifar(labels, images))
    assert np.array_equal(read_cifar_labels(path, label_bytes), labels)
    assert all(np.array_equal(read_cifar_image(path, at, label_bytes), images[at]) for at in range(5))


@pytest.mark.parametrize("size", [0, 1, 3072, 3074, 3073 * 2 + 5])
def test_a_file_of_broken_records_is_refused_by_name(size, tmp_path):
    path = tmp_path / "batch.bin"
    path.write_bytes(bytes(size))
    with pytest.raises(DataError, match=rf"batch.bin has {size:,} bytes, not a whole number of records of 3073"):
        read_cifar_labels(path, CIFAR10_LABELS)


def test_a_record_that_is_not_there_any_more_is_refused(tmp_path):
    path = tmp_path / "batch.bin"
    path.write_bytes(bytes(3073))
    with pytest.raises(DataError, match="no record 1"):
        read_cifar_image(path, 1, CIFAR10_LABELS)
    with pytest.raises(DataError, match="gone"):
        read_cifar_labels(tmp_path / "gone", CIFAR10_LABELS)
    with pytest.raises(DataError, match="gone"):
        read_cifar_image(tmp_path / "gone", 0, CIFAR10_LABELS)
