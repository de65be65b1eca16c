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
  points   f32 [N, 5, 2]      its landmarks in `picture`, pixels; both averaged over many runs of the detector
  other    f32 [M, 6]         further faces: portrait number, score, x0 y0 x1 y1
"""
import argparse
import hashlib
import multiprocessing
import os

import cv2
import numpy as np

from detect import Detector, iou

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


def aligned(grey, points):
    """A portrait's canvas and where its own corners lie there."""
    m = similarity(points)
    m[:, 2] += MARGIN
    corner = np.array([[0, 0], [PICTURE, 0], [PICTURE, PICTURE], [0, PICTURE]]) @ m[:, :2].T + m[:, 2]
    return crop(grey, points, MARGIN, cv2.BORDER_REFLECT_101), corner.astype(np.float32)


def held_out(name):
    """True for a fixed tenth of the people."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 10 == 0


# The teacher's answers wander by 6 to 10 % of the eye distance with the face's size and under a mirror, so labels are
# averaged over these sizes of the portrait, each as it is and mirrored, at several places of the ground.
SCALES = (0.3, 0.38, 0.5, 0.64, 0.8, 1.0, 1.25)
finder = None


def middle(values):
    """Mean of the middle half of `values` [runs, ...] along the runs: a few runs far off don't count."""
    values = np.sort(values, 0)
    cut = len(values) // 4
    return values[cut : len(values) - cut].mean(0)


def average(find, grey, box, points):
    """Box [4] and landmarks [5, 2] of the face at `box`, averaged over sizes and mirrors; and the mean distance of a
    single run's landmarks from that, as a share of the eye distance."""
    boxes, marks = [box], [points]
    for k, scale in enumerate(SCALES):
        n = int(PICTURE * scale)
        small = cv2.resize(grey, (n, n), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        for flip in (False, True):
            y, x = 16 + (5 * k + 3 * flip) % 8, 16 + (3 * k + 5 * flip) % 8
            side = -(-(n + 40) // 32) * 32
            ground = np.full((side, side, 3), 110, np.uint8)
            ground[y : y + n, x : x + n] = (small[:, ::-1] if flip else small)[..., None]
            found = find(ground)
            # Pixel centres: (p + 0.5) / n of the small picture is (q + 0.5) / PICTURE of the portrait.
            b = (found.box - [x, y, x, y]) * (PICTURE / n)
            p = (found.points - [x - 0.5, y - 0.5]) * (PICTURE / n) - 0.5
            if flip:
                b = np.stack([PICTURE - b[:, 2], b[:, 1], PICTURE - b[:, 0], b[:, 3]], 1)
                p = p[:, [1, 0, 2, 4, 3]] * [-1, 1] + [PICTURE - 1, 0]
            over = iou(b, box[None])[:, 0] if len(b) else np.zeros(0)
            if len(b) and over.max() > 0.4:
                boxes.append(b[over.argmax()]), marks.append(p[over.argmax()])
    mean = middle(np.array(marks))
    off = np.linalg.norm(np.array(marks) - mean, axis=2).mean() / np.linalg.norm(mean[0] - mean[1])
    return middle(np.array(boxes)), mean, off


def start(yunet):
    """Give a worker process its own detector."""
    global finder
    cv2.setNumThreads(1)
    finder = Detector(yunet, "yunet", threshold=0.3)


def portrait(path):
    """One portrait's (grey, box, points, spread, further faces [k, 5]), or None where no face is near its middle."""
    grey = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    grey = cv2.resize(grey, (PICTURE, PICTURE), interpolation=cv2.INTER_AREA) if grey.shape != (PICTURE, PICTURE) else grey
    found = finder(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    near = [i for i, b in enumerate(found.box) if np.abs((b[:2] + b[2:]) / 2 - PICTURE / 2).max() < 60 and found.score[i] > 0.6]
    if not near:
        return None
    main = max(near, key=lambda i: np.prod(found.box[i][2:] - found.box[i][:2]))
    other = [[s, *b] for i, (s, b) in enumerate(zip(found.score, found.box)) if i != main]
    return grey, *average(finder, grey, found.box[main], found.points[main]), other


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--photos", required=True)
    a.add_argument("--yunet", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--jobs", type=int, default=2, help="processes that look for faces")
    a = a.parse_args()
    files = [f for f in sorted(os.listdir(a.photos)) if os.path.splitext(f)[0][-4:].isdigit()]
    names, rows, other, spread = {}, [], [], []
    with multiprocessing.Pool(a.jobs, start, (a.yunet,)) as pool:
        for file, found in zip(files, pool.imap(portrait, (os.path.join(a.photos, f) for f in files), 32)):
            if found is None:
                continue
            grey, box, points, off, further = found
            name = os.path.splitext(file)[0][:-5]
            person = names.setdefault(name, len(names))
            other += [[len(rows), *f] for f in further]
            spread.append(off)
            rows.append((grey, *aligned(grey, points), person, held_out(name), box, points))
    picture, canvas, corner, person, out, box, points = (np.array(c) for c in zip(*rows))
    np.savez(a.out, picture=picture, canvas=canvas, corner=corner, person=person.astype(np.int32), held_out=out,
             box=box.astype(np.float32), points=points.astype(np.float32), other=np.array(other, np.float32).reshape(-1, 6))
    print(f"{len(rows)} portraits, {len(names)} people; held out {out.sum()} portraits, {len(set(person[out]))} people; "
          f"a single run's landmarks lie {np.mean(spread):.4f} of the eye distance from the average")


if __name__ == "__main__":
    main()
