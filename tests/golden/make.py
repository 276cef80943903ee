"""Asks other packages about the golden cases and writes what they say into the JSON files of this folder.

    python tests/golden/make.py [confusion ranking calibration surface instances] [--check]

The cases themselves, and what was worked out by hand, stand in the JSON files and are not touched: only the values of
``references`` (and ``boundary``) and the versions in ``packages`` are written. With ``--check`` nothing is written, and what
differs from the files by more than rounding is printed. A package that is not installed keeps the values that are there.
All packages but two come from the package index: scikit-learn, scikit-image, torchmetrics, monai, pycocotools, faster-coco-eval,
surface-distance, mmsegmentation, mmengine, cityscapesscripts, segmentation-models-pytorch, stardist, cellpose. From their
repositories: github.com/cocodataset/panopticapi and github.com/bowenc0221/boundary-iou-api. The tests need none of them.
"""

import argparse
import importlib.metadata
import json
import math
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import references_confusion
import references_instances
import references_scores
import references_surface

HERE = Path(__file__).parent
FAMILIES = {
    "confusion": (references_confusion.REFERENCES, references_confusion.PACKAGES),
    "ranking": (references_scores.RANKING, references_scores.RANKING_PACKAGES),
    "calibration": (references_scores.CALIBRATION, references_scores.CALIBRATION_PACKAGES),
    "instances": (references_instances.REFERENCES, references_instances.PACKAGES),
    "surface": (references_surface.REFERENCES, references_surface.PACKAGES),
}
Case = dict[str, Any]
Reference = Callable[[Case], Any]
"""From a case to what one package says about it: numbers, nan among them, by name."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=list(FAMILIES), help="default: all")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    told = [line for family in arguments.families for line in renew(family, is_check=arguments.check)]
    print("\n".join(told) or "nothing differs")
    sys.exit(arguments.check and bool(told))


def renew(family: str, is_check: bool) -> list[str]:
    """Fills one JSON file; returns what has changed."""
    path = HERE / f"{family}.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    references, packages = FAMILIES[family]
    told = [line for section, fields in references.items() for line in fill(kept[section], fields, section)]
    found = {name: version_of(name) for name in packages}
    kept["packages"] |= {name: version for name, version in found.items() if version}
    if not is_check:
        path.write_text(dump(kept), encoding="utf-8")
    return [f"{family}: {line}" for line in told]


def fill(cases: list[Case], fields: dict[str, dict[str, Reference]], section: str) -> list[str]:
    told, missing = [], set()
    for case in cases:
        for field, references in fields.items():
            values = case.setdefault(field, {})
            for name, reference in references.items():
                try:
                    found = to_plain(reference(case))
                except ImportError as error:
                    missing.add(f"{section}: values of {name} kept: {error}")
                    continue
                if found is None:  # the package has no answer to such a case
                    values.pop(name, None)
                    continue
                if name in values and not is_close(values[name], found):
                    told.append(f"{section}, {case['name']}, {name}: {values[name]} is now {found}")
                values[name] = found
    return told + sorted(missing)


def to_plain(value: Any) -> Any:
    """What JSON can hold: None for nan, "inf" for infinity, lists for arrays; None itself means no answer."""
    if isinstance(value, dict):
        return {str(key): to_plain(part) for key, part in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [to_plain(part) for part in value]
    if isinstance(value, float):
        return None if math.isnan(value) else "inf" if math.isinf(value) else value
    return value


def is_close(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_close, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-7)
    return bool(one == other)


def version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def dump(kept: dict[str, Any]) -> str:
    """One case on a line: a change of a case is a change of its line."""
    parts = []
    for key, value in kept.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines = ",\n".join(f"  {json.dumps(case, ensure_ascii=False)}" for case in value)
            parts.append(f" {json.dumps(key)}: [\n{lines}\n ]")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
