"""The live table: aligned at any width, moving only where somebody watches."""

import io

import pytest
from rich.console import Console

from pixelwise.report.live import LiveBoard, MovingLine, clock_text

ROW = {"epoch": 12.25, "loss": 0.5, "lr": 3e-4, "images_per_s": 51.23}
VALIDATED = {"epoch": 12.25, "step": 1234, "val_mean_iou": 0.61234, "val_accuracy": 0.9, "time_s": 75.0}


def console(width: int, is_terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None, legacy_windows=False, _environ={}
    )


def table(width: int) -> list[str]:
    screen = console(width)
    with LiveBoard(screen) as board:
        board.step(0.5, 100.0, ROW)
        board.validated(VALIDATED, is_best=True)
        board.validated({**VALIDATED, "step": 999999, "val_mean_iou": 1.0, "time_s": 36000.0}, is_best=False)
    return screen.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [200, 100, 80, 75, 60, 50, 40])
def test_the_table_is_aligned_and_fits(width):
    header, first, second = table(width)
    assert max(map(len, (header, first, second))) <= width
    assert first.endswith("  best")
    ends = [index for index in range(len(header)) if header[index] != " " and header[index + 1 : index + 3] in ("", "  ")]
    numbers = [[len(cell) for cell in line.removesuffix("  best").split()] for line in (first, second)]
    assert len(numbers[0]) == len(numbers[1]) == len(ends)
    assert len(header) == len(first.removesuffix("  best")) == len(second)
    assert all(first[end] != " " and second[end] != " " for end in ends)


def test_what_tells_most_stays_on_a_narrow_terminal():
    header = table(42)[0].split("  ")
    assert [word.strip() for word in header if word] == ["step", "loss", "val mIoU", "time"]


def test_a_row_without_a_step_before_it_has_no_numbers_to_show():
    screen = console(80)
    LiveBoard(screen).validated(VALIDATED, is_best=False)
    assert screen.file.getvalue().splitlines()[1].split() == ["12.2", "1234", "-", "0.6123", "0.9000", "-", "-", "1:15"]


def test_nothing_moves_in_a_pipe():
    screen = console(80)
    with LiveBoard(screen) as board:
        board.say("a decision")
        board.step(0.5, 100.0, ROW)
        board.validating(1, 4)
    assert screen.file.getvalue() == "· a decision\n"


def test_a_warning_stands_out():
    screen = console(80)
    LiveBoard(screen).say("warning: look")
    assert screen.file.getvalue() == "! warning: look\n"


def test_on_a_terminal_the_line_moves_and_is_wiped_at_the_end():
    screen = console(100, is_terminal=True)
    with LiveBoard(screen) as board:
        board.step(0.5, 100.0, ROW)
        board.validating(1, 4)
        board._live.refresh()
    shown = screen.file.getvalue()
    assert "training" in shown
    assert "1:40 left" in shown
    assert "1/4 images" in shown
    after = shown.rpartition("images")[2]
    assert "\x1b[2K" in after
    assert "\x1b[?25h" in after  # the cursor is back


@pytest.mark.parametrize("width", [120, 100, 80, 60, 40, 25])
def test_the_moving_line_never_wraps(width):
    screen = console(width)
    screen.print(MovingLine("training", 0.523, ("14:02 left", "loss 0.412", "51.2 img/s", "epoch 12.3")), soft_wrap=True)
    (line,) = screen.file.getvalue().splitlines()
    assert len(line) < width
    assert " 52%" in line


def test_the_time_left_is_what_a_narrow_line_keeps():
    screen = console(60)
    screen.print(MovingLine("training", 0.5, ("14:02 left", "loss 0.412", "51.2 img/s", "epoch 12.3")), soft_wrap=True)
    line = screen.file.getvalue()
    assert "14:02 left" in line
    assert "epoch" not in line


@pytest.mark.parametrize(
    "seconds, text", [(0, "0:00"), (-3, "0:00"), (59.6, "1:00"), (75, "1:15"), (3599, "59:59"), (90061, "25:01:01")]
)
def test_clock_text(seconds, text):
    assert clock_text(seconds) == text
