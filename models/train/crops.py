"""Make augmented face crops and write down the teacher's answer to each: the embedder's training data.

One command:  python crops.py --faces WORK/faces.npz --teacher MOBILEFACENET.onnx --out WORK/crops --shards 16

A shard is one file of `--size` crops; a shard that is already there is not made again, so the command can be repeated
or extended at any time, also while the training runs. Its arrays, for n crops:
  grey    u8  [n, 112, 112]   the crop's brightness
  chroma  i8  [n, 2, 14, 14]  colour: red minus grey and blue minus grey, at an eighth of the size
  target  f16 [n, 128]        the teacher's answer to exactly this crop plus its answer to the crop's mirror image, length 1

A part of the crops (`--mild`) is changed only a little, as a portrait in an honest photo would be; the others show
what can go wrong. Shard 9999 holds the training people's portraits themselves, as a photo would give them; `polish.py`
uses it too.
"""
import argparse
import os
import time

import cv2
import numpy as np

from faces import CANVAS, MARGIN, crop
from teacher import Teacher

PORTRAITS = "9999.npz"


def bilinear(n=112, m=14):
    """[n, m] matrix A: A @ c enlarges c's first axis from m to n as bilinear resizing does."""
    at = np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1)
    low = np.minimum(at.astype(int), m - 2)
    out = np.zeros((n, m), np.float32)
    out[np.arange(n), low], out[np.arange(n), low + 1] = 1 - (at - low), at - low
    return out


def colour(grey, chroma):
    """grey u8 [n, 112, 112], chroma i8 [n, 2, 14, 14] -> RGB f32 [n, 3, 112, 112] in 0..255.

    `train_embedder.colours` does the same in PyTorch: the student sees the very picture that the teacher saw."""
    up = bilinear()
    k = chroma.reshape(-1, 14).astype(np.float32) @ up.T
    k = (up @ k.reshape(-1, 14, 112).transpose(1, 0, 2).reshape(14, -1)).reshape(112, -1, 2, 112).transpose(1, 2, 0, 3)
    g, red, blue = grey.astype(np.float32), k[:, 0], k[:, 1]
    return np.clip(np.stack([g + red, g - 0.5 * red - 0.2 * blue, g + blue], 1), 0, 255)


class Maker:
    """Makes crops out of the aligned portraits of the people that training may see."""

    def __init__(self, faces, seed, mild=0.5):
        self.mild = mild
        use = ~faces["held_out"]
        self.canvas, self.corner, self.person = faces["canvas"][use], faces["corner"][use], faces["person"][use]
        # A person with hundreds of photos counts as if they had a handful.
        _, which, count = np.unique(self.person, return_inverse=True, return_counts=True)
        weight = np.minimum(count, 8)[which] / count[which]
        self.upto = np.cumsum(weight / weight.sum())
        self.rng = np.random.default_rng(seed)

    def pick(self):
        i = min(int(np.searchsorted(self.upto, self.rng.random())), len(self.upto) - 1)
        c = self.canvas[i].astype(np.float32)
        flip = self.rng.random() < 0.5
        return (c[:, ::-1] if flip else c), self.corner[i], flip

    def face(self):
        """One aligned face [160, 160]: a portrait, a blend of two, or the top of one on the bottom of another."""
        rng = self.rng
        a, corner, flip = self.pick()
        kind = rng.random()
        if kind < 0.6:
            b = self.pick()[0]
            inner = slice(MARGIN + 8, CANVAS - MARGIN - 8)
            pa, pb = a[inner, inner], b[inner, inner]
            b = (b - pb.mean()) * (max(pa.std(), 8) / max(pb.std(), 8)) + pa.mean()
            if kind < 0.32:
                w = rng.uniform(0.25, 0.75)
            else:
                # Both eyes from one, mouth from the other; the seam runs somewhere between brow and upper lip.
                row = MARGIN + rng.uniform(48, 86)
                soft = rng.uniform(4, 14)
                w = (1 / (1 + np.exp((np.arange(CANVAS) - row) / soft))).astype(np.float32)[:, None]
            a = w * a + (1 - w) * b
        if flip:
            corner = corner * [-1, 1] + [CANVAS, 0]
        return a, corner

    def __call__(self):
        """One crop: grey u8 [112, 112], chroma i8 [2, 14, 14]."""
        rng = self.rng
        a, corner = self.face()
        # Where the crop lies: turn, scale, shift, stretch; sometimes much more than an honest detector would be off.
        mild = rng.random() < self.mild
        often = 0.35 if mild else 1.0
        wild = 0.6 if mild else 2.0 if rng.random() < 0.15 else 1.0
        turn = np.deg2rad(rng.normal(0, 4 * wild))
        scale = np.exp(rng.normal(0, 0.05 * wild))
        stretch = np.exp(rng.normal(0, 0.04))
        m = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * scale @ np.array([[stretch, rng.normal(0, 0.04)], [0, 1 / stretch]])
        shift = 56 + rng.normal(0, 1.7 * wild, 2) - m @ np.full(2, CANVAS / 2)
        m = np.hstack([m, shift[:, None]])
        if rng.random() < 0.5 * often:  # bend it a little: another shape of face
            grid = rng.normal(0, 2.2, (2, 5, 5)).astype(np.float32)
            inv = cv2.invertAffineTransform(m).astype(np.float32)
            x, y = np.meshgrid(np.arange(112, dtype=np.float32), np.arange(112, dtype=np.float32))
            bend = [cv2.resize(g, (112, 112), interpolation=cv2.INTER_CUBIC) for g in grid]
            sx = inv[0, 0] * x + inv[0, 1] * y + inv[0, 2] + bend[0]
            sy = inv[1, 0] * x + inv[1, 1] * y + inv[1, 2] + bend[1]
            g = cv2.remap(a, sx, sy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        else:
            g = cv2.warpAffine(a, m, (112, 112), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        # Light: a slope across the face, gamma, contrast, brightness.
        if rng.random() < 0.4 * often:
            slope = rng.normal(0, 0.25, 2)
            line = np.linspace(-1, 1, 112, dtype=np.float32)
            g = g * np.clip(1 + slope[0] * line[None] + slope[1] * line[:, None], 0.3, 2)
        if rng.random() < 0.6:
            g = 255 * (np.clip(g, 0, 255) / 255) ** np.exp(rng.normal(0, 0.3))
            g = (g - 128) * np.exp(rng.normal(0, 0.2)) + 128 + rng.normal(0, 18)
        # Colour: skin in the middle, something else around, or a cast over everything.
        chroma = np.zeros((2, 14, 14), np.float32)
        if rng.random() < 0.55:
            y, x = np.mgrid[:14, :14]
            r = np.hypot((x - 6.5) / rng.uniform(4.5, 6.5), (y - 6.5) / rng.uniform(5.5, 8))
            skin = 1 / (1 + np.exp((r - 1) * 6))
            tint = np.array([rng.uniform(5, 45), rng.uniform(-40, 0)])
            around = rng.normal(0, 18, 2)
            cast = rng.normal(0, 10, 2)
            bright = cv2.resize(np.ascontiguousarray(g), (14, 14), interpolation=cv2.INTER_AREA) / 160
            k = skin[None] * tint[:, None, None] + (1 - skin[None]) * around[:, None, None] + cast[:, None, None]
            if rng.random() < 0.5:  # redder lips
                k[0] += rng.uniform(0, 18) * np.exp(-((x - 6.5) / 2) ** 2 - ((y - 11) / 0.9) ** 2)
            k += cv2.resize(rng.normal(0, 6, (4, 4, 2)), (14, 14), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
            chroma = k * np.clip(bright, 0.15, 1.3)
        # Something in front of a part of the face.
        if rng.random() < 0.15 * often:
            w, h = rng.uniform(12, 50, 2)
            cx, cy = rng.uniform(0, 112, 2)
            box = cv2.boxPoints(((cx, cy), (w, h), rng.uniform(0, 180))).astype(np.int32)
            cv2.fillConvexPoly(g, box, float(rng.uniform(0, 255))) if rng.random() < 0.6 else \
                cv2.ellipse(g, (int(cx), int(cy)), (int(w / 2), int(h / 2)), rng.uniform(0, 180), 0, 360, float(rng.uniform(0, 255)), -1)
        # The portrait's own edge, black beyond it, as when a face touches the rim of a photo.
        if rng.random() < 0.4 * often:
            mask = np.zeros((112, 112), np.uint8)
            cv2.fillConvexPoly(mask, np.round(corner @ m[:, :2].T + m[:, 2]).astype(np.int32), 1)
            g = np.where(mask, g, 0 if rng.random() < 0.8 else rng.uniform(0, 255))
        g = np.ascontiguousarray(g, np.float32)
        # A face that was small in its photo, or out of focus, or noisy, or badly compressed.
        if rng.random() < 0.35 * often:
            side = int(rng.uniform(26, 100))
            small = cv2.resize(g, (side, side), interpolation=cv2.INTER_AREA)
            g = cv2.resize(small, (112, 112), interpolation=cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_CUBIC)
        elif rng.random() < 0.2 * often:
            g = cv2.GaussianBlur(g, (0, 0), rng.uniform(0.5, 2))
        if rng.random() < 0.35 * often:
            g = g + rng.standard_normal((112, 112), np.float32) * rng.uniform(1, 12)
        g = np.clip(g, 0, 255).astype(np.uint8)
        if rng.random() < 0.12 * often:
            g = cv2.imdecode(cv2.imencode(".jpg", g, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(20, 80))])[1], cv2.IMREAD_GRAYSCALE)
        return g, np.clip(np.round(chroma), -127, 127).astype(np.int8)


def shard(faces, teacher, seed, size, mild):
    """One shard's arrays, wholly decided by the seed."""
    make = Maker(faces, seed, mild)
    grey, chroma, target = [], [], []
    for i in range(0, size, 32):
        part = [make() for _ in range(min(32, size - i))]
        g, c = (np.stack(x) for x in zip(*part))
        grey.append(g), chroma.append(c), target.append(teacher.both(colour(g, c)).astype(np.float16))
    return {"grey": np.concatenate(grey), "chroma": np.concatenate(chroma), "target": np.concatenate(target)}


def portraits(faces, teacher):
    """The shard of the portraits themselves, grey, cut as for a pack's embedder."""
    rows = np.flatnonzero(~faces["held_out"])
    grey = np.stack([crop(faces["picture"][r], faces["points"][r]) for r in rows])
    chroma = np.zeros((len(grey), 2, 14, 14), np.int8)
    target = [teacher.both(colour(grey[i : i + 256], chroma[i : i + 256])) for i in range(0, len(grey), 256)]
    return {"grey": grey, "chroma": chroma, "target": np.concatenate(target).astype(np.float16)}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--faces", required=True)
    a.add_argument("--teacher", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--shards", type=int, default=16)
    a.add_argument("--first", type=int, default=0, help="number of the first shard, to share the work among processes")
    a.add_argument("--step", type=int, default=1)
    a.add_argument("--size", type=int, default=16384)
    a.add_argument("--mild", type=float, default=0.5, help="share of the crops that are changed only a little")
    a.add_argument("--seed", type=int, default=1)
    a = a.parse_args()
    cv2.setNumThreads(1)
    os.makedirs(a.out, exist_ok=True)
    faces, teacher = dict(np.load(a.faces)), Teacher(a.teacher)
    jobs = {f"{k:04d}.npz": (lambda k=k: shard(faces, teacher, [a.seed, k], a.size, a.mild)) for k in range(a.first, a.shards, a.step)}
    if a.first == 0:
        jobs[PORTRAITS] = lambda: portraits(faces, teacher)
    for name, make in jobs.items():
        path = os.path.join(a.out, name)
        if os.path.exists(path):
            continue
        t = time.time()
        arrays = make()
        np.savez(path + ".part.npz", **arrays)
        os.replace(path + ".part.npz", path)
        n = len(arrays["grey"])
        print(f"{path}: {n} crops, {1e3 * (time.time() - t) / n:.2f} ms each", flush=True)


if __name__ == "__main__":
    main()
