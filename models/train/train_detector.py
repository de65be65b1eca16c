"""Train the detector on the scenes that scenes.py composes. Stops and resumes at will.

One command:  python train_detector.py --scenes WORK/scenes --check WORK/scenes_check --out WORK/detector --samples 150000

First at 320 (random pieces of 384 px scenes), in the last part also at up to 576 (pieces of 640 px scenes). Every cell
near the middle of a face whose size suits the cell's stride answers for it: `obj` is taught 1 there and 0 elsewhere,
`cls` the overlap of the box that the cell gives, so that sqrt(cls * obj) falls where the box is poor."""
import argparse
import glob
import json
import os
import time

import numpy as np
import torch
from torch.nn import functional as F

from muon import Muon
from nets import Detector, keep, settle

STRIDES = (8, 16, 32)
# Sizes of face, sqrt(width * height) in pixels, that a stride answers for; they overlap on purpose.
SIZES = ((7, 56), (44, 130), (100, 2000))

# Sides of the pieces of small and of large scenes, and what the former are resized to.
SMALL, LARGE, RESIZED = 320, 576, (192, 224, 256, 288, 352, 384)


def size(rng):
    return int(rng.choice(RESIZED)) if rng.random() < 0.5 else SMALL


def piece(picture, face, side, generator):
    """Random square of `side` pixels of each scene, mirrored or not: BGR u8 [n, side, side, 3], and its rows."""
    n, whole, device = len(picture), picture.shape[1], picture.device
    u = torch.rand(3, n, generator=generator).to(device)
    y, x = (u[:2] * (whole - side + 1)).long()
    flip, at = u[2] < 0.5, torch.arange(side, device=device)
    column = x[:, None] + torch.where(flip[:, None], side - 1 - at, at)
    out = picture[torch.arange(n, device=device)[:, None, None], (y[:, None] + at)[:, :, None], column[:, None]]
    points = face[..., :14].unflatten(2, (7, 2)) - torch.stack([x, y], 1)[:, None, None]
    mirrored = points[:, :, [0, 1, 3, 2, 4, 6, 5]] * points.new_tensor([-1, 1]) + points.new_tensor([side - 1, 0])
    # A mirrored box's left edge was its right one; edges lie between pixels, landmarks at their middles.
    mirrored[:, :, :2, 0] = mirrored[:, :, [1, 0], 0] + 1
    points = torch.where(flip[:, None, None, None], mirrored, points)
    # Of a face that the edge cuts, at least half must be there to count, and a quarter to be looked away from.
    low, high = points[:, :, 0], points[:, :, 1]
    share = (high.clamp(max=side) - low.clamp(min=0)).clamp(min=0).prod(-1) / (high - low).prod(-1).clamp(min=1)
    mark = face[..., 14].clone()
    mark[(mark == 1) & (share < 0.55)] = 0
    mark[(mark >= 0) & (share < 0.2)] = -1
    return out, torch.cat([points.flatten(2), mark[..., None]], 2)


def light(x, generator):
    """Other light and colours for some of the pictures f32 [n, 3, h, w], and another camera's darkness for a few."""
    n = len(x)
    u, k = torch.rand(3, n, 1, 1, 1, generator=generator), torch.randn(5, n, 1, 1, 1, generator=generator)
    gain = torch.exp(0.15 * k[:3].squeeze(3).permute(1, 0, 2, 3) + 0.15 * k[3])
    dark = torch.where(u[1] < 0.2, 0.2 + 0.6 * u[2], 1)
    some = u[0] < 0.5
    gain, add = torch.where(some, gain, 1) * dark, torch.where(some, 10 * k[4], 0)
    return (x * gain.to(x.device) + add.to(x.device)).clamp(0, 255)


def assign(rows, side, device):
    """Rows [n, k, 15] -> for every cell of all strides: the row it answers for (or -1), and whether it is to be judged.

    Returns index i64 [n, cells] and judged bool [n, cells]."""
    n, k = rows.shape[:2]
    index, judged = [], []
    box, mark = rows[..., :4], rows[..., 14:]
    centre, wh = (box[..., :2] + box[..., 2:]) / 2, (box[..., 2:] - box[..., :2]).clamp(min=1)
    size = wh.prod(-1, keepdim=True).sqrt()

    def any_of(x, y):
        """Cells [n, m * m] within reach of any row: columns x and rows y, both bool [n, k, m]."""
        return (y.float().transpose(1, 2) @ x.float()).flatten(1) > 0

    for s, (least, most) in zip(STRIDES, SIZES):
        m = side // s
        at = (torch.arange(m, device=device) + 0.5) * s
        dx, dy = (at - centre[..., 0:1]).abs(), (at - centre[..., 1:2]).abs()
        reach = (0.25 * size).clamp(max=1.6 * s).clamp(min=0.72 * s)
        fits = (size >= least) & (size < most) & (mark == 1)
        # Out of reach is infinitely far, in either direction.
        far_x, far_y = torch.where((dx < reach) & fits, dx, torch.inf), torch.where(dy < reach, dy, torch.inf)
        best, which = (far_x[:, :, None, :] + far_y[:, :, :, None]).flatten(2).min(1)
        index.append(torch.where(best.isfinite(), which, -1))
        # Not judged: the middle of faces that aren't for this stride or are to be looked away from; the rim of reach.
        rim = (0.32 * wh).clamp(min=1.2 * s)
        close = any_of((dx < rim[..., 0:1]) & (mark == 1), dy < rim[..., 1:2])
        away = any_of((dx < 0.6 * wh[..., 0:1]) & (mark == 0), dy < 0.6 * wh[..., 1:2])
        judged.append((index[-1] >= 0) | ~(close | away))
    return torch.cat(index, 1), torch.cat(judged, 1)


def flatten(maps):
    """Maps [n, 16, h, w] of three strides -> [n, cells, 16], with each cell's column, row and stride [cells, 3]."""
    out, cells = [], []
    for p, s in zip(maps, STRIDES):
        h, w = p.shape[2:]
        out.append(p.flatten(2).transpose(1, 2))
        y, x = torch.meshgrid(torch.arange(h, device=p.device), torch.arange(w, device=p.device), indexing="ij")
        cells.append(torch.stack([x.flatten(), y.flatten(), torch.full_like(x.flatten(), s)], 1))
    return torch.cat(out, 1), torch.cat(cells).float()


def iou_loss(a, b):
    """1 - complete IoU, and the plain IoU, of boxes a, b [m, 4]."""
    lt, rb = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    inter = (rb - lt).clamp(min=0).prod(1)
    area = lambda v: (v[:, 2:] - v[:, :2]).prod(1)
    iou = inter / (area(a) + area(b) - inter).clamp(min=1e-6)
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    gap = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2).pow(2).sum(1) / hull.pow(2).sum(1).clamp(min=1e-6)
    wa, wb = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    shape = ((wa - wb).pow(2) / hull.pow(2).clamp(min=1e-6)).sum(1)
    return 1 - iou + gap + shape, iou


def loss_of(maps, rows, side):
    out, cells = flatten([m.float() for m in maps])
    index, judged = assign(rows, side, out.device)
    hit = index >= 0
    picture, cell = hit.nonzero(as_tuple=True)
    count = max(len(picture), 1)
    row = rows[picture, index[hit]]
    p, at, s = out[picture, cell], cells[cell, :2], cells[cell, 2:]
    centre, size = (at + p[:, 2:4]) * s, p[:, 4:6].clamp(-4, 5).exp() * s
    box_loss, iou = iou_loss(torch.cat([centre - size / 2, centre + size / 2], 1), row[:, :4])
    scale = (row[:, 2:4] - row[:, :2]).prod(1, keepdim=True).sqrt()
    points = (at.repeat(1, 5) + p[:, 6:16]) * s.expand(-1, 10)
    d = (points - row[:, 4:14]) / scale
    points_loss = F.smooth_l1_loss(d, torch.zeros_like(d), beta=0.01, reduction="none").mean(1)
    target = torch.zeros_like(out[..., 0])
    quality = torch.zeros_like(target)
    target[picture, cell] = 1
    quality[picture, cell] = iou.detach().clamp(0, 1).sqrt()
    # Focal weight: the many easy cells of the ground hardly count.
    def score(logit, goal):
        weight = (goal - logit.sigmoid()).abs().detach().pow(1.5) * judged
        return (F.binary_cross_entropy_with_logits(logit, goal, reduction="none") * weight).sum() / count
    parts = {"obj": score(out[..., 1], target), "cls": score(out[..., 0], quality), "box": box_loss.sum() / count * 1.5,
             "points": points_loss.sum() / count * 20}
    return sum(parts.values()), parts


class Lesson:
    """The detector in training: the net, its optimiser, and the average of its weights."""

    def __init__(self, lr, device):
        self.net, self.average = (Detector().to(device, memory_format=torch.channels_last) for _ in range(2))
        self.average.load_state_dict(self.net.state_dict())
        self.optimiser, self.device = Muon(self.net, lr), device
        self.steps, self.smooth = 0, {}

    def step(self, picture, rows, new, rate, generator):
        """One step on pieces u8 [n, side, side, 3] and their rows, resized to `new` pixels, at `rate` times the full
        learning rate."""
        self.net.train()
        self.optimiser.scale(max(min(1, rate, (self.steps + 1) / 100), 0))
        side = picture.shape[1]
        x = light(picture.permute(0, 3, 1, 2).float(), generator)
        if new != side:
            x = F.interpolate(x, (new, new), mode="bilinear", antialias=new < side)
            # Landmarks lie at pixels' middles: (p + 0.5) / side stays the same.
            f = new / side
            rows = torch.cat([rows[..., :4] * f, (rows[..., 4:14] + 0.5) * f - 0.5, rows[..., 14:]], 2)
        with torch.autocast(self.device, torch.bfloat16):
            maps = self.net(x.to(torch.bfloat16, memory_format=torch.channels_last))
        loss, parts = loss_of(maps, rows, new)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimiser.step()
        self.steps += 1
        for k, v in parts.items():
            self.smooth[k] = self.smooth.get(k, v.detach()).lerp(v.detach(), 0.02)
        keep(self.average, self.net, min(0.998, 1 - 1 / (1 + self.steps / 5)))

    def saved(self):
        return {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "average": self.average.state_dict(),
                "steps": self.steps, "smooth": self.smooth}

    def resume(self, saved):
        self.net.load_state_dict(saved["net"]), self.optimiser.load_state_dict(saved["optimiser"]), self.average.load_state_dict(saved["average"])
        self.steps, self.smooth = saved["steps"], saved["smooth"]

    def result(self, batches, path):
        """Settle the average on a few batches of pictures u8 [n, h, w, 3] and write it."""
        settle(self.average, (x.permute(0, 3, 1, 2).float() for x in batches))
        torch.save({"average": self.average.state_dict()}, path + ".part")
        os.replace(path + ".part", path)

    def losses(self):
        return {k: round(float(v), 4) for k, v in self.smooth.items()}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--scenes", required=True)
    a.add_argument("--check", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--samples", type=int, default=150_000, help="scenes to train on, over all resumed runs")
    a.add_argument("--every", type=int, default=32, help="steps between two checkpoints")
    a.add_argument("--batch", type=int, default=32)
    a.add_argument("--lr", type=float, default=0.02)
    a.add_argument("--down", type=float, default=0.8)
    a.add_argument("--large", type=float, default=0.75, help="share of the training after which large scenes join")
    a.add_argument("--start", help="averaged weights to begin with, for a last part at a low rate")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--threads", type=int, default=2)
    a = a.parse_args()
    from evaluate import detector_check  # needs the nets, so not at the top
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    lesson = Lesson(a.lr, "cpu")
    state = {"spent": 0.0, "seen": 0, "pass": 0}
    path = os.path.join(a.out, "checkpoint.pt")
    if os.path.exists(path):
        saved = torch.load(path, map_location="cpu", weights_only=False)
        lesson.resume(saved["lesson"])
        state = saved["state"]
        print("resumed", state)
    elif a.start:
        for net in (lesson.net, lesson.average):
            net.load_state_dict(torch.load(a.start, map_location="cpu")["average"])
    print(sum(p.numel() for p in lesson.net.parameters()), "parameters")

    def save():
        torch.save({"lesson": lesson.saved(), "state": state}, path + ".part")
        os.replace(path + ".part", path)

    last_report, used = state["spent"], {}
    while state["seen"] < a.samples:
        large = state["seen"] / a.samples >= a.large and state["pass"] % 2 == 0
        shards = sorted(glob.glob(os.path.join(a.scenes, f"{640 if large else 384}_[0-9]*[0-9].npz")))
        level = min((used[s] for s in shards if s in used), default=0)
        for s in shards:
            used.setdefault(s, level)
        rng = np.random.default_rng([a.seed, state["pass"]])
        generator = torch.Generator().manual_seed(a.seed * 1000 + state["pass"])
        name = min(shards, key=lambda s: (used[s], rng.random()))
        used[name] += 1
        data = dict(np.load(name))
        order = rng.permutation(len(data["picture"]))
        batch = max(4, a.batch // 3) if large else a.batch
        take = lambda rows, side: piece(*(torch.from_numpy(data[k][rows]) for k in ("picture", "face")), side, generator)
        for i in range(0, len(order) - batch + 1, batch):
            t = time.time()
            side = LARGE if large else SMALL
            lesson.step(*take(order[i : i + batch], side), side if large else size(rng), (1 - state["seen"] / a.samples) / a.down, generator)
            state["seen"] += batch
            state["spent"] += time.time() - t
            if lesson.steps % a.every == 0:
                save()
            if state["seen"] >= a.samples:
                break
        state["pass"] += 1
        if state["spent"] - last_report > 180 or state["seen"] >= a.samples:
            last_report = state["spent"]
            lesson.result((take(order[k : k + 16], SMALL)[0] for k in range(0, 256, 16)), os.path.join(a.out, "average.pt"))
            line = {"minutes": round(state["spent"] / 60, 1), "seen": state["seen"], **lesson.losses(),
                    **detector_check(lesson.average, a.check, "cpu")}
            print(json.dumps(line), flush=True)
            with open(os.path.join(a.out, "log.jsonl"), "a") as f:
                f.write(json.dumps(line) + "\n")
        save()


if __name__ == "__main__":
    main()
