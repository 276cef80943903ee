"""Encoder, decoder and head as one network that takes images of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.pyramid import Encoder
from pixelwise.models.saving import save_files
from pixelwise.models.spatial import continued, resize, size_of

__all__ = ["Prediction", "Segmenter"]


class Prediction(NamedTuple):
    """What a segmenter gives in training: ``logits`` and each of ``auxiliary`` are (B, K, *size) of the size of the images,
    ``image`` is (B, K), for "is this class anywhere in the image", or ``None``."""

    logits: Tensor
    auxiliary: tuple[Tensor, ...] = ()
    image: Tensor | None = None


class Segmenter(nn.Module):
    """(B, C, *size) normalised images -> (B, K, *size) logits of the same size, from 1x1 pixels up.

    Args:
        encoder: images -> pyramid; its ``mean`` and ``std`` are the normalisation that is expected of the images.
        decoder: called as ``decoder(pyramid, size)``, gives one map (B, D, *); ``size`` is that of the framed images. One with
            deep supervision also has ``maps(pyramid, size)``: a list of maps, the last of which is that one.
        head: map -> logits (B, K, *), brought to the size of the image linearly where they are smaller.
        auxiliary: pyramid -> logits of a second head, used in training only.
        deep: one head for each of the decoder's maps but the last (deep supervision), used in training only.
        image_head: pyramid -> (B, K) logits of the classes that are anywhere in the image, used in training only.
        align_corners: how logits are enlarged. It is a property of the trained network and goes into its checkpoint.

    Images whose sides are no multiple of ``encoder.divisor``, or so small that the coarsest map would be a single pixel,
    are continued to the right and below by their last column and row; the logits of what was added are cut off again.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: nn.Module,
        head: nn.Module,
        auxiliary: nn.Module | None = None,
        *,
        deep: nn.ModuleList | None = None,
        image_head: nn.Module | None = None,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.head = head
        self.auxiliary = auxiliary
        self.deep = deep
        self.image_head = image_head
        self.align_corners = align_corners
        self.origin: dict[str, Any] = {}  # the arguments with which create() builds it again

    def forward(self, images: Tensor, auxiliary: bool = False) -> Any:
        """Logits (B, K, *size); with ``auxiliary=True`` a :class:`Prediction` of all outputs."""
        framed = self.frame(images)
        pyramid, size = self.encoder(framed), size_of(framed)
        if not auxiliary:
            return self.to_image(self.head(self.decoder(pyramid, size)), size, size_of(images))
        decode: Any = self.decoder
        maps = decode.maps(pyramid, size) if self.deep is not None else [decode(pyramid, size)]
        extra = [] if self.auxiliary is None else [self.auxiliary(pyramid)]
        extra += [head(features) for head, features in zip(self.deep or (), maps, strict=False)]
        return Prediction(
            self.to_image(self.head(maps[-1]), size, size_of(images)),
            tuple(self.to_image(logits, size, size_of(images)) for logits in extra),
            None if self.image_head is None else self.image_head(pyramid),
        )

    def frame(self, images: Tensor) -> Tensor:
        """The images as the encoder takes them; here, continued to a size that it can take."""
        return continued(images, [self._missing(length) for length in size_of(images)])

    def to_image(self, logits: Tensor, framed: tuple[int, ...], size: tuple[int, ...]) -> Tensor:
        """Logits of framed images -> logits of the images: enlarged where they are smaller, and without what was added."""
        logits = resize(logits, framed, align_corners=self.align_corners)
        for dimension, length in enumerate(size, start=2):
            logits = logits.narrow(dimension, 0, length)
        return logits

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes ``model.json`` and ``model.safetensors`` into ``folder``; :func:`pixelwise.from_pretrained` reads them.

        Raises:
            ConfigError: the network was put together by hand, so that no description builds it again.
            StorageError: the folder cannot be written to.
        """
        if not self.origin:
            raise ConfigError(
                "this network was put together by hand, so model.json cannot say how to build it again; make it through the "
                "catalog, as in pixelwise.Unet('resnet34'), or save model.state_dict() yourself"
            )
        save_files(Path(folder), self, {**self.origin, "mean": self.encoder.mean, "std": self.encoder.std})

    def _missing(self, length: int) -> int:
        """Pixels to add to one side: two pixels of the coarsest map at least, and a multiple of the divisor."""
        needed = max(length, max(self.encoder.strides) + 1)
        return -(-needed // self.encoder.divisor) * self.encoder.divisor - length
