"""Ctrl-C and SIGTERM end a run at the next step, with everything saved; a second Ctrl-C ends it at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupt", "catching_interrupts"]


class Interrupt:
    """Whether somebody asked to stop."""

    asked = False


@contextmanager
def catching_interrupts() -> Iterator[Interrupt]:
    """Within the block the first SIGINT or SIGTERM only sets ``asked``; the second acts as ever. Main thread only."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        interrupt.asked = True
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
