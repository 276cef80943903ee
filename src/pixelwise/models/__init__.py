"""Networks: encoders from timm, and one file per architecture; :mod:`pixelwise.models.catalog` is the table of them."""

__all__: list[str] = []
