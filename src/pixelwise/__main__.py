"""``python -m pixelwise``: the same as the command ``pixelwise``."""

from pixelwise.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    raise SystemExit(main())
