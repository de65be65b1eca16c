"""Everything that `train_gpu.py` needs in one small folder, to carry it to a machine with a GPU, and back into arrays there.

One command:  python small_input.py --faces WORK/faces.npz --input INPUT --out DIR [--quality 86]

DIR then holds this folder's scripts, the teacher, the backgrounds (re-encoded without their notes, numbered in the same order, so
that the same ones stay kept out) and `portraits.npz`: re-encoded portraits with their landmarks, boxes and numbers of people. Of somebody
with very many portraits only the first `MOST` are taken, which is more than either training uses of one person. `read`
makes of it what faces.npz holds."""
import argparse
import glob
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from faces import aligned

MOST = 16
KEPT = ("person", "held_out", "box", "points")


def encode(picture, quality):
    return cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].ravel()


def read(folder, threads=8):
    """The arrays of faces.npz, less `other`, from a folder made by this script."""
    data = np.load(os.path.join(folder, "portraits.npz"))
    pieces = np.split(data["encoded"], np.cumsum(data["length"])[:-1])
    with ThreadPoolExecutor(threads) as pool:
        picture = list(pool.map(lambda p: cv2.imdecode(p, cv2.IMREAD_GRAYSCALE), pieces))
        canvas, corner = zip(*pool.map(aligned, picture, data["points"]))
    return {"picture": np.stack(picture), "canvas": np.stack(canvas), "corner": np.stack(corner), **{k: data[k] for k in KEPT}}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--faces", required=True)
    a.add_argument("--input", required=True, help="folder with backgrounds/ and mobilefacenet.onnx")
    a.add_argument("--out", required=True)
    a.add_argument("--quality", type=int, default=86)
    a = a.parse_args()
    os.makedirs(os.path.join(a.out, "backgrounds"), exist_ok=True)
    here = os.path.dirname(os.path.abspath(__file__))
    for file in (*glob.glob(os.path.join(here, "*.py")), os.path.join(a.input, "mobilefacenet.onnx")):
        shutil.copy(file, a.out)
    photos = os.path.join(a.input, "backgrounds")
    for i, file in enumerate(sorted(f for f in os.listdir(photos) if f.lower().endswith((".jpg", ".jpeg", ".png")))):
        cv2.imwrite(os.path.join(a.out, "backgrounds", f"{i:03d}.jpg"), cv2.imread(os.path.join(photos, file)), [cv2.IMWRITE_JPEG_QUALITY, 90])
    faces = np.load(a.faces)
    person, picture = faces["person"], faces["picture"]
    rows = np.sort(np.concatenate([np.flatnonzero(person == p)[:MOST] for p in np.unique(person)]))
    encoded = [encode(picture[r], a.quality) for r in rows]
    np.savez(os.path.join(a.out, "portraits.npz"), encoded=np.concatenate(encoded), length=np.array([len(e) for e in encoded]),
             **{k: faces[k][rows] for k in KEPT})
    sizes = {f: os.path.getsize(f) for f in glob.glob(os.path.join(a.out, "**"), recursive=True) if os.path.isfile(f)}
    print(f"{len(rows)} portraits, {sum(map(len, encoded)) / 1e6:.1f} MB; {len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB in all")


if __name__ == "__main__":
    main()
