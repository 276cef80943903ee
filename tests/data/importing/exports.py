"""Small exports of annotation tools, written by what their formats say: one function per format, from the same objects."""

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

from pixelwise.formats.label_studio_rle import encode_brush
from pixelwise.formats.outline import join, trace
from pixelwise.formats.voc_labels import color_of

NAMES = ("cell", "debris", "vessel & wall")


@dataclass(frozen=True)
class Scene:
    """One image: disjoint objects, each a class name and a mask (H, W) bool."""

    name: str
    size: tuple[int, int]
    objects: list

    def ids(self, names):
        """The label map, where classes have their place in ``names`` and background is 0."""
        found = np.zeros(self.size, int)
        for name, mask in self.objects:
            found[mask] = names[name]
        return found


def make_scenes(count=3, objects=6, seed=0):
    """Boxes, discs and single pixels over each other; what is hidden altogether is left away."""
    rng = np.random.default_rng(seed)
    scenes = []
    for number in range(count):
        height, width = (int(side) for side in rng.integers(12, 40, 2))
        y, x = np.mgrid[:height, :width]
        numbers = np.zeros((height, width), int)
        for at in range(1, objects + 1):
            row, column, radius = rng.integers(0, height), rng.integers(0, width), rng.integers(1, 12)
            disc = (y - row) ** 2 + (x - column) ** 2 <= radius**2
            square = (abs(y - row) <= radius // 2) & (abs(x - column) <= radius)
            numbers[(disc, square, (y == row) & (x == column))[at % 3]] = at
        parts = [(NAMES[at % len(NAMES)], numbers == at) for at in range(1, objects + 1) if (numbers == at).any()]
        scenes.append(Scene(f"scene {number}", (height, width), parts))
    return scenes


def write_images(folder, scenes, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for scene in scenes:
        Image.fromarray(np.zeros((*scene.size, 3), np.uint8)).save(folder / f"{scene.name}{suffix}")


def png_text(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def cropped(mask):
    """The box around a mask and the mask inside it: top, left, (h, w) bool."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def ring_of(mask):
    """One ring of corners that drawn gives the mask, cuts of no width between its parts."""
    return join([outline.ring for outline in trace(mask)]).tolist()


def labelme_masks(root, scenes):
    write_images(root, scenes)
    for scene in scenes:
        shapes = []
        for name, mask in scene.objects:
            top, left, crop = cropped(mask)
            points = [[left, top], [left + crop.shape[1] - 1, top + crop.shape[0] - 1]]
            shapes.append({"label": name, "points": points, "shape_type": "mask", "mask": png_text(crop.astype(np.uint8))})
        write_labelme(root, scene, shapes)


def labelme_polygons(root, scenes):
    write_images(root, scenes)
    for scene in scenes:
        shapes = [{"label": name, "points": ring_of(mask), "shape_type": "polygon"} for name, mask in scene.objects]
        write_labelme(root, scene, shapes)


def write_labelme(root, scene, shapes, **more):
    content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{scene.name}.png", "imageData": None}
    content |= {"imageHeight": scene.size[0], "imageWidth": scene.size[1]} | more
    (root / f"{scene.name}.json").write_text(json.dumps(content))


def labelme_xml(root, scenes):
    write_images(root / "Images" / "users", scenes)
    for folder in ("Masks", "Annotations"):
        (root / folder / "users").mkdir(parents=True)
    for scene in scenes:
        objects = []
        for at, (name, mask) in enumerate(scene.objects):
            file = f"{scene.name}_mask_{at}.png"
            pixels = np.zeros((*scene.size, 4), np.uint8)
            pixels[mask] = (30, 200, 90, 255)
            Image.fromarray(pixels).save(root / "Masks" / "users" / file)
            objects.append(
                f"<object><name>\n{name.replace('&', '&amp;')}\n</name><deleted>0</deleted><id>{at}</id><parts><hasparts/>"
                f"<ispartof/></parts><segm><username>me</username><mask>{file}</mask></segm></object>"
            )
        (root / "Annotations" / "users" / f"{scene.name}.xml").write_text(
            f"<annotation><filename>{scene.name}.png</filename><folder>users</folder>{''.join(objects)}"
            f"<imagesize><nrows>{scene.size[0]}</nrows><ncols>{scene.size[1]}</ncols></imagesize></annotation>"
        )


def row_runs(mask):
    """Lengths of runs, row by row, background first, by a loop."""
    counts, value = [0], False
    for pixel in mask.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def cvat_masks(root, scenes):
    def element(name, mask):
        top, left, crop = cropped(mask)
        runs = ", ".join(map(str, row_runs(crop)))
        place = f'left="{left}" top="{top}" width="{crop.shape[1]}" height="{crop.shape[0]}"'
        return f'<mask label={quoteattr(name)} rle="{runs}" {place} occluded="0" z_order="0"/>'

    write_cvat(root, scenes, element)


def cvat_polygons(root, scenes):
    def element(name, mask):
        points = ";".join(f"{x}.0,{y}.0" for x, y in ring_of(mask))
        return f'<polygon label={quoteattr(name)} points="{points}" occluded="0" z_order="0"/>'

    write_cvat(root, scenes, element)


def write_cvat(root, scenes, element):
    write_images(root / "images", scenes)
    labels = "".join(
        f"<label><name>{name.replace('&', '&amp;')}</name><color>#0{at}ff00</color></label>" for at, name in enumerate(NAMES)
    )
    body = "".join(
        f'<image id="{number}" name="{scene.name}.png" height="{scene.size[0]}" width="{scene.size[1]}">'
        + "".join(element(name, mask) for name, mask in scene.objects)
        + "</image>"
        for number, scene in enumerate(scenes)
    )
    (root / "annotations.xml").write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><task><labels>{labels}</labels></task>'
        f"</meta>{body}</annotations>"
    )


def label_studio_brush(root, scenes):
    write_label_studio(root, scenes, brush_result)


def label_studio_polygons(root, scenes):
    def result(name, mask):
        height, width = mask.shape
        points = [[100 * x / width, 100 * y / height] for x, y in ring_of(mask)]
        return region(mask.shape, "polygonlabels", {"points": points, "closed": True, "polygonlabels": [name]})

    write_label_studio(root, scenes, result)


def region(size, kind, value, **more):
    return {"type": kind, "value": value, "original_height": size[0], "original_width": size[1], "image_rotation": 0} | more


def brush_result(name, mask):
    return region(mask.shape, "brushlabels", {"format": "rle", "rle": list(encode_brush(mask)), "brushlabels": [name]})


def write_label_studio(root, scenes, result):
    write_images(root / "images", scenes)
    tasks = []
    for number, scene in enumerate(scenes):
        found = [{"id": f"r{at}"} | result(name, mask) for at, (name, mask) in enumerate(scene.objects)]
        annotation = {"id": number, "completed_by": 1, "was_cancelled": False, "ground_truth": False, "result": found}
        address = f"/data/upload/1/0123abcd-{scene.name}.png".replace(" ", "%20")
        tasks.append({"id": number, "annotations": [annotation], "data": {"image": address, "source": "lab"}, "predictions": []})
    (root / "export.json").write_text(json.dumps(tasks))


def voc_palette(root, scenes):
    write_voc(root, scenes, lambda numbers: palette_image(numbers))


def voc_colors(root, scenes):
    write_voc(root, scenes, lambda numbers: Image.fromarray(np.array([color_of(n) for n in range(256)], np.uint8)[numbers]))


def palette_image(numbers):
    image = Image.fromarray(numbers.astype(np.uint8))
    image.putpalette(np.array([color_of(n) for n in range(256)], np.uint8).tobytes())
    return image


def write_voc(root, scenes, as_image, names=("background", *NAMES), folder="VOC2012"):
    base = root / folder
    write_images(base / "JPEGImages", scenes)
    for name in ("SegmentationClass", "SegmentationObject", "ImageSets/Segmentation"):
        (base / name).mkdir(parents=True)
    lines = [f"{name}:{','.join(map(str, color_of(at)))}::" for at, name in enumerate(names)]
    (base / "labelmap.txt").write_text("# label:color_rgb:parts:actions\n" + "\n".join(lines) + "\n")
    for scene in scenes:
        objects = np.zeros(scene.size, int)
        for at, (_, mask) in enumerate(scene.objects, 1):
            objects[mask] = at
        as_image(scene.ids({name: at for at, name in enumerate(names)})).save(base / "SegmentationClass" / f"{scene.name}.png")
        as_image(objects).save(base / "SegmentationObject" / f"{scene.name}.png")
    listed = "\n".join(scene.name for scene in scenes)
    (base / "ImageSets" / "Segmentation" / "default.txt").write_text(listed + "\n")


COLORS = {"nothing": (0, 0, 0), "cell": (250, 10, 10), "debris": (10, 250, 10), "vessel & wall": (10, 10, 250)}


def color_masks(root, scenes):
    write_images(root / "images", scenes)
    (root / "masks").mkdir()
    (root / "class_dict.csv").write_text("name,r,g,b\n" + "".join(f"{name},{r},{g},{b}\n" for name, (r, g, b) in COLORS.items()))
    table = np.array(list(COLORS.values()), np.uint8)
    for scene in scenes:
        ids = scene.ids({name: at for at, name in enumerate(COLORS)})
        Image.fromarray(table[ids]).save(root / "masks" / f"{scene.name}.png")


WRITERS = {
    "labelme masks": ("labelme", labelme_masks),
    "labelme polygons": ("labelme", labelme_polygons),
    "LabelMe XML": ("labelme-xml", labelme_xml),
    "CVAT masks": ("cvat", cvat_masks),
    "CVAT polygons": ("cvat", cvat_polygons),
    "Label Studio brush": ("label-studio", label_studio_brush),
    "Label Studio polygons": ("label-studio", label_studio_polygons),
    "VOC palette": ("voc", voc_palette),
    "VOC colours": ("voc", voc_colors),
    "colour masks": ("colored", color_masks),
}
"""By what they write: the name of the format, and the function."""


def write(name, root, scenes):
    """Writes one export below ``root``, which is made, and returns it."""
    Path(root).mkdir(parents=True, exist_ok=True)
    WRITERS[name][1](Path(root), scenes)
    return Path(root)
