"""One heavy or narrow dependency per file; nothing below imports this room."""
