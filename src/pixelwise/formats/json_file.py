"""JSON from strangers: bounded in size and depth, and every fault a sentence with the file in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pixelwise.errors import DataError

__all__ = ["MOST_BYTES", "read_json"]

MOST_BYTES = 4 << 30
"""Larger annotation files are refused: as Python objects they would take some ten times as much memory."""


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """What the file holds, UTF-8 with or without a byte order mark.

    Raises:
        DataError: the file cannot be read, is too large, is no JSON, or is nested more deeply than any annotation.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise DataError(f"{path} has {size:,} bytes, more than the {most_bytes:,} allowed; split it by images")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is no valid JSON: {error.msg} in line {error.lineno}; export it again") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}); export it again") from None
    except RecursionError:
        raise DataError(f"{path} is nested more deeply than annotations are; is it another kind of file?") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from None
