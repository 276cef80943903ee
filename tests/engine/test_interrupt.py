"""The first signal asks, the second acts as ever."""

import os
import signal
import threading
import time

import pytest

from pixelwise.engine.interrupt import catching_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_only_asks_and_the_second_acts(number):
    acted = []
    before = signal.signal(number, lambda *_: acted.append(number))
    try:
        with catching_interrupts() as interrupt:
            assert not interrupt.asked
            os.kill(os.getpid(), number)
            wait_until(lambda: interrupt.asked)
            assert acted == []
            os.kill(os.getpid(), number)
            wait_until(lambda: acted == [number])
    finally:
        signal.signal(number, before)


def wait_until(condition):
    """The kernel may hand a signal to any thread; Python's main thread sees it a moment later."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("nothing happened for five seconds")


def interrupt_and_wait():
    os.kill(os.getpid(), signal.SIGINT)
    wait_until(lambda: False)


def test_a_second_ctrl_c_ends_at_once():
    # As at a terminal: a shell starts what runs in the background with Ctrl-C switched off.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with catching_interrupts() as interrupt:
            os.kill(os.getpid(), signal.SIGINT)
            wait_until(lambda: interrupt.asked)
            with pytest.raises(KeyboardInterrupt):
                interrupt_and_wait()
    finally:
        signal.signal(signal.SIGINT, before)


def test_handlers_are_as_before_afterwards_also_after_a_failure():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ValueError, match="inside"), catching_interrupts():
        raise ValueError("inside")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_in_another_thread_nothing_is_caught():
    before, found = signal.getsignal(signal.SIGINT), []

    def work():
        with catching_interrupts() as interrupt:
            found.append((interrupt.asked, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, before)]
