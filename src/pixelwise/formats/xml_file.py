"""XML from strangers: no entities, no document types, bounded in size and depth, every fault a sentence with the file in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from pixelwise.errors import DataError, first_line

__all__ = ["MOST_BYTES", "read_elements", "read_xml", "root_tag"]

MOST_BYTES = 4 << 30
"""Larger annotation files are refused."""

_MOST_LEVELS = 64  # of elements inside each other; annotations have some ten


def read_xml(path: Path, most_bytes: int = MOST_BYTES) -> Element:
    """The root of the whole file.

    Raises:
        DataError: the file cannot be read, is too large, is no XML, declares entities or a document type, or is nested more
            deeply than any annotation.
    """
    root = None
    for _, element in _events(path, most_bytes):
        root = element if root is None else root
    if root is None:
        raise DataError(f"{path} holds no XML element; export it again")
    return root


def read_elements(path: Path, tags: Collection[str], most_bytes: int = MOST_BYTES) -> Iterator[Element]:
    """Each element of one of ``tags`` that is not inside another such, complete, one after the other. What has been passed is
    forgotten, so that a file of gigabytes takes the memory of its largest element. Raises as :func:`read_xml` does."""
    open_elements: list[Element] = []
    wanted = 0
    for event, element in _events(path, most_bytes):
        if event == "start":
            open_elements.append(element)
            wanted += element.tag in tags
            continue
        open_elements.pop()
        if element.tag in tags:
            wanted -= 1
            if not wanted:
                yield element
        if not wanted and open_elements:
            open_elements[-1].remove(element)


def root_tag(path: Path) -> str:
    """The name of the outermost element, from the first 4 KB alone; empty where there is none, whatever the reason."""
    try:
        with path.open("rb") as stream:
            start = stream.read(4096)
    except OSError:
        return ""
    start = re.sub(rb"<!--.*?-->", b"", start, flags=re.DOTALL)
    found = re.match(rb"(?:\xef\xbb\xbf)?\s*(?:<\?.*?\?>\s*)*<([A-Za-z_][\w.-]*)", start, flags=re.DOTALL)
    return found[1].decode() if found else ""


def _events(path: Path, most_bytes: int) -> Iterator[tuple[str, Element]]:
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise DataError(f"{path} has {size:,} bytes, more than the {most_bytes:,} allowed; split it by images")
        with path.open("rb") as stream:
            depth = 0
            for event, element in ElementTree.iterparse(stream, events=("start", "end"), forbid_dtd=True):
                depth += 1 if event == "start" else -1
                if depth > _MOST_LEVELS:
                    raise DataError(f"{path} is nested more deeply than annotations are; is it another kind of file?")
                yield event, element
    except DefusedXmlException as error:
        what = type(error).__name__.removesuffix("Forbidden")
        raise DataError(
            f"{path} declares what attacks are made of, and annotations never need ({what}); export it again"
        ) from None
    except (ParseError, ValueError, LookupError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is no valid XML: {first_line(error)}; export it again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from None
