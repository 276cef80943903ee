"""JSON from strangers: bounded in size and depth, and every fault a sentence with the file in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixelwise.errors import DataError

__all__ = ["MOST_BYTES", "read_json"]

MOST_BYTES = 4 << 30
"""Larger annotation files are refused: as Python objects they would take some ten times as much memory."""


def read_json(path: Path, most_bytes: int = MOST_BYTES, of_object: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """What the file holds, UTF-8 with or without a byte order mark.

    ``of_object`` is given each object as soon as it is read, and what it returns takes its place: long lists of numbers need
    not be held as Python's until the whole file is read.

    Raises:
        DataError: the file cannot be read, is too large, is no JSON, or is nested more deeply than any annotation.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise DataError(f"{path} has {size:,} bytes, more than the {most_bytes:,} allowed; split it by images")
        return json.loads(path.read_text(encoding="utf-8-sig"), object_hook=of_object)
    except DataError:
        raise
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is no valid JSON: {error.msg} in line {error.lineno}; export it again") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}); export it again") from None
    except ValueError as error:  # a whole number of thousands of digits
        raise DataError(f"{path} holds a value that cannot be read: {error}; export it again") from None
    except RecursionError:
        raise DataError(f"{path} is nested more deeply than annotations are; is it another kind of file?") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from None
