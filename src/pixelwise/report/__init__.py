"""Results for people: terminal tables, plots, overlays and the HTML page. Takes plain data and knows no metric.

Nothing is imported here, so that a terminal table does not wait for Matplotlib.
"""

__all__: list[str] = []
