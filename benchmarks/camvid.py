"""The main job, as a user types it: 30 minutes of training on CamVid, scored on its 233 test images.

    python benchmarks/camvid.py CAMVID [--models unet pspnet] [--budget 30m]

CAMVID is the folder of the SegNet tutorial's split (train/ trainannot/ val/ ... at 360x480, 11 classes, void ignored). Prints
one table; nothing else should run on the machine meanwhile, since the budget is wall-clock time.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser(description="30 minutes of training on CamVid")
    parser.add_argument("data", help="folder of CamVid")
    parser.add_argument("--models", nargs="+", default=["unet", "pspnet"])
    parser.add_argument("--encoder", default="tf_efficientnet_lite0")
    parser.add_argument("--budget", default="30m")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, {platform.machine()}, budget {arguments.budget}, {time.strftime('%Y-%m-%d')}")
    print(f"{'model':10} {'mean IoU':>9} {'accuracy':>9} {'minutes':>8}")
    for model in arguments.models:
        command = [sys.executable, "-m", "pixelwise", "train", arguments.data, "--model", model]
        command += ["--encoder", arguments.encoder, "--budget", arguments.budget, "--json"]
        start = time.monotonic()
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        minutes = (time.monotonic() - start) / 60
        scores = json.loads(output.splitlines()[-1])["test"]
        print(f"{model:10} {scores['mean_iou']:9.4f} {scores['accuracy']:9.4f} {minutes:8.1f}", flush=True)


if __name__ == "__main__":
    main()
