"""The verbs, whole: what ``pixelwise train``, ``evaluate`` and ``predict`` do, from a folder to the files they leave."""
