"""Label Studio's JSON export: a list of tasks, each with the annotations of one or more people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pixelwise.data.importing.annotated import Annotated, Annotations, Format
from pixelwise.data.importing.label_studio_shapes import StudioShape, paint_shapes, shapes_of
from pixelwise.data.importing.naming import ClassIds, beginning, class_name, counted, files_below, keys_of, split_of
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.image import is_image_name
from pixelwise.formats.json_file import read_json

__all__ = ["FORMAT", "read"]

_UPLOAD_PREFIX = re.compile("^[0-9a-f]{8}-")
_SIGNS = (b'"result"', b'"completed_by"', b'"was_cancelled"', b'"from_name"')


@dataclass(frozen=True)
class _Task:
    """One image with what one person drew on it."""

    image: Path
    shapes: tuple[StudioShape, ...]
    annotator: str


@dataclass
class _Reading:
    finder: ImageFinder
    everybody: bool
    tasks: list[_Task] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def _matches(root: Path) -> str | None:
    for path in islice(files_below(root, ".json", levels=1), 8):
        ends = beginning(path)
        is_list = ends.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[")
        if is_list and (b'"annotations"' in ends or b'"completions"' in ends) and any(sign in ends for sign in _SIGNS):
            return f"{path.name} is a list of tasks with annotations and results, as Label Studio exports it"
    return None


def read(root: Path, annotators: str = "first") -> Annotations:
    """``annotators``: where several people annotated one image, ``first`` reads the annotation marked as ground truth, else
    the first; ``all`` reads each of them as an image of its own, with the annotator as a column. Cancelled ones never count.

    Raises :class:`ConfigError` for any other word.
    """
    if annotators not in ("first", "all"):
        raise ConfigError(f"annotators must be first or all, got {annotators!r}")
    folder = root if root.is_dir() else root.parent
    reading = _Reading(ImageFinder(folder), annotators == "all")
    for path in files_below(root, ".json", levels=1):
        try:
            content = read_json(path)
            if isinstance(content, list) and any(_annotations(task) for task in content):
                for at, task in enumerate(content):
                    _read_task(task, f"{path}, task {at + 1}", reading)
        except DataError as error:
            reading.faults.append(str(error))
    if reading.missing:
        what = counted(len(reading.missing), "image", reading.missing)
        reading.faults.append(f"{what} not below {folder}; export or copy the images too, names and folders may differ")
    classes = ClassIds(sorted(reading.names))
    return Annotations(
        tuple(_items(reading, folder, classes)), classes.rows(), tuple(_decisions(reading, classes)), tuple(reading.faults)
    )


def _annotations(task: Any) -> list[dict[str, Any]]:
    """The annotations of a task, also the cancelled ones; ``completions`` is what they were called before 2021."""
    found = (task.get("annotations") or task.get("completions")) if isinstance(task, dict) else None
    found = found if isinstance(found, list) else []
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("result"), list)]


def _read_task(task: Any, where: str, reading: _Reading) -> None:
    annotations = [each for each in _annotations(task) if not each.get("was_cancelled")]
    reading.counts["cancelled"] += len(_annotations(task)) - len(annotations)
    if not annotations:
        reading.counts["unannotated"] += 1
        return
    annotations.sort(key=lambda each: not each.get("ground_truth"))  # keeps the order otherwise
    reading.counts["several"] += len(annotations) > 1
    image = _find(task, annotations[0], reading.finder)
    if image is None:
        reading.missing.append(class_name(next(iter(_image_names(task, annotations[0])), where)))
        return
    for annotation in annotations if reading.everybody else annotations[:1]:
        try:
            shapes = shapes_of(annotation["result"], reading.counts)
        except DataError as error:
            reading.faults.append(f"{where}: {error}; the task is left out")
            continue
        reading.names |= {shape.label for shape in shapes}
        reading.tasks.append(_Task(image, shapes, _annotator(annotation)))


def _annotator(annotation: Mapping[str, Any]) -> str:
    """The number of the person, never a name or an address."""
    person = annotation.get("completed_by")
    return class_name(person.get("id") if isinstance(person, dict) else person)


def _find(task: Mapping[str, Any], annotation: Mapping[str, Any], finder: ImageFinder) -> Path | None:
    names = _image_names(task, annotation)
    for name in [*names, *(_UPLOAD_PREFIX.sub("", name.rpartition("/")[2]) for name in names)]:
        try:
            return finder.find(name)
        except DataError:
            continue
    return None


def _image_names(task: Mapping[str, Any], annotation: Mapping[str, Any]) -> list[str]:
    """What the image of a task may be called: the addresses in its data, the one that the regions name first."""
    data = task.get("data")
    values = {key: value for key, value in data.items() if isinstance(value, str)} if isinstance(data, dict) else {}
    targets = {str(result.get("to_name")) for result in annotation["result"] if isinstance(result, dict)}
    names = [name for key, value in values.items() if is_image_name(name := _path_of(value)) or key == "image" or key in targets]
    names.sort(key=lambda name: not any(_path_of(values[key]) == name for key in targets & set(values)))
    upload = task.get("file_upload")
    return [name for name in [*names, upload if isinstance(upload, str) else ""] if name]


def _path_of(address: str) -> str:
    """The path in an address: local files stand behind ``?d=``, others before the question mark."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    local = re.search("(?:^|&)d=([^&]*)", parts.query)
    return unquote(local[1] if local else parts.path)


def _items(reading: _Reading, folder: Path, classes: ClassIds) -> Iterator[Annotated]:
    images: dict[Path, list[_Task]] = {}
    for task in reading.tasks:
        images.setdefault(task.image, []).append(task)
    for key, (image, tasks) in zip(keys_of(list(images), folder), images.items(), strict=True):
        if len(tasks) > 1 and not reading.everybody:
            reading.faults.append(f"{counted(len(tasks), 'task')} are of the image {image.name}; only the first is read")
        for number, task in enumerate(tasks if reading.everybody else tasks[:1], 1):
            name = f"{key}/annotator-{number}" if len(tasks) > 1 and reading.everybody else key
            columns = {"annotator": task.annotator} if reading.everybody else {}
            paint = partial(paint_shapes, image, task.shapes, classes.ids)
            yield Annotated(name, image, paint, split_of(image.relative_to(folder).parent), columns)


def _decisions(reading: _Reading, classes: ClassIds) -> list[str]:
    counts = reading.counts
    said = [
        classes.sentence("in alphabetical order of the labels"),
        "coordinates are percent of the image; small objects lie above large ones, for the export has no order",
    ]
    if counts["several"]:
        which = "each is an image of its own" if reading.everybody else "the one marked as ground truth is read, else the first"
        said.append(f"annotated by several people: {counted(counts['several'], 'image')}; {which}")
    if counts["cancelled"]:
        said.append(f"left out, for they were cancelled: {counted(counts['cancelled'], 'annotation')}")
    if counts["unannotated"]:
        said.append(f"left out, for nobody has annotated them: {counted(counts['unannotated'], 'task')}")
    if counts["turned"]:
        said.append(f"shown turned in Label Studio, stored and read upright: {counted(counts['turned'], 'region')}")
    if counts["brush"]:
        said.append(
            f"read where they are at least half as strong as at their strongest: {counted(counts['brush'], 'brush mask')}"
        )
    if counts["keypoint"]:
        said.append(f"left out, for they have no area: {counted(counts['keypoint'], 'keypoint')}")
    if counts["other"]:
        said.append(f"left out, for they are no regions of an image: {counted(counts['other'], 'result')}")
    if counts["labels"]:
        reading.faults.append(f"read with the first of their labels only: {counted(counts['labels'], 'region')}")
    if counts["unnamed"]:
        reading.faults.append(f"left out, for they have no label: {counted(counts['unnamed'], 'region')}; label them")
    return said


FORMAT = Format("label-studio", "Label Studio JSON", _matches, read)
