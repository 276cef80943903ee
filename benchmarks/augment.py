"""Images per second: file bytes -> flipped, zoomed (0.5 to 2), cropped, colour-jittered training sample.

    python benchmarks/augment.py [FOLDER] [--crop 512] [--images 24] [--rounds 5] [--source NAME ...] [--decoders | --effects]

Ours against albumentations 2 (where it is installed; 2.0.8 is its last free version) and torchvision's transforms v2, on uint8
tensors and on PIL images, with the same policy: left-right flip, zoom drawn log-uniformly from 0.5 to 2, random crop with
padding, brightness, contrast and saturation from 1 ± 0.3, hue ± 0.03; no rotation, which would be one more pass for them. The
rivals read with OpenCV, torchvision's own decoder and PIL. ``crop first`` is albumentations with the crop cut out before it is
zoomed, for sources that are never smaller than that.

One process: processor time of one thread counts. Two workers: wall time of torch's DataLoader with two processes, batches of 8.
Rounds are interleaved and the median is shown, so that a busy machine slows all alike. ``--decoders`` times decoding alone.
``--effects`` times our presets and effects on decoded images.
Sources are made on the spot, or are the *.jpg of FOLDER.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import io, tv_tensors
from torchvision.transforms import v2

from pixelwise import build
from pixelwise.augment_config import AugmentConfig
from pixelwise.data.transforms import Augmenter
from pixelwise.engine.allocator import keep_freed_memory
from pixelwise.formats.image import decode_image

try:
    import albumentations
except ImportError:
    albumentations = None

Pair = tuple[bytes, np.ndarray]
Prepare = Callable[[bytes, np.ndarray, int], object]
SOURCES = {"small JPEG": (375, 500, ".jpg"), "large JPEG": (1024, 2048, ".jpg"), "large PNG": (1024, 2048, ".png")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="photographs (*.jpg) instead of sources made on the spot")
    parser.add_argument("--crop", type=int, default=512)
    parser.add_argument("--images", type=int, default=24, help="per round; with two workers four times as many")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--source", nargs="*", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--decoders", action="store_true", help="decoding alone")
    parser.add_argument("--effects", action="store_true", help="our presets and single effects, without decoding")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    sources = {name: [make_pair(*SOURCES[name])] for name in arguments.source}
    if arguments.folder:
        sources = {str(arguments.folder): load_folder(arguments.folder)}
    for name, pairs in sources.items():
        if arguments.decoders:
            rates = alone(decoders(), pairs, arguments.images, arguments.rounds)
            show(f"{name}, decoding alone", rates, "decode_image (ours)")
            continue
        if arguments.effects:
            rates = alone(effects(arguments.crop, pairs), pairs, arguments.images, arguments.rounds)
            for effect, values in rates.items():
                print(f"{name}, {effect:44}{1000 / statistics.median(values):8.2f} ms")
            continue
        rivals = contestants(arguments.crop, min(min(labels.shape) for _, labels in pairs))
        show(f"{name}, one process", alone(rivals, pairs, arguments.images, arguments.rounds), "pixelwise")
        show(f"{name}, two workers", together(rivals, pairs, 4 * arguments.images, arguments.rounds), "pixelwise")


def show(title: str, rates: dict[str, list[float]], ours: str) -> None:
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{title:36}{'images/s':>10}{'ours is':>14}")
    for name, rate in medians.items():
        print(f"{name:36}{rate:10.0f}{medians[ours] / rate:13.2f}x", flush=True)


def alone(rivals: dict[str, Prepare], pairs: list[Pair], images: int, rounds: int) -> dict[str, list[float]]:
    """Images per second of processor time, one value per round."""
    rates: dict[str, list[float]] = {name: [] for name in rivals}
    for round_number in range(-1, rounds):  # the first warms up
        for name, prepare in rivals.items():
            start = time.process_time()
            for index in range(images):
                prepare(*pairs[index % len(pairs)], index)
            if round_number >= 0:
                rates[name].append(images / (time.process_time() - start))
    return rates


class _Samples(Dataset):
    def __init__(self, prepare: Prepare, pairs: list[Pair], length: int) -> None:
        self.prepare, self.pairs, self.length = prepare, pairs, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> object:
        return self.prepare(*self.pairs[index % len(self.pairs)], index)


def together(rivals: dict[str, Prepare], pairs: list[Pair], images: int, rounds: int) -> dict[str, list[float]]:
    """Images per second of wall time with two loader processes, which are started before the clock is."""
    rates: dict[str, list[float]] = {name: [] for name in rivals}
    loaders = {
        name: DataLoader(
            _Samples(prepare, pairs, images), batch_size=8, num_workers=2, persistent_workers=True, worker_init_fn=_one_thread
        )
        for name, prepare in rivals.items()
    }
    for round_number in range(-1, rounds):
        for name, loader in loaders.items():
            start = time.perf_counter()
            for _ in loader:
                pass
            if round_number >= 0:
                rates[name].append(images / (time.perf_counter() - start))
    return rates


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)


def make_pair(height: int, width: int, suffix: str) -> Pair:
    """A smooth picture with some noise, and a label map of 20 classes; 375x500 is about 60 KB as JPEG."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 31, width // 31, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    image = np.clip(smooth.astype(int) + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
    labels = cv2.resize(rng.integers(0, 20, (12, 16), dtype=np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 90] if suffix == ".jpg" else []
    return cv2.imencode(suffix, image, quality)[1].tobytes(), labels


def load_folder(folder: Path) -> list[Pair]:
    """The first 40 JPEG files with a label map of 20 classes made up for each."""
    pairs = []
    for path in sorted(folder.glob("*.jpg"))[:40]:
        data = path.read_bytes()
        height, width = decode_image(path, data).shape[:2]
        labels = np.random.default_rng(0).integers(0, 20, (12, 16), dtype=np.uint8)
        pairs.append((data, cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)))
    if not pairs:
        raise SystemExit(f"no *.jpg in {folder}")
    return pairs


def decoders() -> dict[str, Prepare]:
    """Bytes -> RGB pixels."""
    return {
        "decode_image (ours)": lambda data, labels, index: decode_image("memory.jpg", data),
        "OpenCV": lambda data, labels, index: _opencv(data),
        "PIL": lambda data, labels, index: np.asarray(Image.open(BytesIO(data)).convert("RGB")),
        "torchvision.io": lambda data, labels, index: _torchvision(data),
    }


EFFECTS = {
    "a crop alone": {},
    **{f"preset {name}": {"preset": name} for name in ("recommended", "keras", "nnunet")},
    "turn, zoom per axis, shear, shift": {"rotation": 10, "zoom": 0.1, "shear": 5, "shift": 0.1},
    "perspective": {"perspective": 0.2},
    "elastic": {"elastic": 10},
    "grid": {"grid": 0.3},
    **{name.replace("_", " "): {f"{name}_probability": 1} for name in ("gamma", "noise", "blur", "low_resolution")},
    "erased box": {"erase": 1},
}


def effects(crop: int, pairs: list[Pair]) -> dict[str, Prepare]:
    """Our augmenter with one preset or effect at a time, on images decoded before."""
    images = {data: decode_image("memory", data) for data, _ in pairs}

    def timed(settings: dict[str, object]) -> Prepare:
        made = build.augmenter(AugmentConfig(**{"preset": "none", **settings}), (crop, crop))
        return lambda data, labels, index: made(images[data], labels, np.random.default_rng([0, index, 1]))

    keep_freed_memory()  # as every training does
    return {name: timed(settings) for name, settings in EFFECTS.items()}


def _opencv(data: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _torchvision(data: bytes) -> torch.Tensor:
    return io.decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=io.ImageReadMode.RGB)


class _Zoom(torch.nn.Module):
    """torchvision's resize by the factor that ours draws: log-uniform from 0.5 to 2."""

    def forward(self, image: object, mask: torch.Tensor) -> object:
        scale = 2 ** (2 * torch.rand(()).item() - 1)
        size = [max(1, round(side * scale)) for side in mask.shape[-2:]]
        return v2.functional.resize(image, size), v2.functional.resize(mask, size)


def contestants(crop: int, smallest: int) -> dict[str, Prepare]:
    """Name -> function of (file bytes, label map, number of the sample); ``smallest`` is the shortest side of a source."""
    augmenter = Augmenter((crop, crop), (0.5, 2.0), 0.0, 0.5, 0.0, 0.3, 0.3, 0.3, 0.03)
    policy = v2.Compose(
        [
            v2.RandomHorizontalFlip(0.5),
            _Zoom(),
            v2.RandomCrop((crop, crop), pad_if_needed=True, fill={tv_tensors.Mask: 255, "others": 127}),
            v2.ColorJitter(0.3, 0.3, 0.3, 0.03),
        ]
    )

    def ours(data: bytes, labels: np.ndarray, index: int) -> object:
        return augmenter(decode_image("memory.jpg", data), labels, np.random.default_rng([0, index, 1]))

    def tensors(data: bytes, labels: np.ndarray, index: int) -> object:
        return policy(tv_tensors.Image(_torchvision(data)), tv_tensors.Mask(torch.from_numpy(labels)))

    def pil(data: bytes, labels: np.ndarray, index: int) -> object:
        image = Image.open(BytesIO(data)).convert("RGB")
        image, mask = policy(image, tv_tensors.Mask(torch.from_numpy(labels)))
        return v2.functional.pil_to_tensor(image), mask

    found: dict[str, Prepare] = {"pixelwise": ours}
    if albumentations is not None:
        found |= albumented(crop, smallest)
    return found | {"torchvision v2, uint8 tensors": tensors, "torchvision v2, PIL": pil}


def albumented(crop: int, smallest: int) -> dict[str, Prepare]:
    """The same policy by albumentations, read with OpenCV as its documentation advises."""
    a = albumentations

    class _LogScale(a.RandomScale):
        def get_params(self) -> dict[str, float]:
            return {"scale": 2 ** self.py_random.uniform(-1, 1)}

    jitter = a.ColorJitter((0.7, 1.3), (0.7, 1.3), (0.7, 1.3), (-0.03, 0.03), p=1)
    flip = a.HorizontalFlip(p=0.5)
    padded = a.PadIfNeeded(crop, crop, fill=127, fill_mask=255)
    policies = {"albumentations": a.Compose([flip, _LogScale(p=1), padded, a.RandomCrop(crop, crop), jitter])}
    if smallest >= 2 * crop:
        cut = a.RandomSizedCrop((crop // 2, 2 * crop), (crop, crop))
        policies["albumentations, crop first"] = a.Compose([cut, flip, jitter])

    def prepare(policy: object) -> Prepare:
        def prepared(data: bytes, labels: np.ndarray, index: int) -> object:
            made = policy(image=_opencv(data), mask=labels)
            return made["image"], made["mask"]

        return prepared

    return {f"{name} {a.__version__}": prepare(policy) for name, policy in policies.items()}


if __name__ == "__main__":
    main()
