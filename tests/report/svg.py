"""What is written and drawn in an SVG."""

import xml.etree.ElementTree as ElementTree


def read_texts(svg):
    """All texts, in their order."""
    named = svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1)
    return ["".join(node.itertext()) for node in ElementTree.fromstring(named).iter() if node.tag.endswith("text")]


def drawn_lines(axes):
    """Points (N, 2) of each line with a label, by label."""
    return {line.get_label(): line.get_xydata() for line in axes.lines if not line.get_label().startswith("_")}
