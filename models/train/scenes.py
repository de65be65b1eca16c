"""Compose scenes with known faces: the detector's training data.

One command:  python scenes.py --faces WORK/faces.npz --backgrounds DIR --out WORK/scenes --shards 24 --size 384

Portraits are cut out (oval, or as they are), tinted, turned, scaled, given hair and a body, and put over colour
photos without faces, over patterns and over noise: single faces, groups, crowds, close-ups, and scenes without any.
Things that are no face are put there too: heads without features, shuffled portraits, single ears, eyes and mouths,
raised hands, writing, rows of like things (clutter.py). Light may be hard: half of a face in shade, shadows with edges across the scene, sun from above.
A shard is one .npz, decided by its seed; one that is there already is not made again. For n scenes:
  picture u8  [n, size, size, 3]  BGR
  face    f32 [n, 48, 15]         x0 y0 x1 y1, five points x y, and a mark: 1 face, 0 look away, -1 no such row
With `--check`, the people and backgrounds kept out of training are used, for model selection.
"""
import argparse
import os
import time

import cv2
import numpy as np

import clutter

MOST = 48


def shrunk(side, small):
    """[3, 3]: where the pixels of a picture shrunk from `side` to `small` lie in it. Pixel centres count: (p + 0.5) / side
    stays the same."""
    f = side / small
    return np.array([[f, 0, 0.5 * f - 0.5], [0, f, 0.5 * f - 0.5], [0, 0, 1]])


def backgrounds(folder, check):
    """Photos without faces, BGR; every fifth is kept for checking."""
    files = sorted(f for f in os.listdir(folder) if f.lower().endswith((".jpg", ".jpeg", ".png")))
    return [cv2.imread(os.path.join(folder, f)) for i, f in enumerate(files) if (i % 5 == 0) == check]


class Composer:
    def __init__(self, faces, photos, size, seed, check=False):
        use = faces["held_out"] == check
        self.picture, self.box, self.points, self.person = (faces[k][use] for k in ("picture", "box", "points", "person"))
        self.photos, self.size, self.rng = photos, size, np.random.default_rng(seed)
        _, which, count = np.unique(self.person, return_inverse=True, return_counts=True)
        w = np.minimum(count, 6)[which] / count[which]
        self.upto = np.cumsum(w / w.sum())

    # -- what faces are put upon ------------------------------------------------------------------------------------
    def photo_patch(self, h, w):
        rng = self.rng
        p = self.photos[rng.integers(len(self.photos))]
        scale = np.exp(rng.uniform(np.log(0.35), np.log(2.5)))
        ch, cw = (int(np.clip(v / scale, 24, lim)) for v, lim in ((h, p.shape[0]), (w, p.shape[1])))
        y, x = rng.integers(p.shape[0] - ch + 1), rng.integers(p.shape[1] - cw + 1)
        p = cv2.resize(p[y : y + ch, x : x + cw], (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            p = p[:, ::-1]
        if rng.random() < 0.15:
            p = p[::-1]
        if rng.random() < 0.15:
            p = p[:, :, rng.permutation(3)]
        if rng.random() < 0.1:
            p = 255 - p
        return np.ascontiguousarray(p)

    def pattern(self, h, w):
        """Noise of some grain, blobs, stripes, shapes and letters."""
        rng = self.rng
        base = rng.integers(0, 256, (rng.integers(2, 12), rng.integers(2, 12), 3)).astype(np.uint8)
        out = cv2.resize(base, (w, h), interpolation=cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST)
        for _ in range(rng.integers(0, 25)):
            colour = tuple(int(c) for c in rng.integers(0, 256, 3))
            x, y, x2, y2 = (int(v) for v in rng.integers(0, max(h, w), 4))
            r, kind = int(rng.integers(2, 60)), rng.integers(5)
            line = int(rng.integers(1, 6)) if rng.random() < 0.5 else -1
            if kind == 0:
                cv2.circle(out, (x, y), r, colour, line)
            elif kind == 1:
                cv2.rectangle(out, (x, y), (x + r, y + x2 // 4), colour, line)
            elif kind == 2:
                cv2.line(out, (x, y), (x2, y2), colour, max(1, abs(line)))
            elif kind == 3:
                cv2.ellipse(out, (x, y), (r, r // 2 + 1), int(rng.integers(180)), 0, 360, colour, line)
            else:
                cv2.putText(out, "".join(chr(c) for c in rng.integers(33, 126, 5)), (x, y), int(rng.integers(4)), r / 30, colour, max(1, abs(line)))
        if rng.random() < 0.5:
            grain = rng.normal(0, rng.uniform(5, 50), (h // int(rng.integers(1, 4)) + 1, w // int(rng.integers(1, 4)) + 1)).astype(np.float32)
            out = np.clip(out + cv2.resize(grain, (w, h))[..., None], 0, 255).astype(np.uint8)
        return out

    def ground(self):
        rng, s = self.rng, self.size
        kind = rng.random()
        if kind < 0.68:
            return self.photo_patch(s, s)
        if kind < 0.82:
            w = rng.uniform(0.3, 0.7)
            return cv2.addWeighted(self.photo_patch(s, s), w, self.photo_patch(s, s), 1 - w, 0)
        return self.pattern(s, s)

    # -- what is put there ------------------------------------------------------------------------------------------
    def tint(self, grey, shape):
        """Grey portrait f32 [h, w] -> BGR f32, skin-like within `shape` (0..1) or cast over all."""
        rng = self.rng
        if rng.random() < 0.2:
            return np.repeat(grey[..., None], 3, 2)
        red, blue = rng.uniform(5, 50), rng.uniform(-45, 2)
        around = rng.normal(0, 22, 2)
        k = np.clip(grey / 160, 0.1, 1.3)
        r = k * (shape * red + (1 - shape) * around[0])
        b = k * (shape * blue + (1 - shape) * around[1])
        return cv2.merge([np.asarray(v, np.float32) for v in (grey + b, grey - 0.5 * r - 0.2 * b, grey + r)])

    def light(self, side, points):
        """Hard light on one face: factors [side, side] for a portrait of that size with these landmarks."""
        rng, kind = self.rng, self.rng.random()
        x, y = np.arange(side, dtype=np.float32)[None], np.arange(side, dtype=np.float32)[:, None]
        if kind < 0.45:  # one side lit, the other in shade
            turn, soft = rng.uniform(0, 2 * np.pi), side * np.exp(rng.uniform(np.log(0.01), np.log(0.2)))
            far = (x - points[2, 0]) * np.cos(turn) + (y - points[2, 1]) * np.sin(turn) + rng.normal(0, 0.12) * side
            dark = rng.uniform(0.2, 0.7)
            return dark + (rng.uniform(0.9, 1.5) - dark) / (1 + np.exp(np.clip(far / soft, -30, 30)))
        if kind < 0.7:  # the sun above: eye sockets and what lies under nose and lip are dark
            eye = np.linalg.norm(points[0] - points[1]) + 1e-3
            out = np.full((side, side), rng.uniform(0.9, 1.4), np.float32)
            for p, wide in ((points[0], 0.4), (points[1], 0.4), (points[2] + [0, 0.25 * eye], 0.3), (points[3:].mean(0) + [0, 0.3 * eye], 0.4)):
                out *= 1 - rng.uniform(0.2, 0.75) * np.exp(-(((x - p[0]) / (wide * eye)) ** 2 + ((y - p[1]) / (0.28 * eye)) ** 2))
            return out
        return np.full((side, side), rng.uniform(0.2, 0.75), np.float32)  # dark skin, or against the light

    def pick(self):
        i = min(int(np.searchsorted(self.upto, self.rng.random())), len(self.upto) - 1)
        picture, box, points = self.picture[i], self.box[i], self.points[i]
        if self.rng.random() < 0.5:  # mirror; left and right change their names
            picture, points = picture[:, ::-1], points[[1, 0, 2, 4, 3]] * [-1, 1] + [249, 0]
            box = np.array([250 - box[2], box[1], 250 - box[0], box[3]])
        return np.ascontiguousarray(picture), box, points

    def shapes(self, box, side=250):
        """Soft oval of the face in a portrait of `side` pixels, [side, side], 0..1."""
        rng = self.rng
        x, y = np.arange(side, dtype=np.float32)[None], np.arange(side, dtype=np.float32)[:, None]
        cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        rx, ry = (box[2] - box[0]) / 2 * rng.uniform(0.95, 1.15), (box[3] - box[1]) / 2 * rng.uniform(0.93, 1.1)
        r = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2
        edge = np.minimum(np.minimum(x, side - 1 - x), np.minimum(y, side - 1 - y)) / (side / 25)
        return np.clip((1.08 - r) * rng.uniform(3, 8), 0, 1) * np.clip(edge, 0, 1)

    def body(self, scene, m, box):
        """Hair behind the head and a body beneath it, drawn where the portrait will be put by `m` [2, 3]."""
        rng = self.rng
        cx, cy, w, h = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
        at = lambda p: np.round(np.asarray(p) @ m[:, :2].T + m[:, 2]).astype(np.int32)
        unit = float(np.hypot(m[0, 0], m[1, 0]))
        if rng.random() < 0.75:
            wide, top, low = rng.uniform(0.75, 1.4) * w, rng.uniform(0.75, 1.0) * h, rng.uniform(1.2, 2.5) * h
            lean = rng.normal(0, 0.1) * w
            corner = [[cx - 0.3 * w, cy + 0.4 * h], [cx + 0.3 * w, cy + 0.4 * h], [cx + wide * 0.8, cy + top], [cx + wide + lean, cy + top + low], [cx - wide + lean, cy + top + low], [cx - wide * 0.8, cy + top]]
            self.fill(scene, at(corner))
        if rng.random() < 0.8:
            angle = float(np.rad2deg(np.arctan2(m[1, 0], m[0, 0])))
            centre = at([[cx, cy - rng.uniform(0.0, 0.2) * h]])[0]
            axes = (rng.uniform(0.5, 0.72) * w * unit, rng.uniform(0.45, 0.66) * h * unit)
            mask = cv2.ellipse2Poly(tuple(int(v) for v in centre), tuple(max(1, int(v)) for v in axes), int(angle), 0, 360, 12)
            self.fill(scene, mask, hair=rng.random() < 0.8)  # hair, or a scarf or hood

    def worn(self, scene, m, box, points):
        """A cap or headscarf over the forehead, or dark glasses, over the face put by `m` [2, 3]."""
        rng = self.rng
        at = lambda p: np.round(np.asarray(p) @ m[:, :2].T + m[:, 2]).astype(np.int32)
        x0, y0, x1, y1 = box
        eyes, w = (points[0] + points[1]) / 2, x1 - x0
        if rng.random() < 0.7:
            low = y0 + rng.uniform(0.35, 0.85) * (eyes[1] - y0)
            top, wide = y0 - rng.uniform(0.05, 0.3) * w, rng.uniform(0.0, 0.15) * w
            brim = rng.uniform(0, 0.25) * w if rng.random() < 0.5 else 0
            self.fill(scene, at([[x0 - wide - brim, low], [x0 - wide, low - 0.1 * w], [x0 + 0.15 * w, top], [x1 - 0.15 * w, top],
                                 [x1 + wide, low - 0.1 * w], [x1 + wide + brim, low]]))
        else:
            r = rng.uniform(0.16, 0.26) * w
            for p in points[:2]:
                self.fill(scene, at(p + r * np.array([[-1, -0.5], [1, -0.5], [0.8, 0.6], [-0.8, 0.6]])), hair=True)

    def hand(self, scene):
        """An open hand: a palm, fingers, creases, skin that is lit from one side."""
        rng, s = self.rng, self.size
        side, width = 120, np.exp(rng.uniform(np.log(14), np.log(s * 0.4)))
        mask, line = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
        palm = np.array([60, 80]) + rng.normal(0, 2, 2)
        cv2.ellipse(mask, (int(palm[0]), int(palm[1])), (int(rng.uniform(18, 24)), int(rng.uniform(20, 27))), 0, 0, 360, 1.0, -1)
        cv2.line(mask, (int(palm[0]), int(palm[1])), (int(palm[0] + rng.normal(0, 8)), 125), 1.0, int(rng.uniform(18, 30)))
        spread, bent = rng.uniform(0.4, 1.3), rng.uniform(0.4, 1.0)
        for k in range(5):
            thumb = k == 4
            turn = -np.pi / 2 + (spread * (k - 1.5) / 3 + rng.normal(0, 0.06) if not thumb else 1.1 + rng.normal(0, 0.2))
            way = np.array([np.cos(turn), np.sin(turn)])
            root = palm + (way * 20 if thumb else np.array([(k - 1.5) * 11, -16]))
            tip = root + way * (24 if thumb else (34 - 3 * abs(k - 1.5)) * (bent if rng.random() < 0.8 else 0.3))
            cv2.line(mask, tuple(int(v) for v in root), tuple(int(v) for v in tip), 1.0, int(rng.uniform(8, 11)))
            for part in (0.0, 0.4, 0.7):
                p, across = root + (tip - root) * part, np.array([-way[1], way[0]]) * 4
                cv2.line(line, tuple(int(v) for v in p - across), tuple(int(v) for v in p + across), float(rng.uniform(0.2, 1)), 1)
        for _ in range(int(rng.integers(1, 5))):
            p, q = palm + rng.uniform(-18, 18, 2), palm + rng.uniform(-18, 18, 2)
            cv2.line(line, tuple(int(v) for v in p), tuple(int(v) for v in q), float(rng.uniform(0.3, 1)), 1)
        x = np.linspace(-1, 1, side, dtype=np.float32)
        round_off = cv2.GaussianBlur(mask, (0, 0), rng.uniform(2, 6))
        grey = rng.uniform(60, 215) * (0.35 + 0.65 * round_off) * (1 + rng.normal(0, 0.2) * x[None] + rng.normal(0, 0.2) * x[:, None])
        grey = grey * (1 - rng.uniform(0.1, 0.5) * cv2.GaussianBlur(line, (0, 0), 0.8)) + rng.normal(0, 3, (side, side))
        layer = np.clip(self.tint(grey.astype(np.float32), np.ones((side, side), np.float32)), 0, 255).astype(np.float32)
        turn, k = np.deg2rad(rng.normal(0, 30) if rng.random() < 0.7 else rng.uniform(-180, 180)), width / 70
        a = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * k @ np.diag([rng.choice([-1, 1]), 1])
        m = np.hstack([a, (rng.uniform(0, s, 2) - a @ [60, 70])[:, None]])
        self.put(scene, layer, cv2.GaussianBlur(mask, (0, 0), 0.7), m)

    def shadow(self, scene):
        """Shadows with edges, or the dapple of leaves, across the whole scene (f32), the rest in the sun."""
        rng, s = self.rng, self.size
        mask = np.zeros((s, s), np.float32)
        if rng.random() < 0.6:
            for _ in range(int(rng.integers(1, 4))):
                cv2.fillPoly(mask, [rng.integers(-s // 3, s + s // 3, (int(rng.integers(3, 6)), 2)).astype(np.int32)], 1.0)
        else:
            n = int(rng.integers(4, 30))
            mask = (cv2.resize(rng.standard_normal((n, n)).astype(np.float32), (s, s), interpolation=cv2.INTER_CUBIC) > rng.normal(0, 0.5)).astype(np.float32)
        mask = cv2.GaussianBlur(mask, (0, 0), np.exp(rng.uniform(np.log(0.6), np.log(12))))[..., None]
        dark, sun = rng.uniform(0.2, 0.65) * np.exp(rng.normal(0, 0.06, 3)), rng.uniform(0.9, 1.5)
        return scene * (mask * (dark - sun).astype(np.float32) + np.float32(sun))

    def fill(self, scene, polygon, hair=False):
        """Fill a polygon with cloth or hair: a colour, or a piece of something with that colour's cast."""
        rng, s = self.rng, self.size
        lo, hi = np.maximum(polygon.min(0), 0), np.minimum(polygon.max(0) + 1, s)
        if (hi - lo < 2).any():
            return
        w, h = hi - lo
        mask = np.zeros((h, w), np.uint8)
        cv2.fillPoly(mask, [np.ascontiguousarray(polygon - lo)], 255)
        part, mask = scene[lo[1] : hi[1], lo[0] : hi[0]], mask > 0
        if hair:
            base = np.array([15, 20, 28]) * rng.uniform(0.3, 5) + rng.normal(0, 10, 3)
            fill = base.astype(np.float32) + 10 * rng.standard_normal((int(mask.sum()), 1), np.float32)
        else:
            fill = rng.integers(0, 256, 3).astype(np.float32)
            if rng.random() < 0.5 and min(h, w) > 3:
                fill = fill + (self.photo_patch(h, w)[mask].astype(np.float32) - 128) * np.float32(rng.uniform(0, 0.8))
        part[mask] = np.clip(fill, 0, 255)
        self.owner[lo[1] : hi[1], lo[0] : hi[0]][mask] = -1

    def put(self, scene, layer, alpha, m, owner=-1):
        """Blend a portrait-sized layer BGR f32 with its alpha into the scene by `m`; its pixels, whose
        number is returned, now belong to `owner`."""
        s, side = self.size, len(layer)
        unit = float(np.hypot(m[0, 0], m[1, 0]))
        corner = np.array([[0, 0], [side, 0], [side, side], [0, side]]) @ m[:, :2].T + m[:, 2]
        lo = np.maximum(np.floor(corner.min(0)).astype(int), 0)
        hi = np.minimum(np.ceil(corner.max(0)).astype(int) + 1, s)
        if (hi - lo < 2).any():
            return 0
        if unit < 0.6:  # shrink first, else it sparkles
            small = max(8, int(round(side * unit * 1.2)))
            layer, alpha = (cv2.resize(v, (small, small), interpolation=cv2.INTER_AREA) for v in (layer, alpha))
            m = m @ shrunk(side, small)
        m = m - np.array([[0, 0, lo[0]], [0, 0, lo[1]]])
        size = tuple(int(v) for v in hi - lo)
        layer = cv2.warpAffine(layer, m, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpAffine(alpha, m, size, flags=cv2.INTER_LINEAR)[..., None]
        part = scene[lo[1] : hi[1], lo[0] : hi[0]]
        part[:] = np.clip(part * (1 - alpha) + layer * alpha, 0, 255).astype(np.uint8)
        mine = alpha[..., 0] > 0.5
        self.owner[lo[1] : hi[1], lo[0] : hi[0]][mine] = owner
        return int(mine.sum())

    def place(self, width, centre):
        """Similarity from portrait to scene: the face `width` pixels wide around `centre`, somewhat tilted."""
        rng = self.rng
        turn = np.deg2rad(rng.normal(0, 10) if rng.random() < 0.75 else rng.uniform(-50, 50))
        k = width / 200
        a = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * k
        a = a @ np.array([[np.exp(rng.normal(0, 0.05)), rng.normal(0, 0.04)], [0, 1]])
        return np.hstack([a, (np.asarray(centre) - a @ [125, 125])[:, None]])

    def face(self, scene, width, centre, number):
        """Put one face; returns its row [15] and how many pixels of it the scene holds."""
        rng = self.rng
        picture, box, points = self.pick()
        m = self.place(width, centre)
        whole_m, whole_box = m, box
        side = 250 if width > 110 else 125 if width > 50 else 64  # no need to paint what will be shrunk away
        if side < 250:
            picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
            box, m = box * (side / 250), m @ shrunk(250, side)
        marks = (points + 0.5) * (side / 250) - 0.5
        shape = self.shapes(box, side)
        grey = picture.astype(np.float32)
        if rng.random() < 0.6:
            grey = 255 * (grey / 255) ** np.exp(rng.normal(0, 0.3))
            grey = (grey - 128) * np.exp(rng.normal(0, 0.2)) + 128 + rng.normal(0, 20)
        if rng.random() < 0.25:
            line = np.linspace(-1, 1, side, dtype=np.float32)
            slope = rng.normal(0, 0.35, 2)
            grey = grey * np.clip(1 + slope[0] * line[None] + slope[1] * line[:, None], 0.2, 2)
        if rng.random() < (0.85 if self.harsh else 0.35):
            grey = grey * self.light(side, marks)
        layer = np.clip(self.tint(grey, shape), 0, 255).astype(np.float32)
        if rng.random() < 0.75:
            self.body(scene, m, box)
            alpha = shape
        else:
            alpha = np.ones((side, side), np.float32)
            if rng.random() < 0.5:
                rim = side // 30
                alpha[:rim] = alpha[-rim:] = alpha[:, :rim] = alpha[:, -rim:] = 0
                alpha = cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.1, 1) * rim)
        whole = self.put(scene, layer, alpha.astype(np.float32), m, number)
        if rng.random() < 0.15:
            self.worn(scene, m, box, marks)
        if rng.random() < 0.1:  # something before it
            side = width * rng.uniform(0.2, 0.6)
            at = np.asarray(centre) + rng.normal(0, 0.45, 2) * width
            self.fill(scene, np.round(cv2.boxPoints(((float(at[0]), float(at[1])), (float(side), float(side * rng.uniform(0.5, 2))), float(rng.uniform(0, 180))))).astype(np.int32))
        m, box = whole_m, whole_box
        # The turned box: its middle and size carry over; YuNet's boxes hardly grow with the tilt.
        mid = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]) @ m[:, :2].T + m[:, 2]
        turn = np.arctan2(m[1, 0], m[0, 0])
        w, h = (box[2] - box[0]) * np.hypot(m[0, 0], m[1, 0]), (box[3] - box[1]) * np.hypot(m[0, 1], m[1, 1])
        c, s = abs(np.cos(turn)), abs(np.sin(turn))
        w, h = (w * c + h * s * 0.5, h * c + w * s * 0.5)
        p = points @ m[:, :2].T + m[:, 2]
        return np.concatenate([mid - [w / 2, h / 2], mid + [w / 2, h / 2], p.ravel(), [1]]), whole

    def clutter(self, scene, is_writing):
        """Put writing or rows of like things, upright mostly, as large as the scene or much smaller."""
        rng, s = self.rng, self.size
        layer, alpha = clutter.writing(rng) if is_writing else clutter.rows(rng, self.photo_patch)
        k = np.exp(rng.uniform(np.log(0.15), np.log(1.3))) * s / clutter.SIDE
        turn = np.deg2rad(rng.normal(0, 3) if rng.random() < 0.7 else rng.uniform(-40, 40))
        a = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * k
        a = a @ np.array([[np.exp(rng.normal(0, 0.15)), rng.normal(0, 0.08)], [0, 1]])
        self.put(scene, layer, alpha, np.hstack([a, (rng.uniform(0.1, 0.9, 2) * s - a @ np.full(2, clutter.SIDE / 2))[:, None]]))

    def nothing(self, scene):
        """Put something that is no face."""
        rng, s = self.rng, self.size
        which = rng.random()
        if which < 0.25:
            return self.hand(scene)
        if which < 0.55:
            return self.clutter(scene, which < 0.42)
        width = np.exp(rng.uniform(np.log(14), np.log(s * 0.5)))
        picture, box, points = self.pick()
        m = self.place(width, rng.uniform(0, s, 2))
        kind = rng.random()
        shape = self.shapes(box)
        if kind < 0.25:  # a head seen from behind, or without features
            self.body(scene, m, box)
            if rng.random() < 0.5:
                self.put(scene, np.clip(self.tint(np.full((250, 250), rng.uniform(30, 220), np.float32) + np.linspace(-1, 1, 250, dtype=np.float32)[None] * rng.normal(0, 30), shape), 0, 255).astype(np.float32), shape.astype(np.float32), m)
        elif kind < 0.6:  # a portrait cut in tiles and laid anew
            n = int(rng.integers(2, 5))
            t = 250 // n
            tiles = [picture[y * t : y * t + t, x * t : x * t + t] for y in range(n) for x in range(n)]
            order = rng.permutation(n * n)
            if (order == np.arange(n * n)).mean() > 0.3:
                order = order[::-1]
            new = picture.copy()
            for i, j in enumerate(order):
                y, x = divmod(i, n)
                tile = tiles[j]
                new[y * t : y * t + t, x * t : x * t + t] = tile[:, ::-1] if rng.random() < 0.5 else tile
            self.put(scene, np.clip(self.tint(new.astype(np.float32), shape), 0, 255).astype(np.float32), (shape if rng.random() < 0.5 else np.ones((250, 250))).astype(np.float32), m)
        else:  # a part of a face, magnified: an ear, a cheek, one eye, the mouth
            eye = np.linalg.norm(points[0] - points[1])
            middle = points[rng.integers(5)] if rng.random() < 0.4 else [rng.choice([box[0], box[2]]), points[2, 1] - rng.uniform(0, 0.5) * eye] \
                if rng.random() < 0.5 else rng.uniform(40, 210, 2)
            n = int(rng.uniform(0.35, 0.75) * eye)
            x, y = (int(v) for v in np.clip(np.asarray(middle) - n / 2 + rng.normal(0, 4, 2), 0, 249 - n))
            piece = cv2.resize(picture[y : y + n, x : x + n], (250, 250)).astype(np.float32)
            self.put(scene, np.clip(self.tint(piece, np.ones((250, 250), np.float32)), 0, 255).astype(np.float32), shape.astype(np.float32), m)

    # -- the whole --------------------------------------------------------------------------------------------------
    def __call__(self):
        """One scene: picture BGR u8 [size, size, 3] and its rows [48, 15]."""
        rng, s = self.rng, self.size
        scene = self.ground()
        self.owner = np.full((s, s), -1, np.int16)  # whose face each pixel shows
        kind = rng.random()
        jobs = []
        self.harsh = rng.random() < 0.2  # small faces under a hard sun, or in the shade
        if self.harsh and kind < 0.45:
            for _ in range(int(rng.integers(1, 16))):
                jobs.append((np.exp(rng.uniform(np.log(9), np.log(36))), rng.uniform(0.02, 0.98, 2) * s))
        elif kind < 0.45:  # a few faces of any size
            for _ in range(int(rng.integers(1, 7))):
                jobs.append((np.exp(rng.uniform(np.log(9), np.log(s * 0.45))), rng.uniform(0.02, 0.98, 2) * s))
        elif kind < 0.65:  # a crowd, in loose rows
            w = np.exp(rng.uniform(np.log(9), np.log(s * 0.13)))
            step = w * rng.uniform(1.2, 2.6)
            for y in np.arange(step * rng.uniform(0.2, 1), s, step * rng.uniform(1, 1.4)):
                grow = 0.7 + 0.6 * y / s
                for x in np.arange(step * rng.uniform(0.2, 1), s, step * grow):
                    jobs.append((w * grow * np.exp(rng.normal(0, 0.15)), np.array([x, y]) + rng.normal(0, 0.15, 2) * step))
            first = int(rng.integers(max(1, len(jobs) - 36))) if len(jobs) > 36 else 0
            jobs = jobs[first : first + 36]
        elif kind < 0.82:  # one or two close by
            for _ in range(int(rng.integers(1, 3))):
                jobs.append((s * rng.uniform(0.3, 1.0), rng.uniform(0.25, 0.75, 2) * s))
        for _ in range(int(rng.integers(0, 5))):
            self.nothing(scene)
        rows, whole = [], []
        for number, (width, centre) in enumerate(sorted(jobs, key=lambda j: j[0])):  # the far ones first
            row, pixels = self.face(scene, width, centre, number)
            rows.append(row), whole.append(pixels)
        # A face that others cover is harder to see; beyond some point it needn't be found, and then it isn't there.
        seen = np.bincount(self.owner.ravel() + 1, minlength=len(whole) + 1)[1:] / np.maximum(whole, 1)
        for row, share in zip(rows, seen):
            row[14] = 1 if share > 0.6 else 0
        rows = [r for r, share in zip(rows, seen) if share > 0.15]
        # The camera: light, cast, blur, noise, compression.
        scene = scene.astype(np.float32)
        if rng.random() < (0.8 if self.harsh else 0.25):
            scene = self.shadow(scene)
        if rng.random() < 0.5:
            scene = (scene - 128) * np.exp(rng.normal(0, 0.2)) + 128 + rng.normal(0, 18)
            scene *= np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
        if rng.random() < 0.12:
            scene[:] = scene.mean(2, keepdims=True)
        if rng.random() < 0.2:
            scene = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.4, 1.4))
        if rng.random() < 0.4:
            scene += rng.standard_normal((s, s, 1 if rng.random() < 0.5 else 3), np.float32) * rng.uniform(1, 12)
        scene = np.clip(scene, 0, 255).astype(np.uint8)
        if rng.random() < 0.4:
            scene = cv2.imdecode(cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(35, 90))])[1], cv2.IMREAD_COLOR)
        out = np.full((MOST, 15), -1, np.float32)
        if rows:
            out[: len(rows)] = rows
        return scene, out


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--faces", required=True)
    a.add_argument("--backgrounds", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--shards", type=int, default=24)
    a.add_argument("--first", type=int, default=0, help="number of the first shard, to share the work among processes")
    a.add_argument("--step", type=int, default=1)
    a.add_argument("--count", type=int, default=512, help="scenes a shard")
    a.add_argument("--size", type=int, default=384)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--check", action="store_true")
    a = a.parse_args()
    cv2.setNumThreads(1)
    os.makedirs(a.out, exist_ok=True)
    faces, photos = dict(np.load(a.faces)), backgrounds(a.backgrounds, a.check)
    for k in range(a.first, a.shards, a.step):
        path = os.path.join(a.out, f"{a.size}_{k:04d}.npz")
        if os.path.exists(path):
            continue
        t = time.time()
        compose = Composer(faces, photos, a.size, [a.seed, a.size, k, a.check], a.check)
        picture, face = (np.stack(x) for x in zip(*(compose() for _ in range(a.count))))
        np.savez(path + ".part.npz", picture=picture, face=face)
        os.replace(path + ".part.npz", path)
        print(f"{path}: {a.count} scenes, {1e3 * (time.time() - t) / a.count:.1f} ms each", flush=True)


if __name__ == "__main__":
    main()
