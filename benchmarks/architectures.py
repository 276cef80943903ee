"""All architectures on CamVid with the same time: five minutes of training on one CPU core each.

    python benchmarks/architectures.py steps --minutes 5 > steps.json
    python benchmarks/architectures.py train CAMVID steps.json --out DIR [--cores 0 1]
    python benchmarks/architectures.py table DIR

``steps`` measures, network by network, how many optimiser steps fit into the time, counted as processor time; ``train`` then
makes exactly so many, so that a busy machine cannot change the result, one run per core at a time; what is in DIR already is not
repeated. ``table`` prints mean IoU and accuracy on the 233 test images, over three seeds with the 95 % interval of their mean
(Student's t) for those that have them. Scoring comes after that time. Networks that take any encoder have the same one, with
ImageNet weights; those with an encoder of their own start from random weights, because no weights for them come with a package.
The variants of the U-Net and of PSPNet get 200 steps each, whatever they cost.
"""

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ENCODER = "tf_efficientnet_lite0"
THREE = ("unet", "pspnet", "deeplabv3plus")
ON_ENCODER = ("unetplusplus", "unet3plus", "deeplabv3", "fcn", "upernet", "semantic_fpn")
OF_THEIR_OWN = ("segnet_basic", "segnet", "fcn8s", "unet_original")
VARIANTS = {  # architecture, encoder, options
    "unet as it is": ("unet", ENCODER, {}),
    "unet skips added": ("unet", ENCODER, {"skip": "add"}),
    "unet skips gated": ("unet", ENCODER, {"skip": "gated"}),
    "unet no skips": ("unet", ENCODER, {"skip": "none"}),
    "unet residual blocks": ("unet", ENCODER, {"block": "residual"}),
    "unet separable blocks": ("unet", ENCODER, {"block": "separable"}),
    "unet one convolution per block": ("unet", ENCODER, {"convs_per_block": 1}),
    "unet SE attention": ("unet", ENCODER, {"attention": "se"}),
    "unet scSE attention": ("unet", ENCODER, {"attention": "scse"}),
    "unet deep supervision": ("unet", ENCODER, {"deep_supervision": True}),
    "unet lateral neck": ("unet", ENCODER, {"neck": "lateral"}),
    "unet pyramid pooling": ("unet", ENCODER, {"context": "ppm"}),
    "unet ASPP": ("unet", ENCODER, {"context": "aspp"}),
    "unet logits at stride 2": ("unet", ENCODER, {"widths": [256, 128, 64, 32]}),
    "unet plain encoder": ("unet", "plain", {}),
    "unet plain encoder, kernels 3 3 1 1 1": ("unet", "plain", {"encoder_kernels": [3, 3, 1, 1, 1]}),
    "unet plain encoder, separable": ("unet", "plain", {"encoder_block": "separable"}),
    "pspnet as it is": ("pspnet", ENCODER, {}),
    "pspnet ASPP": ("pspnet", ENCODER, {"context": "aspp"}),
    "pspnet SPP": ("pspnet", ENCODER, {"context": "spp"}),
    "pspnet fixed kernels": ("pspnet", ENCODER, {"kernels": [5, 9, 17]}),
    "pspnet dual attention": ("pspnet", ENCODER, {"attention": "dual"}),
    "pspnet image-level head": ("pspnet", ENCODER, {"image_head": True}),
}
BATCH, CROP, CLASSES = 4, (192, 256), 11
VARIANT_STEPS = 200  # the same for all, whatever they cost
T_OF_THREE = 4.303  # Student's t, two degrees of freedom, 97.5 %


def jobs() -> dict[str, tuple[str, str, dict, int]]:
    """Name of each run -> architecture, encoder, options, seed."""
    found: dict[str, tuple[str, str, dict, int]] = {}
    for seed in range(3):
        found |= {f"{name}-{seed}": (name, ENCODER, {}, seed) for name in THREE}
    found |= {f"{name}-0": (name, ENCODER, {}, 0) for name in ON_ENCODER}
    found |= {f"{name}-0": (name, "auto", {}, 0) for name in OF_THEIR_OWN}
    found |= {f"{label}-0": (*what, 0) for label, what in VARIANTS.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    verbs = parser.add_subparsers(dest="verb", required=True)
    steps = verbs.add_parser("steps")
    steps.add_argument("--minutes", type=float, default=5.0)
    steps.add_argument("--models", nargs="*", help="names of runs without their seed; all by default")
    train = verbs.add_parser("train")
    train.add_argument("data")
    train.add_argument("steps", type=Path)
    train.add_argument("--out", type=Path, required=True)
    train.add_argument("--cores", type=int, nargs="+", default=[0])
    train.add_argument("--models", nargs="*", help="names of runs without their seed; all by default")
    verbs.add_parser("table").add_argument("out", type=Path)
    one = verbs.add_parser("one")
    one.add_argument("model")
    arguments = parser.parse_args()
    if arguments.verb == "one":
        print(json.dumps(seconds_per_step(arguments.model)))
    elif arguments.verb == "steps":
        print(json.dumps(measured_steps(60 * arguments.minutes, arguments.models), indent=1))
    elif arguments.verb == "train":
        train_all(arguments)
    else:
        print_table(arguments.out)


def measured_steps(seconds: float, models: list[str] | None) -> dict[str, dict]:
    """Steps that fit into the time, each network measured in a process of its own on one thread."""
    found = {}
    for name in (*THREE, *ON_ENCODER, *OF_THEIR_OWN):
        if models and name not in models:
            continue
        command = [sys.executable, __file__, "one", name]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=_one_thread()).stdout
        step, precision = json.loads(output.splitlines()[-1])
        found[name] = {"steps": max(1, round(seconds / step)), "seconds_per_step": step, "precision": precision}
        print(f"{name:34} {step:7.2f} s per step in {precision}, {found[name]['steps']} steps", file=sys.stderr, flush=True)
    return found


def seconds_per_step(name: str) -> tuple[float, str]:
    """The faster arithmetic's median step on crops of the size used here, and its name."""
    import torch

    from pixelwise.config import OptimConfig
    from pixelwise.engine import precision
    from pixelwise.engine.allocator import keep_freed_memory
    from pixelwise.engine.ema import Average
    from pixelwise.engine.optim import optimizer
    from pixelwise.engine.step import Stepper
    from pixelwise.models.create import create
    from pixelwise.tasks.semantic import SemanticTask
    from pixelwise.types import Batch, ClassTable, Record

    keep_freed_memory()
    device = torch.device("cpu")
    made = create(name, "auto" if name in OF_THEIR_OWN else ENCODER, None, 3, CLASSES)
    model = precision.prepared(made, device, channels_last=True).train()
    task = SemanticTask(ClassTable.from_ids(range(CLASSES)), "multiclass", model.encoder.mean, model.encoder.std)
    images = torch.randint(0, 256, (BATCH, *CROP, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    targets = torch.randint(0, CLASSES, (BATCH, *CROP), dtype=torch.uint8)
    batch = Batch(images, targets, tuple(Record(str(i), Path(str(i))) for i in range(BATCH)))
    best = (float("inf"), "")
    for arithmetic in ("bf16", "fp32"):
        adam, scaler = optimizer(model, OptimConfig(), 1.0), torch.amp.GradScaler("cpu", enabled=False)
        stepper, average = Stepper(task, model, adam, arithmetic, scaler, 1.0), Average(model, 0.995)
        times: list[float] = []
        while len(times) < 3 or (sum(times) < 8 and len(times) < 8):
            start = time.process_time()
            stepper.step(batch, len(times))
            average.update(model, len(times))
            times.append(time.process_time() - start)
        best = min(best, (statistics.median(times[1:]), arithmetic))
    return best


def train_all(arguments: argparse.Namespace) -> None:
    """Every job that has no result yet, one at a time on each core."""
    plan = json.loads(arguments.steps.read_text())
    arguments.out.mkdir(parents=True, exist_ok=True)
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for job in jobs():
        label = job.rpartition("-")[0]
        if (
            (label in plan or label in VARIANTS)
            and not (arguments.out / f"{job}.json").exists()
            and (not arguments.models or label in arguments.models)
        ):
            waiting.put(job)

    def work(core: int) -> None:
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            label = job.rpartition("-")[0]
            train_one(arguments, job, plan.get(label, {"steps": VARIANT_STEPS, "precision": plan["unet"]["precision"]}), core)

    workers = [threading.Thread(target=work, args=(core,)) for core in arguments.cores]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def train_one(arguments: argparse.Namespace, job: str, plan: dict, core: int) -> None:
    name, encoder, options, seed = jobs()[job]
    command = ["taskset", "-c", str(core), sys.executable, "-m", "pixelwise", "train", arguments.data, "--model", name]
    command += ["--encoder", encoder, "--seed", str(seed), "--out", str(arguments.out / job.replace(" ", "_")), "--json"]
    settings = {"train.steps": plan["steps"], "train.precision": plan["precision"], "train.batch_size": BATCH}
    settings |= {"train.validations": 1, "train.workers": 0, "augment.crop": list(CROP)}
    settings |= {f"model.options.{key}": json.dumps(value) for key, value in options.items()}
    if encoder != ENCODER:
        command += ["--encoder-weights", "none"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    start = time.monotonic()
    with (arguments.out / f"{job.replace(' ', '_')}.log").open("w") as log:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, env=_one_thread())
    if done.returncode:
        print(f"{job} failed; see its log in {arguments.out}", file=sys.stderr, flush=True)
        return
    scores = json.loads(done.stdout.splitlines()[-1])["test"]
    result = {"steps": plan["steps"], "minutes": (time.monotonic() - start) / 60}
    result |= {"mean_iou": scores["mean_iou"], "accuracy": scores["accuracy"]}
    (arguments.out / f"{job}.json").write_text(json.dumps(result))
    print(f"{job:34} mean IoU {scores['mean_iou']:.4f}, {result['minutes']:.1f} min", file=sys.stderr, flush=True)


def print_table(out: Path) -> None:
    """A row per network, those with a result alone."""
    print("| network | mean IoU | accuracy | images seen |\n|---|--:|--:|--:|")
    for label in dict.fromkeys(job.rpartition("-")[0] for job in jobs()):
        results = [json.loads(path.read_text()) for path in sorted(out.glob(f"{label}-[0-9].json"))]
        if results:
            cells = [_mean([result[key] for result in results]) for key in ("mean_iou", "accuracy")]
            print(f"| {label} | {' | '.join(cells)} | {BATCH * results[0]['steps']} |")


def _mean(values: list[float]) -> str:
    if len(values) < 3:
        return f"{statistics.mean(values):.3f}"
    return f"{statistics.mean(values):.3f} ± {T_OF_THREE * statistics.stdev(values) / len(values) ** 0.5:.3f}"


def _one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


if __name__ == "__main__":
    main()
