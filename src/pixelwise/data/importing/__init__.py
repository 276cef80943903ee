"""Other people's formats: each file reads one of them into :class:`~pixelwise.data.importing.annotated.Annotations`."""
