"""What a check hands back: problems with their cures, and facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pixelwise.errors import DataError

__all__ = ["CheckReport", "Problem", "Severity"]

Severity = Literal["error", "warning", "note"]
"""What stops a training, what should be looked at, what is good to know."""

_SHOWN_FILES = 1000


@dataclass(frozen=True)
class Problem:
    """One kind of fault. ``message`` says what and where, ``cure`` what to do; ``files`` are all files that have it, and
    ``count`` how many things are concerned (files, ids, classes). ``repair`` says what ``check --fix`` does about it; empty
    where it can do nothing."""

    severity: Severity
    code: str
    message: str
    cure: str
    files: tuple[str, ...] = ()
    count: int = 1
    repair: str = ""

    def __str__(self) -> str:
        return f"{self.message}; {self.cure}"


@dataclass(frozen=True)
class CheckReport:
    """All problems, errors first and notes last, and facts about the data set (plain values, ready for JSON)."""

    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes do not count."""
        return not self.errors

    def raise_if_bad(self) -> None:
        """Raises :class:`DataError` with one line per error, when there is any."""
        if self.errors:
            raise DataError("\n".join(str(problem) for problem in self.errors))

    def to_json(self) -> dict[str, Any]:
        """``{"ok": ..., "problems": [...], "facts": {...}}``; of each problem the first 1000 files, ``count`` is of all."""
        rows = [{**asdict(problem), "files": list(problem.files[:_SHOWN_FILES])} for problem in self.problems]
        return {"ok": self.ok, "problems": rows, "facts": dict(self.facts)}
