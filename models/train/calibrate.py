"""Set a pack's thresholds on people and backgrounds kept out of training, and write its pack.toml.

One command:  python calibrate.py --pack PACK --faces WORK/faces.npz --check WORK/scenes_check --backgrounds DIR"""
import argparse
import glob
import hashlib
import os

import numpy as np

from cluster import bcubed, sum_link
from detect import Detector
from evaluate import Embedder, curve, held_out_crops, recall_at, tpr_at
from scenes import backgrounds

TOML = """name = "starter"
version = "6"
licence = "MIT OR Apache-2.0"
source = "trained by the VowImager project, see MODEL_CARD.md"

[detector]
file = "detector.onnx"
sha256 = "{detector_sha}"
head = "yunet"
channels = "bgr"
mean = 0.0
std = 1.0
threshold = {threshold:.2f}
nms_iou = 0.4

[embedder]
file = "embedder.onnx"
sha256 = "{embedder_sha}"
channels = "rgb"
mean = 127.5
std = 127.5
size = 112
dimension = 128
{mirror}
[distances]
same = {same:.2f}
group = {group:.2f}
people = {people}
neighbour = {neighbour:.2f}

[quality]
min_face = 24
min_score = {min_score:.2f}
full_norm = {full_norm:.3g}
"""


def grouping(vectors, person):
    """Best (group, neighbour) by BCubed F; among neighbours within 0.001 of the best, the highest: it costs the least."""
    table = {}
    for neighbour in (0.24, 0.28, 0.32):
        for group in np.arange(0.40, 0.62, 0.02):
            table[round(float(group), 2), neighbour] = bcubed(sum_link(vectors, group, neighbour), person)
    best = max(v[2] for v in table.values())
    (group, neighbour), value = max(((k, v) for k, v in table.items() if v[2] > best - 0.001), key=lambda kv: kv[0][1])
    return group, neighbour, value


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--pack", required=True)
    a.add_argument("--faces", required=True)
    a.add_argument("--check", required=True)
    a.add_argument("--backgrounds", required=True)
    a.add_argument("--mirror", action="store_true", help="the pack averages each crop's embedding with its mirror image's")
    a.add_argument("--precision", type=float, default=0.9, help="share of right finds on the composed scenes, which hold many more things like faces than photos do")
    a = a.parse_args()
    paths = {k: os.path.join(a.pack, k + ".onnx") for k in ("detector", "embedder")}
    scenes = dict(np.load(sorted(glob.glob(os.path.join(a.check, "640_*.npz")))[0]))
    find = Detector(paths["detector"], "yunet", threshold=0.05)
    score, right, total, _ = curve(find, scenes, 24)
    recall, threshold = recall_at(score, right, total, a.precision)
    loudest = sorted((float(f.score[0]) for f in map(Detector(paths["detector"], "yunet", 0.05, side=640), backgrounds(a.backgrounds, True)) if len(f.score)), reverse=True)
    print(f"detector: precision {a.precision} at score {threshold:.3f}, recall {recall:.3f}; loudest on kept-out backgrounds {np.round(loudest[:5], 2)}")
    threshold = round(min(max(threshold, 0.3), 0.9), 2)
    crops, person = held_out_crops(a.faces)
    vectors = Embedder(paths["embedder"], a.mirror)(crops)
    tpr, same = tpr_at(vectors, person, 1e-3)
    full_norm = float(np.quantile(Embedder(paths["embedder"]).lengths(crops), 0.25))
    print(f"embedder: TPR {tpr:.4f} at FPR 1e-3, cosine {same:.4f}")
    group, neighbour, (p, r, f) = grouping(vectors, person)
    print(f"grouping: {group} and {neighbour}: BCubed precision {p:.3f}, recall {r:.3f}, F {f:.3f}")
    sha = {k + "_sha": hashlib.sha256(open(v, "rb").read()).hexdigest() for k, v in paths.items()}
    with open(os.path.join(a.pack, "pack.toml"), "w") as out:
        out.write(TOML.format(threshold=threshold, min_score=threshold, full_norm=full_norm, same=same, mirror="mirror = true\nrefine = true\nleft = 0.0\nup = 0.0\n" if a.mirror else "left = 0.0\nup = 0.0\n", group=group, people=len(set(person)), neighbour=neighbour, **sha))


if __name__ == "__main__":
    main()
