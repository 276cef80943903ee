import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pixelwise.data.loader import Reading, eval_batches, train_stream
from pixelwise.data.transforms import Augmenter
from pixelwise.errors import ConfigError, DataError, TrainingError
from pixelwise.types import Batch, Record

AUGMENTER = Augmenter((32, 40), (0.5, 2.0), 10.0, 0.5, 0.5, 0.3, 0.3, 0.3, 0.05)


def read_mask(record: Record) -> np.ndarray:
    return cv2.imread(str(record.masks[0]), cv2.IMREAD_GRAYSCALE)


READING = Reading(target_reader=read_mask)


def make_records(folder: Path, sizes: list[tuple[int, int]]) -> list[Record]:
    rng = np.random.default_rng(0)
    records = []
    for number, size in enumerate(sizes):
        image, mask = folder / f"image{number}.png", folder / f"mask{number}.png"
        cv2.imwrite(str(image), rng.integers(0, 256, (*size, 3), dtype=np.uint8))
        cv2.imwrite(str(mask), rng.integers(0, 3, size, dtype=np.uint8))
        records.append(Record(f"image{number}", image, (mask,)))
    return records


@pytest.fixture
def records(tmp_path):
    return make_records(tmp_path, [(50 + number, 70 - number) for number in range(7)])


def take(stream, count: int) -> list[Batch]:
    batches = list(itertools.islice(stream, count))
    stream.close()
    return batches


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.records == other.records
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)


def test_a_training_batch_has_the_promised_shapes_and_memory(records):
    (batch,) = take(train_stream(records, READING, AUGMENTER, 4, seed=0), 1)
    assert batch.images.shape == (4, 3, 32, 40)
    assert batch.targets.shape == (4, 32, 40)
    assert batch.images.dtype == batch.targets.dtype == torch.uint8
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert len(batch.records) == 4


def test_every_epoch_holds_each_record_once_in_a_new_order(records):
    batches = take(train_stream(records, READING, AUGMENTER, 7, seed=0), 3)
    epochs = [[record.key for record in batch.records] for batch in batches]
    assert all(sorted(epoch) == sorted(record.key for record in records) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_batch_larger_than_the_data_set_runs_on_into_the_next_epoch(records):
    (batch,) = take(train_stream(records, READING, AUGMENTER, 17, seed=0), 1)
    assert len(batch) == 17
    assert {record.key for record in batch.records[:7]} == {record.key for record in batch.records[7:14]}


def test_every_visit_of_a_record_is_augmented_anew_and_apart_from_its_neighbours(records):
    twins = [Record(f"twin{number}", records[0].image, records[0].masks) for number in range(6)]
    batches = take(train_stream(twins, READING, AUGMENTER, 6, seed=0), 2)
    images = torch.cat([batch.images for batch in batches])
    assert len({image.numpy().tobytes() for image in images}) == 12


def test_the_seed_decides_the_stream(records):
    first, again, other = (take(train_stream(records, READING, AUGMENTER, 4, seed=seed), 2) for seed in (3, 3, 4))
    assert_same(first, again)
    assert not torch.equal(first[0].images, other[0].images)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_stream_goes_on_as_the_uninterrupted_one(records, workers):
    whole = take(train_stream(records, READING, AUGMENTER, 3, seed=0), 6)
    resumed = take(train_stream(records, READING, AUGMENTER, 3, seed=0, start_step=4, workers=workers), 2)
    assert_same(whole[4:], resumed)


def test_worker_processes_change_neither_the_stream_nor_torchs_random_state(records):
    in_process = take(train_stream(records, READING, AUGMENTER, 3, seed=0), 5)
    before = torch.get_rng_state()
    assert_same(in_process, take(train_stream(records, READING, AUGMENTER, 3, seed=0, workers=2), 5))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("batch_size,world", [(4, 2), (5, 2), (7, 3)])
def test_ranks_together_see_the_batch_of_one_process(records, batch_size, world):
    whole = take(train_stream(records, READING, AUGMENTER, batch_size, seed=0), 2)
    shares = [take(train_stream(records, READING, AUGMENTER, batch_size, 0, rank=rank, world=world), 2) for rank in range(world)]
    for step, batch in enumerate(whole):
        parts = [share[step] for share in shares]
        assert torch.equal(batch.images, torch.cat([part.images for part in parts]))
        assert torch.equal(batch.targets, torch.cat([part.targets for part in parts]))
        assert batch.records == sum((part.records for part in parts), ())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_file_names_itself_in_a_data_error(records, workers):
    records[5].image.write_bytes(b"this is no picture")
    with pytest.raises(DataError, match=r"image5\.png") as caught:
        take(train_stream(records, READING, AUGMENTER, 7, seed=0, workers=workers), 1)
    assert "Traceback" not in str(caught.value)


def test_an_unexpected_error_says_at_which_file(records):
    def broken(record: Record) -> np.ndarray:
        raise ZeroDivisionError("a mistake of ours")

    with pytest.raises(ZeroDivisionError) as caught:
        take(train_stream(records, Reading(target_reader=broken), AUGMENTER, 1, seed=0), 1)
    assert any("while preparing" in note and ".png" in note for note in caught.value.__notes__)


def test_an_image_and_a_mask_of_different_sizes_are_both_named_with_their_sizes(records):
    cv2.imwrite(str(records[2].masks[0]), np.zeros((9, 11), np.uint8))
    with pytest.raises(DataError, match=r"mask2\.png is 11x9 .*image2\.png is 68x52"):
        READING.load_sample(records[2])


def test_training_without_records_or_masks_or_with_too_many_ranks_is_refused(records):
    with pytest.raises(DataError, match="no training records"):
        train_stream([], READING, AUGMENTER, 4, seed=0)
    with pytest.raises(ConfigError, match=r"at least the number of processes, 8, got 4; raise train\.batch_size"):
        train_stream(records, READING, AUGMENTER, 4, seed=0, world=8)
    bare = [Record("bare", records[0].image)]
    with pytest.raises(DataError, match=r"image0\.png has no mask"):
        take(train_stream(bare, READING, AUGMENTER, 1, seed=0), 1)


def test_a_killed_worker_is_reported_with_the_cure(records):
    def deadly(record: Record) -> np.ndarray:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    with pytest.raises(TrainingError, match=r"loader process died.*train\.workers=0"):
        take(train_stream(records, Reading(target_reader=deadly), AUGMENTER, 1, seed=0, workers=1), 1)


@pytest.mark.slow  # imports torch in a second process, and torch's workers look for their parent every five seconds
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc for the workers")
def test_workers_die_with_a_parent_that_is_killed(records, tmp_path):
    script = """
import multiprocessing, sys, time
from pathlib import Path
from pixelwise.data.loader import Reading, train_stream
from pixelwise.data.transforms import Augmenter
from pixelwise.types import Record
import numpy as np
image = Path(sys.argv[1])
reading = Reading(target_reader=lambda record: np.zeros((50, 70), np.uint8))
stream = train_stream([Record("a", image, (image,))], reading, Augmenter((16, 16)), 1, 0, workers=2)
for _ in range(2):
    next(stream)  # one from each worker: a worker learns who its parent is while it starts
print(*[child.pid for child in multiprocessing.active_children()], flush=True)
time.sleep(120)
"""
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", script, str(records[0].image)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}) as parent:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.kill()
    deadline = time.monotonic() + 60
    while any(_runs(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_runs(pid) for pid in workers)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("workers", [0, 3])
def test_evaluation_sees_whole_images_once_in_order_grouped_by_size(tmp_path, workers):
    sizes = [(20, 30)] * 5 + [(31, 17)] * 2 + [(20, 30)]
    records = make_records(tmp_path, sizes)
    batches = list(eval_batches(records, READING, 3, workers=workers))
    assert [len(batch) for batch in batches] == [3, 2, 2, 1]
    assert [record for batch in batches for record in batch.records] == records
    first = batches[0]
    np.testing.assert_array_equal(first.images[1].permute(1, 2, 0).numpy()[..., ::-1], cv2.imread(str(records[1].image)))
    np.testing.assert_array_equal(first.targets[1].numpy(), read_mask(records[1]))


def test_evaluation_without_masks_has_no_targets(records):
    bare = [Record(record.key, record.image) for record in records]
    batches = list(eval_batches(bare, READING, 2))
    assert sum(map(len, batches)) == 7
    assert all(batch.targets is None for batch in batches)


def test_masks_and_their_absence_never_share_a_batch(tmp_path):
    records = make_records(tmp_path, [(20, 30)] * 4)
    records[1] = Record("bare", records[1].image)
    batches = list(eval_batches(records, READING, 4))
    assert [(len(batch), batch.targets is None) for batch in batches] == [(1, False), (1, True), (2, False)]


def test_a_bad_file_stops_evaluation_unless_errors_are_taken(records):
    records[3].image.write_bytes(b"this is no picture")
    with pytest.raises(DataError, match=r"image3\.png"):
        list(eval_batches(records, READING, 2))
    errors: list[tuple[Record, Exception]] = []
    batches = list(eval_batches(records, READING, 2, on_error=lambda record, error: errors.append((record, error))))
    assert [record for batch in batches for record in batch.records] == [*records[:3], *records[4:]]
    assert [record for record, _ in errors] == [records[3]]
    assert isinstance(errors[0][1], DataError)


def test_evaluation_reads_no_further_than_it_must(records):
    read = []

    def counting(record: Record) -> np.ndarray:
        read.append(record)
        return read_mask(record)

    stream = eval_batches(records, Reading(target_reader=counting), 1)
    next(stream)
    assert len(read) <= 4
    stream.close()
