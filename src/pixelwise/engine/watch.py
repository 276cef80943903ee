"""How the engine tells somebody what happens; the face that people see is built on top of it."""

from typing import Any, Protocol

__all__ = ["Silent", "Watcher"]


class Watcher(Protocol):
    """Receives events; must not change the run."""

    def say(self, text: str) -> None:
        """A decision or an incident, as one sentence."""
        ...

    def step(self, progress: float, remaining: float | None, row: dict[str, Any]) -> None:
        """After an optimiser step: progress in [0, 1], seconds left if known, and running numbers."""
        ...

    def validating(self, done: int, total: int) -> None:
        """While images are scored."""
        ...

    def validated(self, row: dict[str, Any], is_best: bool) -> None:
        """After a validation."""
        ...


class Silent:
    """Says nothing: libraries, tests, and processes other than the main one."""

    def say(self, text: str) -> None: ...

    def step(self, progress: float, remaining: float | None, row: dict[str, Any]) -> None: ...

    def validating(self, done: int, total: int) -> None: ...

    def validated(self, row: dict[str, Any], is_best: bool) -> None: ...
