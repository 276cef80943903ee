"""What a task is: the three verbs that the engine knows, and nothing else.

The *model* goes into ``loss``, not its output: two-stage and generative models share the loop that way, and DDP and
``torch.compile`` wrappers stay outside the task.
"""

from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from pixelwise.types import Batch, LabelMap

__all__ = ["Metric", "Task"]


class Metric(Protocol):
    """Streams: one image at a time, mergeable over processes, exact."""

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Counts one image and returns its own counts."""
        ...

    def merge(self, other: Any) -> None: ...

    def compute(self) -> Any: ...


class Task(Protocol):
    """Semantic segmentation is one; instance, panoptic and generative tasks keep the same face."""

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Named scalars, already weighted; the engine minimises their sum."""
        ...

    def predict(self, model: nn.Module, batch: Batch, scores: bool = False) -> list[LabelMap]:
        """One result per image, of the image's own size."""
        ...

    def metrics(self) -> dict[str, Metric]:
        """Fresh metrics, by name."""
        ...
