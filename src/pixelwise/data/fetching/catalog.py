"""The data sets that can be fetched by name.

Sizes and MD5 sums are those that torchvision 0.29 and fastai's table of downloads state; what differs is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixelwise.errors import ConfigError, nearest

__all__ = ["DATASETS", "Download", "PublicDataset", "public_dataset"]


@dataclass(frozen=True)
class Download:
    """One file: where it is, and its MD5 sum; ``size`` in bytes where the source states it. ``mirrors`` are tried in order."""

    mirrors: tuple[str, ...]
    md5: str
    size: int | None = None

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.mirrors[0].rsplit("/", 1)[-1]


@dataclass(frozen=True)
class PublicDataset:
    """``licence`` is what its authors say. ``folder`` is where the data are once unpacked, relative to where they were put;
    ``task`` what they are for: ``segmentation`` or ``classification``."""

    name: str
    title: str
    contents: str
    licence: str
    page: str
    downloads: tuple[Download, ...]
    folder: str = "."
    task: str = "segmentation"


_IDX = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def _idx(bases: tuple[str, ...], sums: tuple[str, ...]) -> tuple[Download, ...]:
    return tuple(Download(tuple(base + name for base in bases), md5) for name, md5 in zip(_IDX, sums, strict=True))


DATASETS: dict[str, PublicDataset] = {
    row.name: row
    for row in (
        PublicDataset(
            "camvid", "CamVid, 32 classes", "701 road scenes at 720x960",
            "for research; cite Brostow et al. 2008 and 2009", "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
            (
                Download(
                    ("https://s3.amazonaws.com/fast-ai-imagelocal/camvid.tgz",), "648371e4f3a833682afb39b08a3ce2aa", 598_913_237
                ),
            ),
            "camvid",
        ),
        PublicDataset(
            "oxford-pets", "Oxford-IIIT Pet", "7,349 photos of cats and dogs with outlines",
            "CC BY-SA 4.0", "https://www.robots.ox.ac.uk/~vgg/data/pets/",
            (
                Download(
                    ("https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",), "5c4f3ee8e5d25df40f4fd59a7f44e54c"
                ),
                Download(
                    ("https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",), "95a8c909bbe2e81eed6a22bccdf3f68f"
                ),
            ),
        ),
        PublicDataset(
            "voc2012", "PASCAL VOC 2012", "2,913 photos with masks of 20 classes, among 17,125",
            "of Flickr's users; see the page", "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
            (
                Download(
                    (
                        "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
                        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
                    ),
                    "6cd6e144f989b92b3379bac3b3de84fd",
                ),
            ),
            "VOCdevkit/VOC2012",
        ),
        PublicDataset(
            "mnist", "MNIST", "70,000 handwritten digits of 28x28", "free to use; cite LeCun et al. 1998",
            "http://yann.lecun.com/exdb/mnist/",
            _idx(
                ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
                (
                    "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432", "9fb629c4189551a2d022fa330f9573f3",
                    "ec29112dd5afa0611ce80d1b7f02629c",
                ),
            ),
            task="classification",
        ),
        PublicDataset(
            "fashion-mnist", "Fashion-MNIST", "70,000 pieces of clothing of 28x28", "MIT",
            "https://github.com/zalandoresearch/fashion-mnist",
            _idx(
                ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
                (
                    "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe", "bef4ecab320f06d8554ea6380940ec79",
                    "bb300cfdad3c16e7a12a480ee83cd310",
                ),
            ),
            task="classification",
        ),
    )
}  # fmt: skip


def public_dataset(name: str) -> PublicDataset:
    """The row of that name. Raises :class:`ConfigError`, with the nearest names, where there is none."""
    if name not in DATASETS:
        raise ConfigError(f"no data set is called {name!r}; {nearest(name, DATASETS)}")
    return DATASETS[name]
