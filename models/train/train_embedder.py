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
from nets import Embedder, settle
from start import begin


def batch(shard, rows, device, up, generator):
    """Rows of a shard as (input bf16 [n, 3, 112, 112], channels last, target [n, 128]), with changes that hardly move
    the teacher's answer: mirrored or not, contrast and brightness. The colours are those of `crops.colour`."""
    grey, chroma, target = (torch.from_numpy(shard[k][rows]).to(device) for k in ("grey", "chroma", "target"))
    n = len(grey)
    u = torch.rand(3, n, 1, 1, generator=generator).to(device)
    flip = u[2] < 0.5
    g = torch.where(flip, grey.flip(2), grey).float()
    k = up @ torch.where(flip[..., None], chroma.flip(3), chroma).float() @ up.T
    x = torch.empty(n, 112, 112, 3, dtype=torch.bfloat16, device=device)
    gain = (0.9 + 0.2 * u[0]) / 127.5
    base = (u[1] - 0.5) * (20 / 127.5) - 127.5 * gain
    for c, v in enumerate((g + k[:, 0], g - 0.5 * k[:, 0] - 0.2 * k[:, 1], g + k[:, 1])):
        x[..., c] = v.clamp_(0, 255).mul_(gain).add_(base).clamp_(-1, 1)
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
    a.add_argument("--device", default="cpu")
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    up = torch.from_numpy(bilinear()).to(a.device)
    net = Embedder(a.width, a.blocks).to(a.device, memory_format=torch.channels_last)
    optimiser = Muon(net, a.lr)
    average = Embedder(a.width, a.blocks).to(a.device)
    state = {"spent": 0.0, "step": 0, "seen": 0, "pass": 0}
    path = os.path.join(a.out, "checkpoint.pt")
    if os.path.exists(path):
        saved = torch.load(path, map_location=a.device, weights_only=False)
        net.load_state_dict(saved["net"]), optimiser.load_state_dict(saved["optimiser"]), average.load_state_dict(saved["average"])
        state = saved["state"]
        print("resumed", state)
    else:
        if a.start:
            first = dict(np.load(min(glob.glob(os.path.join(a.crops, "[0-9]*[0-9].npz")))))
            begin(net, a.start, batch(first, np.arange(1024), a.device, up, torch.Generator().manual_seed(a.seed))[0].float())
        average.load_state_dict(net.state_dict())
    print(sum(p.numel() for p in net.parameters()), "parameters")
    check, person = held_out_crops(a.faces)

    def save():
        torch.save({"net": net.state_dict(), "optimiser": optimiser.state_dict(), "average": average.state_dict(),
                    "state": state, "width": a.width, "blocks": a.blocks}, path + ".part")
        os.replace(path + ".part", path)

    def report(cosine):
        settle(average, (batch(shard, order[i : i + 256], a.device, up, generator)[0].float() for i in range(0, 2048, 256)))
        torch.save({"average": average.state_dict(), "width": a.width, "blocks": a.blocks}, os.path.join(a.out, "average.pt"))
        e = embed(average, check, a.device)
        two = e + embed(average, check[:, :, ::-1], a.device)
        line = {"minutes": round(state["spent"] / 60, 1), "seen": state["seen"], "cosine": round(cosine, 4),
                "tpr_1e-3": round(tpr_at(e, person, 1e-3)[0], 4),
                "mirrored": round(tpr_at(two / np.linalg.norm(two, axis=1, keepdims=True), person, 1e-3)[0], 4)}
        print(json.dumps(line), flush=True)
        with open(os.path.join(a.out, "log.jsonl"), "a") as f:
            f.write(json.dumps(line) + "\n")

    last_report, smooth = state["spent"], 0.0
    used = {}
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
        net.train()
        for i in range(0, len(order) - a.batch + 1, a.batch):
            t = time.time()
            done = state["seen"] / a.samples
            optimiser.scale(max(min(1, (state["step"] + 1) / 100, (1 - done) / a.down), 0))
            x, target = batch(shard, order[i : i + a.batch], a.device, up, generator)
            with torch.autocast(a.device, torch.bfloat16):
                out = net(x)
            loss, cosine = loss_of(out, target)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            state["step"] += 1
            state["seen"] += a.batch
            smooth += (cosine.item() - smooth) * max(0.01, 1 / state["step"])
            with torch.no_grad():
                keep = min(0.998, 1 - 1 / (1 + state["step"] / 5))
                for p, q in zip(average.parameters(), net.parameters()):
                    p.lerp_(q, 1 - keep)
            state["spent"] += time.time() - t
            if state["step"] % a.every == 0:
                save()
            if state["seen"] >= a.samples:
                break
        state["pass"] += 1
        if state["spent"] - last_report > 120 or state["seen"] >= a.samples:
            last_report = state["spent"]
            report(smooth)
        save()


if __name__ == "__main__":
    main()
