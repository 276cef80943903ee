"""What every test stands on: one thread per worker, no network, a cache of its own, fixed seeds."""

import atexit
import os
import shutil
import socket
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["PIXELWISE_CACHE"] = tempfile.mkdtemp(prefix="pixelwise-tests-")

import numpy as np
import pytest
import torch

atexit.register(shutil.rmtree, os.environ["PIXELWISE_CACHE"], ignore_errors=True)
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Only this machine may be reached: process groups need it, a test that downloads must fail."""
    connect = socket.socket.connect

    def guarded(self, address):
        local = self.family == socket.AF_UNIX or str(address[0]) in {"127.0.0.1", "::1", "localhost"}
        if not local:
            raise OSError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
