"""Faults of one kind are counted in one sentence."""

from pixelwise.data.importing.tally import Tally

KINDS = {"a": ("lines are damaged", "draw them again"), "b": ("files are missing", "add them")}


def test_one_sentence_per_kind_in_the_order_in_which_they_came():
    tally = Tally(KINDS)
    tally.add("b", "x.png")
    for number in range(5):
        tally.add("a", f"line {number}")
    assert tally.sentences() == (
        "1 files are missing (x.png); add them",
        "5 lines are damaged (line 0; line 1; line 2 and 2 more); draw them again",
    )


def test_examples_are_short_and_can_be_printed():
    tally = Tally(KINDS)
    tally.add("a", "\ud800" + "x" * 10_000)
    (told,) = tally.sentences()
    assert len(told.encode("utf-8")) < 400


def test_no_fault_is_no_sentence():
    assert Tally(KINDS).sentences() == ()
