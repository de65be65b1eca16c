"""Train the embedder on the crops that crops.py labels. Stops and resumes at will.

One command:  python train_embedder.py --faces WORK/faces.npz --crops WORK/crops --out WORK/embedder --samples 1500000

Shards that appear while it trains are taken up. `--samples` is the number of crops to train on over all resumed runs; it
sets the learning rate's course (a short warm-up, then straight down to nothing), so that the same command, repeated,
goes on where it was. Loss: 1 - cosine to the teacher's answer, plus the mean squared difference of
the batch's two matrices of cosines."""
import argparse
import glob
import json
import os
import time

import numpy as np
import torch
from torch.nn import functional as F

from crops import bilinear
from evaluate import held_out_crops, tpr_at
from muon import Muon
from nets import Embedder, keep, settle
from start import begin


def colours(grey, chroma, up):
    """grey u8 [n, 112, 112], chroma i8 [n, 2, 14, 14] -> red, green, blue, each f32 [n, 112, 112] in 0..255, as `crops.colour`."""
    g, k = grey.float(), up @ chroma.float() @ up.T
    return [v.clamp_(0, 255) for v in (g + k[:, 0], g - 0.5 * k[:, 0] - 0.2 * k[:, 1], g + k[:, 1])]


def batch(grey, chroma, target, up, generator):
    """Crops as (input bf16 [n, 3, 112, 112], channels last, target [n, 128]), with changes that hardly move the teacher's
    answer: mirrored or not, contrast and brightness."""
    n, device = len(grey), grey.device
    u = torch.rand(3, n, 1, 1, generator=generator).to(device)
    flip = u[2] < 0.5
    x = torch.empty(n, 112, 112, 3, dtype=torch.bfloat16, device=device)
    gain = (0.9 + 0.2 * u[0]) / 127.5
    base = (u[1] - 0.5) * (20 / 127.5) - 127.5 * gain
    for c, v in enumerate(colours(torch.where(flip, grey.flip(2), grey), torch.where(flip[..., None], chroma.flip(3), chroma), up)):
        x[..., c] = v.mul_(gain).add_(base).clamp_(-1, 1)
    return x.permute(0, 3, 1, 2), F.normalize(target.float())


def loss_of(out, target):
    out = F.normalize(out.float())
    cosine = (out * target).sum(1)
    n = len(out)
    same = ((out @ out.T - target @ target.T) ** 2).sum() / (n * (n - 1))
    return (1 - cosine).mean() + same * 10, cosine.mean()


@torch.no_grad()
def embed(net, crops, device="cpu", size=256):
    """RGB u8 [n, 112, 112, 3] -> unit vectors [n, 128] (numpy)."""
    net.eval()
    out = []
    for i in range(0, len(crops), size):
        x = torch.from_numpy(np.ascontiguousarray(crops[i : i + size])).to(device).permute(0, 3, 1, 2).float()
        out.append(F.normalize(net((x - 127.5) / 127.5)).cpu())
    return torch.cat(out).numpy()


class Lesson:
    """An embedder in training: the net, its optimiser, and the average of its weights."""

    def __init__(self, shape, lr, device):
        self.net, self.average = (Embedder(**shape).to(device, memory_format=torch.channels_last) for _ in range(2))
        self.average.load_state_dict(self.net.state_dict())
        self.optimiser, self.device = Muon(self.net, lr), device
        self.steps, self.cosine = 0, 0.0

    def step(self, x, target, rate):
        """One step on a batch at `rate` times the full learning rate."""
        self.net.train()
        self.optimiser.scale(max(min(rate, (self.steps + 1) / 100), 0))
        with torch.autocast(self.device, torch.bfloat16):
            out = self.net(x)
        loss, cosine = loss_of(out, target)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.steps += 1
        self.cosine = self.cosine + (cosine.detach() - self.cosine) * max(0.01, 1 / self.steps)
        keep(self.average, self.net, min(0.998, 1 - 1 / (1 + self.steps / 5)))

    def saved(self):
        return {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "average": self.average.state_dict(),
                "steps": self.steps, "cosine": self.cosine}

    def resume(self, saved):
        self.net.load_state_dict(saved["net"]), self.optimiser.load_state_dict(saved["optimiser"]), self.average.load_state_dict(saved["average"])
        self.steps, self.cosine = saved["steps"], saved["cosine"]

    def result(self, batches, path):
        """Settle the average on a few batches of input and write it."""
        settle(self.average, batches)
        torch.save({"average": self.average.state_dict(), "shape": self.average.shape}, path + ".part")
        os.replace(path + ".part", path)


def figures(net, check, person, device):
    """The TPR on kept-out people's crops, alone and averaged with the mirror images."""
    e = embed(net, check, device)
    two = e + embed(net, check[:, :, ::-1], device)
    return {"tpr_1e-3": round(tpr_at(e, person, 1e-3)[0], 4),
            "mirrored": round(tpr_at(two / np.linalg.norm(two, axis=1, keepdims=True), person, 1e-3)[0], 4)}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--faces", required=True)
    a.add_argument("--crops", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--samples", type=int, default=1_500_000)
    a.add_argument("--every", type=int, default=64, help="steps between two checkpoints")
    a.add_argument("--batch", type=int, default=256)
    a.add_argument("--width", type=int, nargs=3, default=(32, 64, 128))
    a.add_argument("--blocks", type=int, nargs=3, default=(1, 2, 1))
    a.add_argument("--start", help="embedder.onnx of a pack whose weights the training begins with")
    a.add_argument("--lr", type=float, default=0.02)
    a.add_argument("--down", type=float, default=0.85, help="share of the time over which the learning rate falls")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--threads", type=int, default=2)
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    up = torch.from_numpy(bilinear())
    lesson = Lesson({"width": a.width, "blocks": a.blocks}, a.lr, "cpu")
    state = {"spent": 0.0, "seen": 0, "pass": 0}
    path = os.path.join(a.out, "checkpoint.pt")
    tensors = lambda shard, rows: [torch.from_numpy(shard[k][rows]) for k in ("grey", "chroma", "target")]
    if os.path.exists(path):
        saved = torch.load(path, map_location="cpu", weights_only=False)
        lesson.resume(saved["lesson"])
        state = saved["state"]
        print("resumed", state)
    elif a.start:
        first = dict(np.load(min(glob.glob(os.path.join(a.crops, "[0-9]*[0-9].npz")))))
        begin(lesson.net, a.start, batch(*tensors(first, np.arange(1024)), up, torch.Generator().manual_seed(a.seed))[0].float())
        lesson.average.load_state_dict(lesson.net.state_dict())
    print(sum(p.numel() for p in lesson.net.parameters()), "parameters")
    check, person = held_out_crops(a.faces)

    def save():
        torch.save({"lesson": lesson.saved(), "state": state}, path + ".part")
        os.replace(path + ".part", path)

    last_report, used = state["spent"], {}
    while state["seen"] < a.samples:
        # The shard seen least often next; a new shard starts at the level of the others, so it isn't seen in a row.
        shards = sorted(glob.glob(os.path.join(a.crops, "[0-9]*[0-9].npz")))
        level = min(used.values(), default=0)
        for s in shards:
            used.setdefault(s, level)
        rng = np.random.default_rng([a.seed, state["pass"]])
        name = min(shards, key=lambda s: (used[s], rng.random()))
        used[name] += 1
        shard = dict(np.load(name))
        order = rng.permutation(len(shard["grey"]))
        generator = torch.Generator().manual_seed(a.seed * 1000 + state["pass"])
        for i in range(0, len(order) - a.batch + 1, a.batch):
            t = time.time()
            lesson.step(*batch(*tensors(shard, order[i : i + a.batch]), up, generator), (1 - state["seen"] / a.samples) / a.down)
            state["seen"] += a.batch
            state["spent"] += time.time() - t
            if lesson.steps % a.every == 0:
                save()
            if state["seen"] >= a.samples:
                break
        state["pass"] += 1
        if state["spent"] - last_report > 120 or state["seen"] >= a.samples:
            last_report = state["spent"]
            lesson.result((batch(*tensors(shard, order[i : i + 256]), up, generator)[0].float() for i in range(0, 2048, 256)),
                          os.path.join(a.out, "average.pt"))
            line = {"minutes": round(state["spent"] / 60, 1), "seen": state["seen"], "cosine": round(float(lesson.cosine), 4),
                    **figures(lesson.average, check, person, "cpu")}
            print(json.dumps(line), flush=True)
            with open(os.path.join(a.out, "log.jsonl"), "a") as f:
                f.write(json.dumps(line) + "\n")
        save()


if __name__ == "__main__":
    main()
