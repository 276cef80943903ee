"""Many faults of one kind become one sentence, with their number, a few examples and the cure."""

from __future__ import annotations

from collections.abc import Mapping

from pixelwise.data.importing.naming import class_name

__all__ = ["Tally"]

_SHOWN = 3
_LONGEST = 200  # characters of one example


class Tally:
    """Counts faults by kind. ``kinds``: for each, the beginning and the end of its sentence; the number stands before it, as in
    ``{"unknown": ("rows of unknown classes", "name them in data.yaml")}``."""

    def __init__(self, kinds: Mapping[str, tuple[str, str]]) -> None:
        self._kinds = kinds
        self._counts: dict[str, int] = {}
        self._shown: dict[str, list[str]] = {}

    def add(self, kind: str, example: str, count: int = 1) -> None:
        """One more fault, or ``count``; only the first few examples are kept."""
        self._counts[kind] = self._counts.get(kind, 0) + count
        shown = self._shown.setdefault(kind, [])
        if len(shown) < _SHOWN:
            # what comes from a file may hold anything, and must be printable
            shown.append(class_name(example)[:_LONGEST])

    def sentences(self) -> tuple[str, ...]:
        """One per kind that occurred, in the order in which they did."""
        found = []
        for kind, count in self._counts.items():
            beginning, cure = self._kinds[kind]
            more = f" and {count - len(self._shown[kind]):,} more" if count > len(self._shown[kind]) else ""
            found.append(f"{count:,} {beginning} ({'; '.join(self._shown[kind])}{more}); {cure}")
        return tuple(found)
