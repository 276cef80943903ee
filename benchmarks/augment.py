"""Images per second of one process: JPEG bytes -> flipped, zoomed (0.5 to 2), cropped, colour-jittered training sample.

    python benchmarks/augment.py [FOLDER] [--crop 512] [--images 40] [--rounds 5]

Ours against torchvision's transforms v2 on uint8 tensors and on PIL images, with the same policy (torchvision warps and
jitters in separate passes; no rotation in either, since torchvision's would be one more pass). Without a FOLDER of
photographs, one is made on the spot. Processor time of one thread counts, rounds are interleaved and the median is shown, so
that a busy machine slows all alike.
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
from torchvision import io, tv_tensors
from torchvision.transforms import v2

from pixelwise.data.transforms import Augmenter
from pixelwise.formats.image import decode_image

Pair = tuple[bytes, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="photographs (*.jpg); default: one of 375x500 made on the spot")
    parser.add_argument("--crop", type=int, default=512)
    parser.add_argument("--images", type=int, default=40, help="per round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    pairs = load_folder(arguments.folder) if arguments.folder else [make_pair()]
    rivals = contestants(arguments.crop)
    rates: dict[str, list[float]] = {name: [] for name in rivals}
    for round_number in range(-1, arguments.rounds):  # the first warms up
        for name, prepare in rivals.items():
            start = time.process_time()
            for index in range(arguments.images):
                prepare(*pairs[index % len(pairs)], index)
            if round_number >= 0:
                rates[name].append(arguments.images / (time.process_time() - start))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ours = medians["pixelwise"]
    print(f"{'one process, crop ' + str(arguments.crop):36}{'images/s':>10}{'pixelwise is':>14}")
    for name, rate in medians.items():
        print(f"{name:36}{rate:10.0f}{ours / rate:13.1f}x")


def make_pair() -> Pair:
    """A smooth 375x500 picture with some noise, about 60 KB as JPEG, and a label map of 20 classes."""
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (500, 375), interpolation=cv2.INTER_CUBIC)
    image = np.clip(coarse.astype(int) + rng.normal(0, 8, coarse.shape), 0, 255).astype(np.uint8)
    labels = cv2.resize(rng.integers(0, 20, (12, 16), dtype=np.uint8), (500, 375), interpolation=cv2.INTER_NEAREST)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes(), labels


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


class _Zoom(torch.nn.Module):
    """torchvision's resize by the factor that ours draws: log-uniform from 0.5 to 2."""

    def forward(self, image: object, mask: torch.Tensor) -> object:
        scale = 2 ** (2 * torch.rand(()).item() - 1)
        size = [max(1, round(side * scale)) for side in mask.shape[-2:]]
        return v2.functional.resize(image, size), v2.functional.resize(mask, size)


def contestants(crop: int) -> dict[str, Callable[[bytes, np.ndarray, int], object]]:
    """Name -> function of (JPEG bytes, label map, number of the sample)."""
    augmenter = Augmenter((crop, crop), (0.5, 2.0), 0.0, 0.5, 0.0, 0.3, 0.3, 0.3, 0.03)
    turning = Augmenter((crop, crop), (0.5, 2.0), 5.0, 0.5, 0.0, 0.3, 0.3, 0.3, 0.03)
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

    def ours_turned(data: bytes, labels: np.ndarray, index: int) -> object:
        return turning(decode_image("memory.jpg", data), labels, np.random.default_rng([0, index, 1]))

    def tensors(data: bytes, labels: np.ndarray, index: int) -> object:
        image = io.decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=io.ImageReadMode.RGB)
        return policy(tv_tensors.Image(image), tv_tensors.Mask(torch.from_numpy(labels)))

    def pil(data: bytes, labels: np.ndarray, index: int) -> object:
        image = Image.open(BytesIO(data)).convert("RGB")
        image, mask = policy(image, tv_tensors.Mask(torch.from_numpy(labels)))
        return v2.functional.pil_to_tensor(image), mask

    return {
        "pixelwise": ours,
        "pixelwise, turned by up to 5 degrees": ours_turned,
        "torchvision v2, uint8 tensors": tensors,
        "torchvision v2, PIL": pil,
    }


if __name__ == "__main__":
    main()
