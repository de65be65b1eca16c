"""Measures, and a command that prints a pack's figures.

One command:  python evaluate.py --pack PACK --faces WORK/faces.npz --check WORK/scenes_check --backgrounds DIR
                  --real DIR --colour DIR --teacher MOBILEFACENET.onnx --yunet YUNET.onnx --measure SCRFD.onnx

`--measure` names a detector with SCRFD's head that only serves as a yardstick; `--real` a folder of real group photos,
`--colour` one with colour photos and their pairs.csv (file, file, Yes or No). All of it is optional but the first."""
import argparse
import csv
import glob
import os
import time
import tomllib

import cv2
import numpy as np

from detect import Detector, iou, session
from faces import crop


def held_out_crops(path, most=10):
    """Aligned crops RGB u8 [n, 112, 112, 3] and person numbers [n] of the people kept out of training; of a person with
    very many photos only the first `most`, so that nobody decides the figure alone."""
    faces = np.load(path)
    picture, points, person = faces["picture"], faces["points"], faces["person"]
    rows = []
    for p in np.unique(person[faces["held_out"]]):
        rows += list(np.flatnonzero(person == p)[:most])
    out = np.stack([crop(picture[i], points[i]) for i in rows])
    return np.repeat(out[..., None], 3, 3), person[rows]


def pairs(vectors, person):
    """Cosines of all pairs of the same person, and of all pairs of two."""
    cosine = vectors @ vectors.T
    i, j = np.triu_indices(len(person), 1)
    same = person[i] == person[j]
    return cosine[i, j][same], cosine[i, j][~same]


def tpr_at(vectors, person, fpr):
    """Share of same-person pairs above the cosine that lets `fpr` of the others pass, and that cosine."""
    same, other = pairs(vectors, person)
    threshold = float(np.quantile(other, 1 - fpr))
    return float((same > threshold).mean()), threshold


def match(found, rows, least=0, overlap=0.4):
    """Compare Faces with a scene's rows [k, 15]: for each find 1 right, 0 wrong, -1 not judged; for each true face of at
    least `least` pixels the number of its find or -1; both as lists. Faces to look away from, and smaller ones, don't
    count either way."""
    rows = rows[rows[:, 14] >= 0]
    size = np.minimum(rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1])
    counts = (rows[:, 14] == 1) & (size >= least)
    verdict, taken = np.zeros(len(found.score), int), np.full(len(rows), -1)
    over = iou(found.box, rows[:, :4]) if len(rows) and len(found.score) else np.zeros((len(found.score), len(rows)))
    for i in range(len(found.score)):
        free = np.where(taken < 0, over[i], 0)
        j = int(free.argmax()) if len(free) else -1
        if j >= 0 and free[j] >= overlap:
            taken[j] = i
            verdict[i] = 1 if counts[j] else -1
        elif len(rows) and over[i].max() >= 0.2 and not counts[over[i].argmax()]:
            verdict[i] = -1
    return verdict, [(int(t), rows[j]) for j, t in enumerate(taken) if counts[j]]


def curve(find, scenes, least):
    """`find(picture) -> Faces` (at a low threshold) over scenes {picture, face}.

    Returns score [m] and right/wrong [m] of all judged finds, best first, the number of true faces, and the landmark
    errors (mean distance over eye distance) of right finds with score over 0.5."""
    score, right, total, error = [], [], 0, []
    for picture, rows in zip(scenes["picture"], scenes["face"]):
        found = find(picture)
        verdict, truth = match(found, rows, least)
        score += list(found.score[verdict >= 0])
        right += list(verdict[verdict >= 0])
        total += len(truth)
        for i, row in truth:
            if i >= 0 and found.score[i] > 0.5:
                p, q = found.points[i], row[4:14].reshape(5, 2)
                error.append(np.linalg.norm(p - q, axis=1).mean() / np.linalg.norm(q[0] - q[1]))
    order = np.argsort(-np.array(score))
    return np.array(score)[order], np.array(right)[order], total, np.array(error)


def recall_at(score, right, total, precision):
    """Highest recall with at least this precision, and the score threshold that gives it."""
    hits = np.cumsum(right)
    good = np.flatnonzero(hits / np.arange(1, len(hits) + 1) >= precision)
    return (0.0, 1.0) if len(good) == 0 else (float(hits[good[-1]] / total), float(score[good[-1]]))


def torch_finder(net, device="cpu", threshold=0.05, nms_iou=0.4):
    """A `find` for `curve` out of a PyTorch detector."""
    import torch
    from detect import decode_yunet, nms

    @torch.no_grad()
    def find(picture):
        net.eval()
        h, w = picture.shape[:2]
        maps = net(torch.from_numpy(picture).to(device).permute(2, 0, 1)[None].float())
        out = {}
        for s, m in zip((8, 16, 32), maps):
            flat = m[0].flatten(1).T.float().cpu()
            out.update({f"cls_{s}": flat[None, :, 0:1].sigmoid().numpy(), f"obj_{s}": flat[None, :, 1:2].sigmoid().numpy(),
                        f"bbox_{s}": flat[None, :, 2:6].numpy(), f"kps_{s}": flat[None, :, 6:16].numpy()})
        score, box, points = decode_yunet(out, h, w)
        keep = score >= threshold
        return nms(score[keep], box[keep], points[keep], nms_iou)

    return find


def detector_check(net, folder, device="cpu", most=60, least=24):
    """Short figures during the training, on scenes of people and backgrounds kept out."""
    scenes = dict(np.load(sorted(glob.glob(os.path.join(folder, "640_*.npz")))[0]))
    scenes = {k: v[:most] for k, v in scenes.items()}
    score, right, total, error = curve(torch_finder(net, device), scenes, least)
    out = {f"recall@{p}": round(recall_at(score, right, total, p)[0], 4) for p in (0.98, 0.95)}
    out["threshold"] = round(recall_at(score, right, total, 0.98)[1], 3)
    out["landmark_error"] = round(float(error.mean()), 4) if len(error) else None
    return out


class Embedder:
    """An embedder graph in ONNX Runtime: RGB u8 [n, 112, 112, 3] -> unit vectors [n, 128]. With `mirror`, the mean of
    the unit vectors of each crop and of its mirror image."""

    def __init__(self, path, mirror=False):
        self.session, self.mirror = session(path), mirror
        self.input = self.session.get_inputs()[0].name

    def __call__(self, crops):
        if not self.mirror:
            return self.single(crops)
        out = self.single(crops) + self.single(crops[:, :, ::-1])
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def single(self, crops):
        out = self.raw(crops)
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def lengths(self, crops):
        """How long each crop's output is, before it is made a unit vector."""
        return np.linalg.norm(self.raw(crops), axis=1)

    def raw(self, crops):
        out = []
        for i in range(0, len(crops), 16):
            x = (crops[i : i + 16].astype(np.float32).transpose(0, 3, 1, 2) - 127.5) / 127.5
            out.append(self.session.run(None, {self.input: np.ascontiguousarray(x)})[0])
        return np.concatenate(out)


def milliseconds(call, repeat=30):
    """Median and least time of a call, of this thread's processor time where the machine is shared."""
    call()
    times = []
    for _ in range(repeat):
        t = time.process_time()
        call()
        times.append(1e3 * (time.process_time() - t))
    return f"{np.median(times):.2f} (least {min(times):.2f})"


def verification(name, vectors, person):
    rates = ", ".join(f"{tpr_at(vectors, person, f)[0]:.4f} at {f:g}" for f in (1e-2, 1e-3, 1e-4))
    print(f"{name}: TPR {rates}; cosine at 1e-3 {tpr_at(vectors, person, 1e-3)[1]:.3f}")


def main_face(find, picture):
    """Landmarks of the largest face, or None."""
    found = find(picture)
    if not len(found.score):
        return None
    size = (found.box[:, 2:] - found.box[:, :2]).prod(1)
    return found.points[int(size.argmax())]


def colour_pairs(name, folder, find, embed, same):
    """Same person or not, on colour photos: accuracy at the pack's cosine and at the best one, and the area under ROC."""
    vectors, lost = {}, 0
    with open(os.path.join(folder, "pairs.csv")) as f:
        rows = [(r["file_x"], r["file_y"], r["Decision"].strip() == "Yes") for r in csv.DictReader(f)]
    for file in sorted({f for r in rows for f in r[:2]}):
        picture = cv2.imread(os.path.join(folder, file))
        points = main_face(find, picture)
        if points is None:
            lost += 1
            continue
        vectors[file] = embed(crop(picture, points)[None, :, :, ::-1])[0]
    rows = [r for r in rows if r[0] in vectors and r[1] in vectors]
    cosine = np.array([vectors[x] @ vectors[y] for x, y, _ in rows])
    truth = np.array([t for *_, t in rows])
    best = max(((cosine >= c) == truth).mean() for c in cosine)
    area = (cosine[truth][:, None] > cosine[~truth][None]).mean()
    tpr = {f: float((cosine[truth] > np.quantile(cosine[~truth], 1 - f)).mean()) for f in (1e-2,)}
    print(f"{name}: {len(rows)} pairs ({truth.sum()} same), {lost} photos without a find; accuracy {((cosine >= same) == truth).mean():.4f} at "
          f"cosine {same}, {best:.4f} at the best; area under ROC {area:.4f}; TPR {tpr[1e-2]:.4f} at FPR 1e-2")


def composed(name, find, threshold, scenes, least, precision=None):
    """Recall of a detector on composed scenes, at its own threshold or at a given precision. Returns precision, recall."""
    score, right, total, error = curve(find, scenes, least)
    at = threshold if precision is None else recall_at(score, right, total, precision)[1]
    use = score >= at
    if not right[use].any():
        print(f"{name}: finds none of {total} at score {at:.3f}")
        return 0.0, 0.0
    p, r = float(right[use].mean()), float(right[use].sum() / total)
    print(f"{name}: precision {p:.4f}, recall {r:.4f} of {total} at score {at:.3f}; landmark error {error.mean():.4f} of the eye distance (95 % under {np.quantile(error, 0.95):.4f})")
    return p, r


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--pack", required=True)
    for k in ("faces", "check", "backgrounds", "real", "colour", "teacher", "yunet", "measure"):
        a.add_argument("--" + k)
    a.add_argument("--least", type=int, default=24, help="faces smaller than this many pixels aren't judged")
    a = a.parse_args()
    cv2.setNumThreads(1)
    with open(os.path.join(a.pack, "pack.toml"), "rb") as f:
        pack = tomllib.load(f)
    paths = {k: os.path.join(a.pack, pack[k]["file"]) for k in ("detector", "embedder")}
    threshold, same = pack["detector"]["threshold"], pack["distances"]["same"]
    nms_iou = pack["detector"]["nms_iou"]
    mirror = pack["embedder"].get("mirror", False)
    embed, other = Embedder(paths["embedder"], mirror), Embedder(paths["embedder"], not mirror)
    kinds = {True: "crop and mirror image", False: "crop alone"}
    print("sizes:", {k: os.path.getsize(v) for k, v in paths.items()})
    if a.faces:
        crops, person = held_out_crops(a.faces)
        print(f"people kept out: {len(set(person))}, portraits {len(person)}")
        verification(f"embedder, {kinds[mirror]}, as the pack has it", embed(crops), person)
        verification(f"embedder, {kinds[not mirror]}", other(crops), person)
        faces = np.load(a.faces)
        picture, points, who = faces["picture"], faces["points"], faces["person"]
        rows = [i for p in np.unique(who[faces["held_out"]]) for i in np.flatnonzero(who == p)[:10]]
        find, own, missed = Detector(paths["detector"], "yunet", 0.3, nms_iou), [], 0
        for i in rows:
            # The portrait fills its picture; a photo of 640 px would show such a face smaller, so it is put on a ground.
            ground = np.full((320, 320, 3), 110, np.uint8)
            ground[60:260, 60:260] = cv2.resize(picture[i], (200, 200), interpolation=cv2.INTER_AREA)[..., None]
            p = main_face(find, ground)
            missed += p is None
            own.append(points[i] if p is None else (p - 60) * 1.25)
        crops = np.repeat(np.stack([crop(picture[i], p) for i, p in zip(rows, own)])[..., None], 3, 3)
        verification(f"embedder on our detector's landmarks ({missed} not found)", embed(crops), who[rows])
        if a.teacher:
            for both in (False, True):
                verification(f"teacher, {kinds[both]}", Embedder(a.teacher, both)(held_out_crops(a.faces)[0]), person)
    finders = {"detector": (paths["detector"], "yunet", threshold)}
    if a.yunet:
        finders["teacher YuNet"] = (a.yunet, "yunet", 0.6)
    if a.measure:
        finders["SCRFD"] = (a.measure, "scrfd", 0.5)
    if a.check:
        scenes = dict(np.load(sorted(glob.glob(os.path.join(a.check, "640_*.npz")))[0]))
        print(f"composed scenes of people and backgrounds kept out: {len(scenes['picture'])}, faces of {a.least} px and more")
        low = {k: Detector(path, head, 0.05 if head == "yunet" else 0.1, nms_iou) for k, (path, head, _) in finders.items()}
        figures = {k: composed(k, low[k], t, scenes, a.least) for k, (_, _, t) in finders.items()}
        if "SCRFD" in figures:
            p, r = figures["SCRFD"]
            mine = composed("detector at SCRFD's precision", low["detector"], None, scenes, a.least, p)[1]
            print(f"recall against SCRFD's at its precision: {mine / max(r, 1e-9):.4f}")
    if a.backgrounds:
        from scenes import backgrounds
        for k, (path, head, t) in finders.items():
            find = Detector(path, head, t, nms_iou, side=640)
            seen, unseen = (sum(len(find(b).score) for b in backgrounds(a.backgrounds, c)) for c in (False, True))
            print(f"{k}: {unseen} false finds in the backgrounds kept out, {seen} in those trained on")
    if a.real:
        for file in sorted(f for f in os.listdir(a.real) if f.lower().endswith((".jpg", ".png"))):
            picture = cv2.imread(os.path.join(a.real, file))
            found = {k: Detector(path, head, t, nms_iou, side=640)(picture) for k, (path, head, t) in finders.items()}
            line = f"{file}: finds " + ", ".join(f"{k} {len(v.score)}" for k, v in found.items())
            if "SCRFD" in found:
                for k in found:
                    if k != "SCRFD":
                        over = iou(found["SCRFD"].box, found[k].box)
                        hit = int((over.max(1) > 0.35).sum()) if over.size else 0
                        line += f"; {k} has {hit} of SCRFD's"
            print(line)
    if a.colour:
        find = Detector(paths["detector"], "yunet", threshold, nms_iou, side=640)
        colour_pairs("colour pairs, the pack", a.colour, find, embed, same)
        if a.yunet and a.teacher:
            colour_pairs("colour pairs, the teachers", a.colour, Detector(a.yunet, "yunet", 0.6, nms_iou, side=640), Embedder(a.teacher, mirror), 0.30)
    s = session(paths["detector"])
    x = np.random.default_rng(0).random((1, 3, 480, 640), np.float32) * 255
    print("detector, 640 x 480, one thread, ms:", milliseconds(lambda: s.run(None, {"input": x})))
    if a.yunet:
        y = session(a.yunet)
        print("teacher YuNet, the same, ms:", milliseconds(lambda: y.run(None, {"input": x})))
    e, z = embed.session, np.zeros((1, 3, 112, 112), np.float32)
    print("embedder, one crop, one thread, ms:", milliseconds(lambda: e.run(None, {"input": z})))


if __name__ == "__main__":
    main()
