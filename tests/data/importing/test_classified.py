"""Classified images: which layout a folder is of, what is in it, and what is refused; folders against torchvision's."""

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from pixelwise.data.importing.classified import read_classified
from pixelwise.data.sources import find
from pixelwise.errors import DataError
from pixelwise.formats.cifar import encode_cifar
from pixelwise.formats.idx import encode_idx
from tests.data.importing.mask_sets import TOOLS, needs_exports, photo, said, save, stripes
from tests.data.sets import make_camvid, make_folders


def pixels(count, size=(5, 6), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *size)).astype(np.uint8)


def write_mnist(root, images, labels, name="", pack=True):
    root.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        for what, values in ((f"images-idx{images.ndim}", images), ("labels-idx1", labels)):
            data = encode_idx(values)
            path = root / f"{name}{part}-{what}-ubyte"
            if pack:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(data))
            else:
                path.write_bytes(data)
    return root


def classes(found):
    """Key to class name."""
    return {item.key: None if item.class_index is None else found.class_names[item.class_index] for item in found.items}


@pytest.mark.parametrize("pack", [True, False], ids=["packed", "plain"])
def test_idx_gives_images_and_labels(pack, tmp_path):
    images, labels = pixels(4), np.array([7, 2, 7, 0], np.uint8)
    found = read_classified(write_mnist(tmp_path, images, labels, pack=pack))
    assert found.class_names == ("0", "2", "7")
    assert found.decisions[0].startswith("IDX (MNIST): files t10k-images-idx3-ubyte")
    assert [(item.split, item.class_index) for item in found.items] == [(s, c) for s in ("test", "train") for c in (2, 1, 2, 0)]
    assert all(np.array_equal(pickle.loads(pickle.dumps(item.image))(), images[at % 4]) for at, item in enumerate(found.items))
    assert found.faults == ()


def test_emnist_is_turned_upright_and_its_mapping_names_the_letters(tmp_path):
    write_mnist(tmp_path, pixels(2), np.array([1, 2], np.uint8), "emnist-letters-")
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n3 67 99\n")
    found = read_classified(tmp_path)
    assert found.class_names == ("Aa", "Bb")
    assert np.array_equal(found.items[1].image(), pixels(2)[1].T)


def test_several_sets_in_one_folder_are_refused(tmp_path):
    for name in ("emnist-letters-", "emnist-digits-"):
        write_mnist(tmp_path, pixels(2), np.array([1, 2], np.uint8), name)
    with pytest.raises(DataError, match="holds 2 sets"):
        read_classified(tmp_path)


def test_images_that_were_cut_off_are_read_as_far_as_they_go(tmp_path):
    write_mnist(tmp_path, pixels(4), np.array([1, 2, 3, 4], np.uint8), pack=False)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-31])
    found = read_classified(tmp_path)
    assert [item.class_index for item in found.items if item.split == "train"] == [0, 1]
    assert "declares 4 images but holds 2" in said(found)


def test_as_many_labels_as_images_are_needed(tmp_path):
    write_mnist(tmp_path, pixels(4), np.array([1, 2, 3], np.uint8))
    with pytest.raises(DataError, match=r"4 images, .* 3 labels; they do not belong together"):
        read_classified(tmp_path)


@pytest.mark.parametrize("images", [pixels(4).astype(np.int16), np.zeros((4, 0, 5), np.uint8), pixels(4, (3, 3, 2))], ids=str)
def test_values_that_are_no_images_are_refused(images, tmp_path):
    with pytest.raises(DataError, match="must hold"):
        read_classified(write_mnist(tmp_path, images, np.array([1, 2, 3, 4], np.uint8)))


def test_images_without_labels_have_no_class(tmp_path):
    write_mnist(tmp_path, pixels(2), np.array([1, 2], np.uint8))
    for path in tmp_path.glob("*labels*"):
        path.unlink()
    found = read_classified(tmp_path)
    assert (found.class_names, {item.class_index for item in found.items}) == ((), {None})
    assert "no file of labels" in said(found)


@pytest.mark.parametrize("kind", ["CIFAR-10", "CIFAR-100"])
def test_cifar_gives_images_and_fine_labels(kind, tmp_path):
    is_ten = kind == "CIFAR-10"
    images = pixels(3, (32, 32, 3))
    labels = np.array([[7], [0], [9]] if is_ten else [[1, 99], [2, 0], [3, 50]], np.uint8)
    names = [f"name {at}" for at in range(10 if is_ten else 100)]
    (tmp_path / ("batches.meta.txt" if is_ten else "fine_label_names.txt")).write_text("\n".join(names) + "\n\n")
    for name in ("data_batch_2.bin", "test_batch.bin") if is_ten else ("train.bin", "test.bin"):
        (tmp_path / name).write_bytes(encode_cifar(labels, images))
    found = read_classified(tmp_path)
    assert found.class_names == tuple(names)
    assert [(item.split, item.class_index) for item in found.items] == [(s, c) for s in ("train", "test") for c in labels[:, -1]]
    assert all(np.array_equal(pickle.loads(pickle.dumps(item.image))(), images[at % 3]) for at, item in enumerate(found.items))
    assert found.faults == ()


def test_a_damaged_batch_and_a_label_beyond_the_classes_leave_out_themselves_alone(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(encode_cifar(np.array([[3], [10]], np.uint8), pixels(2, (32, 32, 3))))
    (tmp_path / "data_batch_2.bin").write_bytes(bytes(100))
    found = read_classified(tmp_path)
    assert list(classes(found).items()) == [("data_batch_1_00000", "3")]
    assert len(found.faults) == 3  # names, the batch, the label


def test_pickled_batches_are_refused_and_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "exploded",)

    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match=r"are pickles.*download the binary version, cifar-10-binary.tar.gz"):
        read_classified(tmp_path)
    assert not (tmp_path / "exploded").exists()


def test_rows_of_pixels_are_read(tmp_path):
    images = pixels(3, (8, 8))
    for name, labels in (("mnist_train", [5, 1, 5]), ("mnist_test", [1, 5, 9])):
        rows = [",".join(map(str, [label, *image.reshape(-1)])) for label, image in zip(labels, images, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    found = read_classified(tmp_path)
    assert found.class_names == ("1", "5", "9")
    assert [(item.split, item.class_index) for item in found.items] == [
        ("test", 0), ("test", 1), ("test", 2), ("train", 1), ("train", 0), ("train", 1),
    ]  # fmt: skip
    assert all(np.array_equal(pickle.loads(pickle.dumps(item.image))(), images[at % 3]) for at, item in enumerate(found.items))


def make_class_folders(root, splits=("",), names=("cat", "dog", "Zebra")):
    for at, split in enumerate(splits):
        for name in names:
            for number in range(2):
                photo(root / split / name / f"{number}.jpg", seed=at)
    return root


def test_class_folders_are_those_of_torchvision(tmp_path):
    make_class_folders(tmp_path)
    photo(tmp_path / "cat/deeper/x.png")
    found, theirs = read_classified(tmp_path), ImageFolder(tmp_path)
    assert list(found.class_names) == theirs.classes
    assert sorted((str(item.image), item.class_index) for item in found.items) == sorted(theirs.samples)
    assert classes(found)["cat/deeper/x"] == "cat"


def test_folders_of_splits_hold_class_folders(tmp_path):
    make_class_folders(tmp_path, ("train", "valid"))
    photo(tmp_path / "valid/loose.jpg")
    (tmp_path / "valid/dog/0.jpg").unlink()
    (tmp_path / "valid/dog/1.jpg").unlink()
    found = read_classified(tmp_path)
    assert {item.split for item in found.items} == {"train", "val"}
    assert classes(found)["valid/loose"] is None
    assert classes(found)["train/dog/0"] == "dog"
    assert "valid/ has no images of dog" in said(found)


def test_images_of_the_same_name_keep_their_suffix(tmp_path):
    make_class_folders(tmp_path)
    photo(tmp_path / "cat/0.png")
    keys = [item.key for item in read_classified(tmp_path).items]
    assert {"cat/0.jpg", "cat/0.png", "cat/1"} <= set(keys)
    assert len(set(keys)) == len(keys)


def test_tiny_imagenet_lists_the_classes_of_its_validation_images(tmp_path):
    for name in ("n01", "n02"):
        photo(tmp_path / f"train/{name}/images/{name}_0.JPEG")
        (tmp_path / f"train/{name}/{name}_boxes.txt").write_text(f"{name}_0.JPEG\t0\t0\t3\t3\n")
    for number in range(2):
        photo(tmp_path / f"val/images/val_{number}.JPEG")
        photo(tmp_path / f"test/images/test_{number}.JPEG")
    (tmp_path / "val/val_annotations.txt").write_text("val_0.JPEG\tn02\t0\t0\t3\t3\nval_1.JPEG\tn01\t0\t0\t3\t3\n")
    found = read_classified(tmp_path)
    assert {key.rpartition("/")[2]: name for key, name in classes(found).items()} == {
        "n01_0": "n01", "n02_0": "n02", "val_0": "n02", "val_1": "n01", "test_0": None, "test_1": None,
    }  # fmt: skip


def test_a_list_of_names_and_numbers_is_read_with_its_names(tmp_path):
    for name in ("a b", "c"):
        photo(tmp_path / f"images/{name}.jpg")
    (tmp_path / "train.txt").write_text("a b.jpg 1\nc.jpg 0\ngone.jpg 1\n../x.jpg 1\nc.jpg 7\nnonsense\nc.jpg 0 1\n")
    (tmp_path / "synsets.txt").write_text("cat\ndog\n")
    found = read_classified(tmp_path)
    assert classes(found) == {"train/a b": "dog", "train/c": "cat"}
    faults = " ".join(found.faults)
    for told in ("lines 6", "classes 7 have no name", "gone.jpg, ../x.jpg", "1 images of train.txt have several classes"):
        assert told in faults


def test_numbers_without_names_are_the_names(tmp_path):
    photo(tmp_path / "a.jpg")
    (tmp_path / "val.txt").write_text("a 900000000\n")
    found = read_classified(tmp_path)
    assert (classes(found), found.class_names) == ({"val/a": "900000000"}, ("900000000",))


def test_a_column_per_class_is_read_where_one_of_them_is_marked(tmp_path):
    for split in ("train", "valid"):
        for name in ("a", "b", "c"):
            photo(tmp_path / split / f"{name}.jpg")
        (tmp_path / split / "_classes.csv").write_text("filename, cat, dog\na.jpg, 0, 1\nb.jpg, 1, 1\nc.jpg, 0, 0\nd.jpg, 0, x\n")
    found = read_classified(tmp_path)
    assert classes(found) == {"train/a": "dog", "train/c": None, "val/a": "dog", "val/c": None}
    assert {item.split for item in found.items} == {"train", "val"}
    assert "b.jpg" in said(found)
    assert "lines 5" in said(found)


def test_images_alone_have_no_class(tmp_path):
    photo(tmp_path / "b.jpg")
    photo(tmp_path / "a.png")
    found = read_classified(tmp_path)
    assert (classes(found), found.class_names) == ({"a": None, "b": None}, ())


def of_two_folders(first, second):
    def make(root):
        for number in range(3):
            photo(root / first / f"{number}.png", seed=number)
            save(root / second / f"{number}.png", stripes([0, 1]))
        return root

    return make


def with_files_beside(name):
    def make(root):
        for folder in ("street", "office"):
            photo(root / folder / "a.jpg")
            path = root / folder / name
            if path.suffix == ".png":
                save(path, stripes([0, 1]))
            else:
                path.write_text("{}")
        return root

    return make


@pytest.mark.parametrize(
    "make",
    [
        make_folders,
        make_camvid,
        of_two_folders("images", "masks"),
        of_two_folders("image", "label"),
        of_two_folders("RGB", "GT"),
        of_two_folders("JPEGImages", "SegmentationClass"),
        of_two_folders("leftImg8bit", "gtFine"),
        of_two_folders("train/images", "train/labels"),
        of_two_folders("photo of field", "truth of field"),
        of_two_folders("sets/images", "other/images"),
        of_two_folders("one/images/val", "one/masks/val"),
        of_two_folders("train2017", "val2017"),
        with_files_beside("a_seg.png"),
        with_files_beside("a.json"),
        with_files_beside("a.xml"),
        with_files_beside("_annotations.coco.json"),
    ],
)
def test_images_with_masks_or_annotations_are_never_taken_for_classes(make, tmp_path):
    make(tmp_path)
    with pytest.raises(DataError, match=r"no set of classified images.*one folder per class"):
        read_classified(tmp_path)


def test_a_wrong_path_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        read_classified(tmp_path / "gone")
    with pytest.raises(DataError, match="no set of classified images"):
        read_classified(tmp_path)


@needs_exports
@pytest.mark.parametrize(
    "name, count, names",
    [
        ("mnist_dataset", 5, ("0", "1", "2", "5", "7")),
        ("mnist_csv_dataset", 5, ("0", "1", "2", "5", "7")),
        ("imagenet_dataset", 4, ("label_0", "label_1")),
        ("imagenet_subsets_dataset", 12, ("label_0", "label_1")),
        ("imagenet_txt_dataset/basic", 2, tuple(f"label_{at}" for at in range(10))),
        ("roboflow_dataset/multiclass", 2, ("label_0", "label_1")),
        ("image_dir_dataset", 2, ()),
    ],
)
def test_real_exports_are_read(name, count, names):
    found = read_classified(TOOLS / name)
    assert (len(found.items), found.class_names) == (count, names)
    assert all(item.image.is_file() if isinstance(item.image, Path) else item.image().dtype == np.uint8 for item in found.items)


@needs_exports
@pytest.mark.parametrize("name, reason", [("cifar10_dataset", "pickles"), ("cifar100_dataset", "pickles"),
                                          ("imagenet_txt_dataset/no_labels", "1.jpg")])  # fmt: skip
def test_real_exports_that_cannot_be_read_are_refused_with_the_reason(name, reason):
    with pytest.raises(DataError, match=reason):
        read_classified(TOOLS / name)


@needs_exports
def test_no_real_set_of_masks_is_taken_for_classes():
    data = Path(os.environ["PIXELWISE_DATA"])
    taken = []
    for name in ("camvid", "nuclei", "membranes", "defects", "coco128"):
        assert name == "coco128" or find(data / name).records
        try:
            taken.append((name, read_classified(data / name).decisions))
        except DataError:
            continue
    assert taken == []


@needs_exports
def test_mnist_is_read_whole():
    found = read_classified(Path(os.environ["PIXELWISE_DATA"]) / "mnist")
    assert len(found.items) == 70_000
    assert found.class_names == tuple("0123456789")
    assert [item.class_index for item in found.items if item.split == "train"][:10] == [
        5,
        0,
        4,
        1,
        9,
        2,
        1,
        3,
        1,
        4,
    ]  # as published
