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
from nets import Detector, settle

STRIDES = (8, 16, 32)
# Sizes of face, sqrt(width * height) in pixels, that a stride answers for; they overlap on purpose.
SIZES = ((7, 56), (44, 130), (100, 2000))


def piece(picture, face, side, rng):
    """Random square of `side` pixels of each scene, mirrored or not, some resized: BGR u8 [n, side, side, 3], rows."""
    n, whole = len(picture), picture.shape[1]
    out, rows = np.empty((n, side, side, 3), np.uint8), face.copy()
    for i in range(n):
        y, x = rng.integers(0, whole - side + 1, 2)
        out[i] = picture[i, y : y + side, x : x + side]
        r = rows[i]
        r[:, 0:14:2] -= x
        r[:, 1:14:2] -= y
        if rng.random() < 0.5:
            out[i] = out[i, :, ::-1]
            r[:, 0:14:2] = side - r[:, 0:14:2]
            r[:, [0, 2]] = r[:, [2, 0]]
            r[:, 4:14] = r[:, [6, 7, 4, 5, 8, 9, 12, 13, 10, 11]]
    # Of a face that the edge cuts, at least half must be there to count, and a quarter to be looked away from.
    inside = np.clip(np.minimum(rows[..., 2:4], side) - np.maximum(rows[..., 0:2], 0), 0, None).prod(-1)
    share = inside / np.maximum((rows[..., 2:4] - rows[..., 0:2]).prod(-1), 1)
    mark = face[..., 14].copy()
    mark[(mark == 1) & (share < 0.55)] = 0
    mark[(mark >= 0) & (share < 0.2)] = -1
    rows[..., 14] = mark
    return out, rows


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
        y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        cells.append(torch.stack([x.flatten(), y.flatten(), torch.full((h * w,), s)], 1))
    return torch.cat(out, 1), torch.cat(cells).to(out[0].device).float()


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
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--device", default="cpu")
    a = a.parse_args()
    from evaluate import detector_check  # needs the nets, so not at the top
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    net = Detector().to(a.device, memory_format=torch.channels_last)
    average = Detector().to(a.device)
    average.load_state_dict(net.state_dict())
    optimiser = Muon(net, a.lr)
    state = {"spent": 0.0, "step": 0, "seen": 0, "pass": 0}
    path = os.path.join(a.out, "checkpoint.pt")
    if os.path.exists(path):
        saved = torch.load(path, map_location=a.device, weights_only=False)
        net.load_state_dict(saved["net"]), optimiser.load_state_dict(saved["optimiser"]), average.load_state_dict(saved["average"])
        state = saved["state"]
        print("resumed", state)
    print(sum(p.numel() for p in net.parameters()), "parameters")

    def save():
        torch.save({"net": net.state_dict(), "optimiser": optimiser.state_dict(), "average": average.state_dict(), "state": state}, path + ".part")
        os.replace(path + ".part", path)

    last_report, used, smooth = state["spent"], {}, {}
    while state["seen"] < a.samples:
        large = state["seen"] / a.samples >= a.large and state["pass"] % 2 == 0
        shards = sorted(glob.glob(os.path.join(a.scenes, f"{640 if large else 384}_[0-9]*[0-9].npz")))
        level = min((used[s] for s in shards if s in used), default=0)
        for s in shards:
            used.setdefault(s, level)
        rng = np.random.default_rng([a.seed, state["pass"]])
        name = min(shards, key=lambda s: (used[s], rng.random()))
        used[name] += 1
        data = dict(np.load(name))
        order = rng.permutation(len(data["picture"]))
        batch = max(4, a.batch // 3) if large else a.batch
        net.train()
        for i in range(0, len(order) - batch + 1, batch):
            t = time.time()
            done = state["seen"] / a.samples
            optimiser.scale(max(min(1, (state["step"] + 1) / 100, (1 - done) / a.down), 0))
            side = 576 if large else 320
            picture, rows = piece(data["picture"][order[i : i + batch]], data["face"][order[i : i + batch]], side, rng)
            x = torch.from_numpy(picture).to(a.device).permute(0, 3, 1, 2).float()
            rows = torch.from_numpy(rows).to(a.device)
            if rng.random() < 0.4:  # light and colour of the whole batch's pictures, one by one
                x = x * torch.from_numpy(np.exp(rng.normal(0, 0.15, (len(x), 3, 1, 1)))).float().to(a.device) + float(rng.normal(0, 10))
                x = x.clamp(0, 255)
            if not large and rng.random() < 0.5:  # another scale
                new = int(rng.choice([224, 256, 288, 352, 384]))
                x = F.interpolate(x, (new, new), mode="bilinear", antialias=new < side)
                rows[..., :14] *= new / side
                side = new
            with torch.autocast(a.device, torch.bfloat16):
                maps = net(x.to(torch.bfloat16, memory_format=torch.channels_last))
            loss, parts = loss_of(maps, rows, side)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
            optimiser.step()
            state["step"] += 1
            state["seen"] += batch
            for k, v in parts.items():
                smooth[k] = smooth.get(k, v.item()) * 0.98 + v.item() * 0.02
            with torch.no_grad():
                keep = min(0.995, 1 - 1 / (1 + state["step"] / 5))
                for p, q in zip(average.parameters(), net.parameters()):
                    p.lerp_(q, 1 - keep)
            state["spent"] += time.time() - t
            if state["step"] % a.every == 0:
                save()
            if state["seen"] >= a.samples:
                break
        state["pass"] += 1
        if state["spent"] - last_report > 180 or state["seen"] >= a.samples:
            last_report = state["spent"]
            take = (torch.from_numpy(piece(data["picture"][k : k + 16], data["face"][k : k + 16], 320, rng)[0]) for k in range(0, 256, 16))
            settle(average, (x.to(a.device).permute(0, 3, 1, 2).float() for x in take))
            torch.save({"average": average.state_dict()}, os.path.join(a.out, "average.pt"))
            line = {"minutes": round(state["spent"] / 60, 1), "seen": state["seen"], **{k: round(v, 4) for k, v in smooth.items()},
                    **detector_check(average, a.check, a.device)}
            print(json.dumps(line), flush=True)
            with open(os.path.join(a.out, "log.jsonl"), "a") as f:
                f.write(json.dumps(line) + "\n")
        save()


if __name__ == "__main__":
    main()
