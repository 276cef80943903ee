"""Data sets written in other people's formats, with what is lost counted."""
