"""Samples on their way from the processes that make them to those that train: files mapped into memory, and the newest
samples on the device."""
import os
import shutil
import tempfile
import time

import numpy as np
import torch

SLOTS = 8


class Feed:
    """One maker's way to one trainer: `SLOTS` blocks of samples, given on in turn. A maker that's ahead waits."""

    def __init__(self, path, count, fields):
        """`fields`: name -> shape and type of one sample; `count` samples make a block."""
        self.path, self.count, self.fields, self.maps = path, count, fields, None
        for name, (shape, kind) in {"state": ((2,), "i8"), **fields}.items():
            np.memmap(f"{path}_{name}", kind, "w+", shape=shape if name == "state" else (SLOTS, count, *shape))

    def open(self):
        if self.maps is None:
            self.maps = {name: np.memmap(f"{self.path}_{name}", kind, "r+", shape=(SLOTS, self.count, *shape)) for name, (shape, kind) in self.fields.items()}
            self.state = np.memmap(f"{self.path}_state", "i8", "r+", shape=(2,))  # blocks given, blocks taken
        return self.state

    def give(self, make):
        """Fill the next block with `count` answers of `make`."""
        state = self.open()
        while state[0] - state[1] >= SLOTS:
            time.sleep(0.01)
        slot = int(state[0]) % SLOTS
        for i in range(self.count):
            for name, value in zip(self.fields, make()):
                self.maps[name][slot, i] = value
        state[0] += 1

    def take(self):
        """The next block's arrays by name, to be done with before the next call; None where there's none yet."""
        state = self.open()
        if state[0] == state[1]:
            return None
        slot = int(state[1]) % SLOTS
        out = {name: torch.from_numpy(m[slot].copy()) for name, m in self.maps.items()}
        state[1] += 1
        return out


class Store:
    """The newest samples of some feeds, on the device."""

    def __init__(self, feeds, size, device, label=None):
        """`label` makes further fields out of a block's."""
        self.feeds, self.device, self.label = feeds, device, label or (lambda block: {})
        self.block = feeds[0].count
        self.size = max(1, size // self.block) * self.block
        self.made, self.data = 0, None

    def fill(self):
        """Take up to one block of every feed."""
        for feed in self.feeds:
            block = feed.take()
            if block is None:
                continue
            block = {k: v.to(self.device) for k, v in block.items()}
            block.update(self.label(block))
            if self.data is None:
                self.data = {k: torch.empty(self.size, *v.shape[1:], dtype=v.dtype, device=self.device) for k, v in block.items()}
            at = self.made % self.size
            for k, v in block.items():
                self.data[k][at : at + self.block] = v
            self.made += self.block

    def pick(self, n, rng):
        """`n` samples at random: the fields, in their order."""
        rows = torch.from_numpy(rng.integers(0, min(self.made, self.size), n)).to(self.device)
        return [v[rows] for v in self.data.values()]


def scratch(least=3e9):
    """A new folder in memory, or on disk where the memory's file system is small."""
    memory = "/dev/shm"
    return tempfile.mkdtemp(prefix="train_gpu_", dir=memory if os.path.isdir(memory) and shutil.disk_usage(memory).free > least else None)
