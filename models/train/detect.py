"""Run a detector graph in ONNX Runtime on pictures: YuNet's head (ours, YuNet) or SCRFD's (only ever to measure)."""
from dataclasses import dataclass

import cv2
import numpy as np
import onnxruntime as ort


@dataclass
class Faces:
    """Faces of one picture, best score first; pixels of that picture."""
    score: np.ndarray   # [n]
    box: np.ndarray     # [n, 4] x0 y0 x1 y1
    points: np.ndarray  # [n, 5, 2]


def session(path, threads=1):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def iou(a, b):
    """Intersection over union of boxes a [n, 4] and b [m, 4], as [n, m]."""
    lt = np.maximum(a[:, None, :2], b[None, :, :2])
    rb = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.clip(rb - lt, 0, None).prod(2)
    area = lambda x: (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])
    return inter / np.maximum(area(a)[:, None] + area(b)[None] - inter, 1e-9)


def nms(score, box, points, limit):
    """Greedy suppression: keep the best, drop what overlaps it by more than `limit`."""
    order = np.argsort(-score)
    score, box, points = score[order], box[order], points[order]
    overlap, keep, gone = iou(box, box), [], np.zeros(len(score), bool)
    for i in range(len(score)):
        if not gone[i]:
            keep.append(i)
            gone |= overlap[i] > limit
    return Faces(score[keep], box[keep], points[keep])


def cells(h, w, stride):
    """Column and row of every cell, [h/s * w/s, 2]."""
    y, x = np.mgrid[: h // stride, : w // stride]
    return np.stack([x.ravel(), y.ravel()], 1).astype(np.float32)


def decode_yunet(out, h, w):
    """Outputs by name -> score [n], box [n, 4], points [n, 5, 2]; every cell, no threshold."""
    scores, boxes, points = [], [], []
    for s in (8, 16, 32):
        at = cells(h, w, s)
        cls, obj, bbox, kps = (out[f"{k}_{s}"][0] for k in ("cls", "obj", "bbox", "kps"))
        scores.append(np.sqrt(np.clip(cls[:, 0] * obj[:, 0], 0, 1)))
        centre, size = (at + bbox[:, :2]) * s, np.exp(np.clip(bbox[:, 2:], -8, 8)) * s
        boxes.append(np.concatenate([centre - size / 2, centre + size / 2], 1))
        points.append((at[:, None] + kps.reshape(-1, 5, 2)) * s)
    return np.concatenate(scores), np.concatenate(boxes), np.concatenate(points)


def decode_scrfd(out, h, w):
    """Outputs in order (score x 3, box x 3, points x 3) -> the same as decode_yunet."""
    scores, boxes, points = [], [], []
    for k, s in enumerate((8, 16, 32)):
        at = np.repeat(cells(h, w, s), 2, 0) * s
        sc, b, p = (np.reshape(out[k + 3 * j], (len(at), -1)) for j in range(3))
        scores.append(sc[:, 0])
        boxes.append(np.concatenate([at - b[:, :2] * s, at + b[:, 2:] * s], 1))
        points.append(at[:, None] + p.reshape(-1, 5, 2) * s)
    return np.concatenate(scores), np.concatenate(boxes), np.concatenate(points)


class Detector:
    """`Detector(path, head)(picture)` finds faces in a BGR u8 picture [H, W, 3].

    With `side`, the picture is first shrunk (never enlarged) so that its longer side is at most `side` pixels."""

    def __init__(self, path, head, threshold=0.6, nms_iou=0.4, side=None):
        self.session, self.head, self.threshold, self.nms_iou, self.side = session(path), head, threshold, nms_iou, side
        self.input = self.session.get_inputs()[0].name
        self.names = [o.name for o in self.session.get_outputs()]

    def raw(self, picture):
        """Every cell's answer on a picture padded with black to multiples of 32."""
        h, w = -(-picture.shape[0] // 32) * 32, -(-picture.shape[1] // 32) * 32
        x = np.zeros((h, w, 3), np.float32)
        x[: picture.shape[0], : picture.shape[1]] = picture
        if self.head == "scrfd":
            x = (x[:, :, ::-1] - 127.5) / 128
        out = self.session.run(None, {self.input: np.ascontiguousarray(x.transpose(2, 0, 1)[None])})
        return decode_scrfd(out, h, w) if self.head == "scrfd" else decode_yunet(dict(zip(self.names, out)), h, w)

    def __call__(self, picture):
        scale = 1.0
        if self.side and max(picture.shape[:2]) > self.side:
            scale = self.side / max(picture.shape[:2])
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        score, box, points = self.raw(picture)
        keep = score >= self.threshold
        return nms(score[keep], box[keep] / scale, points[keep] / scale, self.nms_iou)
