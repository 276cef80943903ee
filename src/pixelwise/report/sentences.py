"""Sentences on a terminal: broken between words, with a hanging indent. In a pipe they stay one line each."""

from __future__ import annotations

import textwrap

from rich.console import Console

__all__ = ["hanging"]

_NARROWEST = 30


def hanging(console: Console, text: str, indent: int = 2) -> str:
    """``text`` with line ends where ``console`` would break it; words, so also paths, stay whole.

    ``indent`` spaces stand before each line but the first, which has room for a mark of that length before it.
    """
    if not console.is_terminal or console.width < _NARROWEST:
        return text
    room = console.width - 1
    lines = []
    for line in text.splitlines():
        broken = textwrap.wrap(line, room - indent, break_long_words=False, break_on_hyphens=False)
        lines += broken or [""]
    return ("\n" + " " * indent).join(lines)
