"""How far a run is: by optimiser steps, or by wall-clock time when there is a budget."""

import time

__all__ = ["Clock"]


class Clock:
    """Progress in [0, 1], which drives the learning-rate schedule, the validations and the end of training.

    With a budget the schedule follows the time itself, so that the learning rate has fallen to its end exactly when the time
    is over, however fast or slow the machine turns out to be.

    Args:
        steps: optimiser steps of the whole run, or None with a budget.
        seconds: budget for everything, or None.
        spent: seconds already used: start-up and checks, and what ran before an interruption.
    """

    def __init__(self, steps: int | None, seconds: float | None, spent: float = 0.0) -> None:
        if (steps is None) == (seconds is None):
            raise ValueError("give either steps or seconds")
        self.steps, self.seconds = steps, seconds
        self.reserve = 0.0
        self._start = time.monotonic() - spent

    def elapsed(self) -> float:
        return time.monotonic() - self._start

    def keep_back(self, seconds: float) -> None:
        """Reserves time at the end of the budget, for the evaluation that follows training; at most a third of it."""
        if self.seconds is not None:
            self.reserve = min(seconds, self.seconds / 3)

    def progress(self, step: int) -> float:
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.seconds is not None
        return min(1.0, self.elapsed() / (self.seconds - self.reserve))

    def remaining(self, step: int) -> float | None:
        """Seconds until training ends, estimated from the pace so far; None before there is a pace."""
        if self.seconds is not None:
            return max(0.0, self.seconds - self.reserve - self.elapsed())
        done = self.progress(step)
        return None if done <= 0 else self.elapsed() * (1 - done) / done
