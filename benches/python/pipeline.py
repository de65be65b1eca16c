"""The peer: the usual face pipeline in Python, as careful people write it (Pillow, OpenCV, onnxruntime, scikit-learn).

    python pipeline.py ALBUM PACK [--decoders N] [--provider cuda]

Every photo below ALBUM is decoded and turned upright (Pillow), letterboxed to 640 (OpenCV), detected, aligned (OpenCV's
similarity to the ArcFace template) and embedded (onnxruntime, one thread a session), and in the end all faces are
grouped by DBSCAN (scikit-learn, eps 0.7, min_samples 3, as the program that VowImager replaces did). PACK is a pack folder
as VowImager reads it, so both run the same weights with the same thresholds. With --decoders N, N more processes read and
decode ahead; with --provider cuda the networks run on the first card. Prints one JSON object.
"""
import argparse
import json
import multiprocessing as mp
import os
import resource
import time
import tomllib
from collections import deque

import cv2
import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps

SIDE = 640
# The exhaustive search of cuDNN, the default, takes seconds for each new shape.
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"})}
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32)


def session(path, provider):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    made = ort.InferenceSession(path, options, providers=[PROVIDERS[provider]])
    # onnxruntime takes the processor and says nothing where a card does not start.
    assert made.get_providers()[0].lower().startswith(provider), made.get_providers()
    return made


def read(path):
    """RGB u8 [h, w, 3], upright; None where Pillow can't read it."""
    try:
        with Image.open(path) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        return None


def photos(folder):
    for base, _, files in sorted(os.walk(folder)):
        for file in sorted(files):
            if file.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")):
                yield os.path.join(base, file)


def tensor(rgb, spec):
    """RGB u8 [h, w, 3] -> f32 [1, 3, h, w] as the network wants it."""
    x = rgb if spec["channels"] == "rgb" else rgb[:, :, ::-1]
    return np.ascontiguousarray(((x.astype(np.float32) - spec["mean"]) / spec["std"]).transpose(2, 0, 1)[None])


class Detector:
    def __init__(self, folder, spec, provider):
        self.spec, self.session = spec, session(os.path.join(folder, spec["file"]), provider)
        self.input = self.session.get_inputs()[0].name

    def __call__(self, rgb):
        """Scores [n], boxes [n, 4], landmarks [n, 5, 2] in pixels of `rgb`."""
        h, w = rgb.shape[:2]
        scale = SIDE / max(h, w)
        small = cv2.resize(rgb, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_AREA)
        canvas = np.zeros((-(-small.shape[0] // 32) * 32, -(-small.shape[1] // 32) * 32, 3), np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        out = self.session.run(None, {self.input: tensor(canvas, self.spec)})
        names = [o.name for o in self.session.get_outputs()]
        decode = self.scrfd if self.spec["head"] == "scrfd" else self.yunet
        score, box, points = decode(dict(zip(names, out)), out, *canvas.shape[:2])
        keep = score >= self.spec.get("threshold", 0.5)
        score, box, points = score[keep], box[keep], points[keep]
        order = self.suppress(score, box)
        return score[order], box[order] / scale, points[order] / scale

    def suppress(self, score, box):
        if not len(score):
            return []
        wh = np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], 1)
        kept = cv2.dnn.NMSBoxes(wh.tolist(), score.tolist(), 0.0, self.spec.get("nms_iou", 0.4))
        return np.asarray(kept, int).ravel()

    @staticmethod
    def scrfd(_, out, h, w):
        parts = []
        for k, s in enumerate((8, 16, 32)):
            score, box, points = (out[k + 3 * i].reshape(-1, n) for i, n in enumerate((1, 4, 10)))
            y, x = np.mgrid[: h // s, : w // s]
            centre = np.repeat(np.stack([x, y], -1).reshape(-1, 2) * s, 2, 0).astype(np.float32)
            box = np.concatenate([centre - box[:, :2] * s, centre + box[:, 2:] * s], 1)
            parts.append((score[:, 0], box, centre[:, None] + points.reshape(-1, 5, 2) * s))
        return tuple(np.concatenate(p) for p in zip(*parts))

    @staticmethod
    def yunet(named, _, h, w):
        parts = []
        for s in (8, 16, 32):
            cls, obj, box, points = (named[f"{k}_{s}"][0] for k in ("cls", "obj", "bbox", "kps"))
            y, x = np.mgrid[: h // s, : w // s]
            cell = np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)
            centre, size = (cell + box[:, :2]) * s, np.exp(box[:, 2:]) * s
            score = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
            parts.append((score, np.concatenate([centre - size / 2, centre + size / 2], 1), (cell[:, None] + points.reshape(-1, 5, 2)) * s))
        return tuple(np.concatenate(p) for p in zip(*parts))


class Embedder:
    def __init__(self, folder, spec, provider):
        self.spec, self.session = spec, session(os.path.join(folder, spec["file"]), provider)
        self.input = self.session.get_inputs()[0].name

    def __call__(self, rgb, points):
        matrix, _ = cv2.estimateAffinePartial2D(points, TEMPLATE, method=cv2.LMEDS)
        if matrix is None:
            return None
        crop = cv2.warpAffine(rgb, matrix, (112, 112))
        vector = self.session.run(None, {self.input: tensor(crop, self.spec)})[0][0]
        if self.spec.get("mirror"):
            other = self.session.run(None, {self.input: tensor(np.ascontiguousarray(crop[:, ::-1]), self.spec)})[0][0]
            vector = vector / np.linalg.norm(vector) + other / np.linalg.norm(other)
        return vector / np.linalg.norm(vector)


def ahead(pool, paths, most):
    """Decoded photos in order, at most `most` of them waiting: Pool.imap would decode the whole album into memory."""
    waiting, paths = deque(), iter(paths)
    while True:
        while len(waiting) < most and (path := next(paths, None)) is not None:
            waiting.append(pool.apply_async(read, (path,)))
        if not waiting:
            return
        yield waiting.popleft().get()


def peak_mb(who):
    return resource.getrusage(who).ru_maxrss / 1024


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("album")
    a.add_argument("pack")
    a.add_argument("--decoders", type=int, default=0)
    a.add_argument("--provider", choices=PROVIDERS, default="cpu")
    a = a.parse_args()
    cv2.setNumThreads(1)
    with open(os.path.join(a.pack, "pack.toml"), "rb") as f:
        pack = tomllib.load(f)
    detect, embed = Detector(a.pack, pack["detector"], a.provider), Embedder(a.pack, pack["embedder"], a.provider)
    began = time.perf_counter()
    paths = list(photos(a.album))
    stages = dict.fromkeys(("decode", "detect", "embed", "cluster"), 0.0)
    pool = mp.get_context("spawn").Pool(a.decoders) if a.decoders else None
    stream = ahead(pool, paths, 2 * a.decoders) if pool else map(read, paths)
    vectors, count = [], 0
    while True:
        t = time.perf_counter()
        try:
            rgb = next(stream)
        except StopIteration:
            break
        stages["decode"] += time.perf_counter() - t
        if rgb is None:
            continue
        count += 1
        t = time.perf_counter()
        _, _, points = detect(rgb)
        stages["detect"] += time.perf_counter() - t
        t = time.perf_counter()
        vectors += [v for p in points if (v := embed(rgb, p)) is not None]
        stages["embed"] += time.perf_counter() - t
    t = time.perf_counter()
    groups = 0
    if vectors:
        from sklearn.cluster import DBSCAN
        labels = DBSCAN(eps=0.7, min_samples=3).fit(np.stack(vectors)).labels_
        groups = len(set(labels) - {-1})
    stages["cluster"] = time.perf_counter() - t
    seconds = time.perf_counter() - began
    if pool:
        pool.close(), pool.join()
    print(json.dumps({"photos": count, "faces": len(vectors), "groups": groups, "seconds": round(seconds, 3),
                      "photos_per_s": round(count / seconds, 3), "stages": {k: round(v, 3) for k, v in stages.items()},
                      "memory_mb": round(peak_mb(resource.RUSAGE_SELF) + a.decoders * peak_mb(resource.RUSAGE_CHILDREN), 1)}))


if __name__ == "__main__":
    main()
