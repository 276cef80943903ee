"""What was repaired, in the terminal."""

import io

from rich.console import Console

from pixelwise.report.repairs_table import repairs_table


def test_rows_have_words_and_counts():
    console = Console(file=io.StringIO(), width=100)
    console.print(repairs_table([("jpeg_mask", "set to the nearest ids", 3, 12345), ("missing_mask", "left out", 1, 0)]))
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["jpeg", "mask", "set", "to", "the", "nearest", "ids", "3", "12,345"] in lines
    assert ["missing", "mask", "left", "out", "1"] in lines
