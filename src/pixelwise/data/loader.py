"""From records to batches: an endless, exactly resumable stream for training, and every image in order for evaluation.

What a training batch holds depends on (seed, step, rank) alone, never on the number of workers or on where a run was
interrupted.
"""

from __future__ import annotations

import itertools
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from pixelwise.data.mixing import Pair
from pixelwise.data.transforms import Augmenter
from pixelwise.errors import ConfigError, DataError, PixelwiseError, TrainingError
from pixelwise.formats.image import read_image
from pixelwise.types import Batch, Record, Sample

__all__ = ["Reading", "eval_batches", "train_stream", "visits"]

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Reading:
    """How the files of a data set become arrays. Picklable where ``target_reader`` is."""

    channels: int = 3
    window: tuple[float, float] | None = None
    max_pixels: int = 179_000_000
    target_reader: Callable[[Record], np.ndarray] | None = None  # -> (H, W) or (K, H, W) uint8 class indices

    def load_sample(self, record: Record) -> Sample:
        """Image and, where the record has masks and there is a ``target_reader``, target of one record.

        Raises DataError naming the file that cannot be read, or both files where their sizes differ.
        """
        image = read_image(record.image, channels=self.channels, window=self.window, max_pixels=self.max_pixels)
        if not record.masks or self.target_reader is None:
            return Sample(image, None, record)
        target = self.target_reader(record)
        if target.shape[-2:] != image.shape[:2]:
            mask = next((path for path in record.masks if path is not None), record.image)
            raise DataError(
                f"{mask} is {target.shape[-1]}x{target.shape[-2]} pixels (width x height) but its image {record.image} is "
                f"{image.shape[1]}x{image.shape[0]}; both must have one size: replace the one that is wrong or leave the pair out"
            )
        return Sample(image, target, record)


def train_stream(
    records: Sequence[Record],
    reading: Reading,
    augmenter: Augmenter,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Generator[Batch, None, None]:
    """Batches of training crops without end, beginning with optimiser step ``start_step``.

    All records pass once per epoch in an order drawn from (seed, epoch); ``batch_size`` counts over all ``world``
    processes, of which ``rank`` gets its contiguous share, so the ranks together see what one process would.
    ``workers=0`` prepares one batch ahead in a thread; ``workers > 0`` are processes. Images come out as (B, C, h, w) uint8 in
    channels-last memory. Close the generator to stop the workers. Raises DataError naming the file that cannot be read.
    """
    if not records:
        raise DataError("there are no training records; a data set needs at least one image with a mask in its training split")
    if batch_size < world:
        raise ConfigError(
            f"batch_size must be at least the number of processes, {world}, got {batch_size}; raise train.batch_size"
        )
    source = _TrainBatches(tuple(records), reading, augmenter, batch_size, seed, rank, world)
    steps = itertools.count(start_step)
    return _from_thread(source, steps) if workers == 0 else _from_processes(source, steps, workers)


def visits(records: Sequence[Record], reading: Reading, augmenter: Augmenter, seed: int, index: int, count: int) -> list[Sample]:
    """What the first ``count`` epochs of a training with ``seed`` see of record number ``index``."""
    source = _TrainBatches(tuple(records), reading, augmenter, 1, seed, 0, 1)
    length = len(records)
    places = [int(np.flatnonzero(_permutation(seed, epoch, length) == index)[0]) for epoch in range(count)]
    return [source.sample(epoch * length + place) for epoch, place in enumerate(places)]


def eval_batches(
    records: Iterable[Record],
    reading: Reading,
    batch_size: int,
    workers: int = 0,
    on_error: Callable[[Record, PixelwiseError], None] | None = None,
) -> Generator[Batch, None, None]:
    """Whole images at their own size, each once and in order; neighbours of one size share a batch of at most ``batch_size``.

    ``max(1, workers)`` threads read ahead. A record that cannot be read raises DataError, or, with ``on_error``, is
    handed to it and left out. Records without masks give ``targets=None``.
    """

    def load(record: Record) -> Sample | PixelwiseError:
        try:
            return reading.load_sample(record)
        except PixelwiseError as error:
            return error

    threads = max(1, workers)
    group: list[Sample] = []
    for record, loaded in _ahead(load, records, threads, depth=threads + 1):
        if isinstance(loaded, PixelwiseError):
            if on_error is None:
                raise loaded
            on_error(record, loaded)
            continue
        if group and (len(group) == batch_size or _shape(group[0]) != _shape(loaded)):
            yield _collate(group)
            group = []
        group.append(loaded)
    if group:
        yield _collate(group)


def _shape(sample: Sample) -> tuple[object, object]:
    return sample.image.shape, None if sample.target is None else sample.target.shape


def _collate(samples: Sequence[Sample]) -> Batch:
    images = torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2)
    targets = [sample.target for sample in samples if sample.target is not None]
    return Batch(images, torch.from_numpy(np.stack(targets)) if targets else None, tuple(sample.record for sample in samples))


@dataclass(frozen=True)
class _TrainBatches(Dataset[Batch]):
    """Batch of a step, by step. Sample ``i`` of the whole run is record ``i`` of the endless row of shuffled epochs."""

    records: tuple[Record, ...]
    reading: Reading
    augmenter: Augmenter
    batch_size: int
    seed: int
    rank: int
    world: int

    def __getitem__(self, step: int) -> Batch:
        first = step * self.batch_size
        share = range(first + self.rank * self.batch_size // self.world, first + (self.rank + 1) * self.batch_size // self.world)
        return _collate([self.sample(position) for position in share])

    def sample(self, position: int) -> Sample:
        epoch, place = divmod(position, len(self.records))
        record = self.records[_permutation(self.seed, epoch, len(self.records))[place]]
        own = np.random.default_rng([self.seed, position, 1])
        pair, mixing = self._pair(record), self.augmenter.mixing
        try:
            if mixing is None:
                image, target = self.augmenter(*pair, own)
            else:
                rngs = (own, np.random.default_rng([self.seed, position, 2]))
                image, target = mixing(pair, self.augmenter.crop, self.augmenter.cut, self._partner, rngs)
        except PixelwiseError:
            raise
        except Exception as error:
            error.add_note(f"while preparing {record.image}")
            raise
        return Sample(image, target, record)

    def _partner(self, rng: np.random.Generator) -> Pair:
        return self._pair(self.records[rng.integers(len(self.records))])

    def _pair(self, record: Record) -> Pair:
        try:
            loaded = self.reading.load_sample(record)
        except PixelwiseError:
            raise
        except Exception as error:
            error.add_note(f"while preparing {record.image}")
            raise
        if loaded.target is None:
            raise DataError(f"{record.image} has no mask, so it cannot be trained on; add its mask or take it out of the split")
        return loaded.image, loaded.target


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(length)


def _from_thread(source: _TrainBatches, steps: Iterable[int]) -> Generator[Batch, None, None]:
    for _, batch in _ahead(source.__getitem__, steps, threads=1, depth=2):
        yield batch


def _ahead(
    function: Callable[[_In], _Out], items: Iterable[_In], threads: int, depth: int
) -> Generator[tuple[_In, _Out], None, None]:
    """``(item, function(item))`` in order, with up to ``depth`` calls running or waiting ahead. OpenCV and file reads let
    go of the interpreter's lock, so threads are enough here and cost nothing to start."""
    waiting: deque[tuple[_In, Future[_Out]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pixelwise-loader")
    try:
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) >= depth:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Failing(Dataset[Any]):
    """Hands errors over as values: torch would wrap a worker's message into its traceback."""

    def __init__(self, source: _TrainBatches) -> None:
        self.source = source

    def __getitem__(self, step: int) -> Batch | PixelwiseError:
        try:
            return self.source[step]
        except PixelwiseError as error:
            return error


def _from_processes(source: _TrainBatches, steps: Iterable[int], workers: int) -> Generator[Batch, None, None]:
    batches = _start_workers(source, steps, workers)
    batch: Batch | PixelwiseError | None = None
    try:
        while True:
            try:
                batch = next(batches)
            except RuntimeError as error:
                if not str(error).startswith("DataLoader worker"):
                    raise
                raise TrainingError(
                    f"a loader process died, most likely for want of memory ({str(error).splitlines()[0]}); "
                    "use fewer of them: --set train.workers=1, or none: --set train.workers=0"
                ) from error
            if isinstance(batch, PixelwiseError):
                raise batch
            yield batch
    finally:
        # The workers stop with their iterator, at once; an error's traceback would keep both alive, in a circle.
        del batches, batch


def _start_workers(source: _TrainBatches, steps: Iterable[int], workers: int) -> Iterator[Batch | PixelwiseError]:
    loader = DataLoader(
        _Failing(source),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        collate_fn=_same,
        prefetch_factor=2,
        worker_init_fn=_prepare_worker,
        # fork starts at once; elsewhere than on Linux it is not safe
        multiprocessing_context="fork" if sys.platform == "linux" else None,
        generator=torch.Generator(),  # its own, so that the number of workers does not change torch's random state
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
        return iter(loader)


def _same(batch: Any) -> Any:
    return batch


def _prepare_worker(worker: int) -> None:
    cv2.setNumThreads(0)  # a process is one core's work, and OpenCV's pool does not survive a fork
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer, which finishes its step before it stops them
