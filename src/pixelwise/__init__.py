"""Pixelwise: from a folder of images and masks to a trained, evaluated and explained segmentation model.

>>> import pixelwise as pw
>>> run = pw.train("data/", model="unet", encoder="resnet34", budget="30m")  # doctest: +SKIP
>>> pw.load(run.path)("image.jpg").ids  # doctest: +SKIP

Every name is imported when it is first used, so ``import pixelwise`` costs no torch. Besides the names in ``__all__``, each
architecture of the catalog is here under its public name: ``pw.Unet``, ``pw.PSPNet``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelwise.api import check, compare, evaluate, load, predict, train
    from pixelwise.config import RunConfig
    from pixelwise.models.pretrained import from_pretrained
    from pixelwise.types import ClassTable, LabelMap, Record
    from pixelwise.verbs.fetching import fetch_data
    from pixelwise.verbs.importing import import_data
    from pixelwise.verbs.splitting import split_data

__version__ = "0.1.0"

__all__ = [
    "ClassTable",
    "LabelMap",
    "Record",
    "RunConfig",
    "__version__",
    "check",
    "compare",
    "evaluate",
    "fetch_data",
    "from_pretrained",
    "import_data",
    "load",
    "predict",
    "split_data",
    "train",
]

_MODULE_OF = {
    "ClassTable": "pixelwise.types",
    "LabelMap": "pixelwise.types",
    "Record": "pixelwise.types",
    "RunConfig": "pixelwise.config",
    "check": "pixelwise.api",
    "compare": "pixelwise.api",
    "evaluate": "pixelwise.api",
    "fetch_data": "pixelwise.verbs.fetching",
    "from_pretrained": "pixelwise.models.pretrained",
    "import_data": "pixelwise.verbs.importing",
    "load": "pixelwise.api",
    "predict": "pixelwise.api",
    "split_data": "pixelwise.verbs.splitting",
    "train": "pixelwise.api",
}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = getattr(import_module(_MODULE_OF[name]), name)
    elif name in _architectures():
        value = getattr(import_module("pixelwise.models.face"), name)
    else:
        known = ", ".join([*__all__, *_architectures()])
        raise AttributeError(f"module 'pixelwise' has no attribute {name!r}; it has {known}")
    globals()[name] = value  # found here directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_architectures()})


def _architectures() -> list[str]:
    """Public names of the catalog's rows; the catalog loads no torch."""
    rows: dict[str, Any] = import_module("pixelwise.models.catalog").ARCHITECTURES
    return [row.public for row in rows.values()]
