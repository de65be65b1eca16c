"""Portraits: find the face in each with the teacher detector, align it, and keep the result in one file.

One command:  python faces.py --photos DIR --yunet YUNET.onnx --out WORK/faces.npz

`DIR` holds `Given_Family_0001.jpg` pictures, one face near the centre of each. `faces.npz` then holds, for N portraits:
  picture  u8  [N, 250, 250]  the grey portrait itself
  canvas   u8  [N, 160, 160]  grey, aligned: the ArcFace 112 template with a margin of 24 px on every side; beyond the
                              portrait's edge its mirror image
  corner   f32 [N, 4, 2]      where the portrait's own corners lie in the canvas, pixels
  person   i32 [N]            number of the person (no names are kept)
  held_out bool [N]           true for the tenth of the people kept out of training, chosen by a hash of the name
  box      f32 [N, 4]         x0 y0 x1 y1 of the main face in `picture`, pixels
  points   f32 [N, 5, 2]      its landmarks in `picture`, pixels
  other    f32 [M, 6]         further faces: portrait number, score, x0 y0 x1 y1
"""
import argparse
import hashlib
import os

import cv2
import numpy as np

from detect import Detector

MARGIN = 24
CANVAS = 112 + 2 * MARGIN
PICTURE = 250
# ArcFace's landmark template in a 112 x 112 crop: left eye, right eye, nose, left and right corner of the mouth.
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
                    np.float32)


def similarity(points, target=TEMPLATE):
    """Umeyama's least-squares similarity [2, 3] that takes `points` [5, 2] to `target` [5, 2]."""
    p, q = np.asarray(points, np.float64), np.asarray(target, np.float64)
    pc, qc = p - p.mean(0), q - q.mean(0)
    # In the plane the best rotation and scale are one complex number: a = sum(conj(p) q) / sum |p|^2.
    a = (pc * qc).sum() / (pc ** 2).sum()
    b = (pc[:, 0] * qc[:, 1] - pc[:, 1] * qc[:, 0]).sum() / (pc ** 2).sum()
    turn = np.array([[a, -b], [b, a]])
    return np.hstack([turn, (q.mean(0) - turn @ p.mean(0))[:, None]]).astype(np.float32)


def crop(picture, points, margin=0, border=cv2.BORDER_CONSTANT):
    """Aligned crop [112 + 2 margin, same(, 3)] of `picture` around the landmarks `points` [5, 2]."""
    m = similarity(points)
    m[:, 2] += margin
    side = 112 + 2 * margin
    # Area-like sampling: shrink first when the face is much larger than the template, as any careful reader would.
    scale = float(np.hypot(m[0, 0], m[1, 0]))
    if scale < 0.5:
        f = 1 / (2 * scale)
        small = cv2.resize(picture, None, fx=1 / f, fy=1 / f, interpolation=cv2.INTER_AREA)
        sx, sy = small.shape[1] / picture.shape[1], small.shape[0] / picture.shape[0]
        m = similarity(np.asarray(points) * [sx, sy])
        m[:, 2] += margin
        picture = small
    return cv2.warpAffine(picture, m, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)


def held_out(name):
    """True for a fixed tenth of the people."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 10 == 0


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--photos", required=True)
    a.add_argument("--yunet", required=True)
    a.add_argument("--out", required=True)
    a = a.parse_args()
    cv2.setNumThreads(1)
    find = Detector(a.yunet, "yunet", threshold=0.3)
    names, rows, other = {}, [], []
    for file in sorted(os.listdir(a.photos)):
        stem = os.path.splitext(file)[0]
        if not stem[-4:].isdigit():
            continue
        grey = cv2.imread(os.path.join(a.photos, file), cv2.IMREAD_GRAYSCALE)
        grey = cv2.resize(grey, (PICTURE, PICTURE), interpolation=cv2.INTER_AREA) if grey.shape != (PICTURE, PICTURE) else grey
        bgr = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        found = find(bgr)
        centre = np.array([PICTURE, PICTURE]) / 2
        near = [i for i, b in enumerate(found.box) if np.abs((b[:2] + b[2:]) / 2 - centre).max() < 60 and found.score[i] > 0.6]
        if not near:
            continue
        main = max(near, key=lambda i: np.prod(found.box[i][2:] - found.box[i][:2]))
        person = names.setdefault(stem[:-5], len(names))
        other += [[len(rows), s, *b] for i, (s, b) in enumerate(zip(found.score, found.box)) if i != main]
        points = found.points[main]
        m = similarity(points)
        m[:, 2] += MARGIN
        corner = np.array([[0, 0], [PICTURE, 0], [PICTURE, PICTURE], [0, PICTURE]]) @ m[:, :2].T + m[:, 2]
        canvas = crop(grey, points, MARGIN, cv2.BORDER_REFLECT_101)
        rows.append((grey, canvas, corner, person, held_out(stem[:-5]), found.box[main], points))
    picture, canvas, corner, person, out, box, points = (np.array(c) for c in zip(*rows))
    np.savez(a.out, picture=picture, canvas=canvas, corner=corner.astype(np.float32), person=person.astype(np.int32), held_out=out,
             box=box.astype(np.float32), points=points.astype(np.float32), other=np.array(other, np.float32).reshape(-1, 6))
    print(f"{len(rows)} portraits, {len(names)} people; held out {out.sum()} portraits, {len(set(person[out]))} people")


if __name__ == "__main__":
    main()
