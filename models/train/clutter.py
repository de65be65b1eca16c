"""Things that detectors take for faces: writing of all kinds, and rows of like things (windows, battlements, fences, bricks).

`writing` and `rows` draw on a square and return BGR f32 [side, side, 3] and where it covers what lies behind, f32 [side, side],
0..1. Where and how large they are put is for others to say."""
import cv2
import numpy as np

SIDE = 256
# The seven strokes of a display's digit, from corner to corner of a box of 1 x 2, and those of 0 to 9.
STROKES = (((0, 0), (1, 0)), ((1, 0), (1, 1)), ((1, 1), (1, 2)), ((0, 2), (1, 2)), ((0, 1), (0, 2)), ((0, 0), (0, 1)), ((0, 1), (1, 1)))
DIGITS = ("012345", "12", "01643", "01236", "5612", "05623", "056234", "012", "0123456", "012356")


def words(rng):
    """A line of writing: a date, a number, a word, anything."""
    kind = rng.random()
    two = lambda upto: f"{int(rng.integers(upto)):02d}"
    if kind < 0.3:
        sign = rng.choice([".", "/", "-", " ", ":", "  "])
        parts = [two(31), two(12), rng.choice(["", "'", "19", "20"]) + two(100)]
        return sign.join(parts if rng.random() < 0.5 else parts[::-1])
    if kind < 0.45:
        return str(int(rng.integers(10 ** int(rng.integers(1, 9)))))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if rng.random() < 0.5 else "abcdefghijklmnopqrstuvwxyz"
    if kind < 0.9:
        word = lambda: "".join(rng.choice(list(letters), int(rng.integers(1, 9))))
        return " ".join(word() for _ in range(int(rng.integers(1, 4))))
    return "".join(chr(c) for c in rng.integers(33, 126, int(rng.integers(3, 12))))


def typed(rng, mask, text, left, base, height):
    """Writing of strokes: serifs, italics and hands among them."""
    font = int(rng.integers(8)) | (16 if rng.random() < 0.2 else 0)
    cv2.putText(mask, text, (left, base), font, height / 24, 255, max(1, int(round(height * rng.uniform(0.04, 0.22)))), cv2.LINE_AA)


def dotted(rng, mask, text, left, base, height):
    """Writing of dots or squares, as printers and cameras make it."""
    rows = int(rng.integers(7, 12))
    small = np.zeros((rows + 4, 12 * len(text) + 4), np.uint8)
    cv2.putText(small, text, (1, rows + 1), int(rng.choice([0, 1, 2, 3])), rows / 22, 255, 1)
    unit = max(1, round(height / rows))
    large = cv2.resize(small, None, fx=unit, fy=unit, interpolation=cv2.INTER_NEAREST)
    if unit > 2 and rng.random() < 0.6:
        dot = np.zeros((unit, unit), np.uint8)
        cv2.circle(dot, (unit // 2, unit // 2), max(1, int(unit * rng.uniform(0.3, 0.5))), 255, -1)
        large = np.minimum(large, np.tile(dot, small.shape))
    top, (h, w) = max(0, base - large.shape[0]), mask.shape
    part = large[: h - top, : max(0, w - left)]
    np.maximum(mask[top : top + part.shape[0], left : left + part.shape[1]], part, out=mask[top : top + part.shape[0], left : left + part.shape[1]])


def shown(rng, mask, text, left, base, height):
    """A display's digits of seven strokes."""
    wide, lean, thick = height * rng.uniform(0.35, 0.6), rng.uniform(0, 0.2), max(1, int(height * rng.uniform(0.06, 0.16)))
    x = left
    for sign in text:
        for k in DIGITS[int(sign)] if sign.isdigit() else rng.choice(["", "6", "3"]):
            (x0, y0), (x1, y1) = STROKES[int(k)]
            gap = 0.12
            a, b = np.array([x0, y0]) + gap * np.array([x1 - x0, y1 - y0]), np.array([x1, y1]) - gap * np.array([x1 - x0, y1 - y0])
            at = lambda p: (int(x + p[0] * wide + (2 - p[1]) * lean * wide), int(base - height + p[1] * height / 2))
            cv2.line(mask, at(a), at(b), 255, thick, cv2.LINE_AA)
        x += int(wide * 1.6)


def writing(rng):
    """Some lines of writing: painted, printed, glowing."""
    mask, height = np.zeros((SIDE, SIDE), np.uint8), int(np.exp(rng.uniform(np.log(14), np.log(170))))
    kind = rng.choice([typed, typed, dotted, shown])
    text, base = words(rng), height + int(rng.integers(0, 12))
    for _ in range(1 if rng.random() < 0.4 else 8):
        kind(rng, mask, text, int(rng.integers(0, 10)), base, height)
        base += int(height * rng.uniform(1.1, 1.9))
        if base > SIDE:
            break
        text = words(rng) if rng.random() < 0.8 else text
    alpha = mask.astype(np.float32) / 255
    colour = rng.choice([0, 128, 255], 3) if rng.random() < 0.3 else np.array([rng.uniform(0, 90), rng.uniform(60, 200), 255]) if rng.random() < 0.35 else rng.uniform(0, 255, 3)
    layer = np.ones((SIDE, SIDE, 3), np.float32) * colour.astype(np.float32)
    style = rng.random()
    if style < 0.25:  # it glows
        glow = cv2.GaussianBlur(alpha, (0, 0), height * rng.uniform(0.03, 0.15))
        layer = np.clip(layer + 120 * alpha[..., None] * rng.uniform(0, 1), 0, 255).astype(np.float32)
        alpha = np.clip(np.maximum(alpha, glow * rng.uniform(0.5, 1.5)), 0, 1)
    elif style < 0.45:  # with a rim of another colour
        wide = cv2.dilate(alpha, np.ones((3, 3)), iterations=max(1, height // 24))
        layer = np.where(alpha[..., None] > 0.5, layer, rng.uniform(0, 255, 3)).astype(np.float32)
        alpha = wide
    elif style < 0.7:  # on a sign
        sign = rng.uniform(0, 255, 3)
        layer = (layer * alpha[..., None] + sign * (1 - alpha[..., None])).astype(np.float32)
        alpha = np.zeros((SIDE, SIDE), np.float32)
        alpha[: min(SIDE, base + 6)] = 1
    else:
        alpha *= rng.uniform(0.5, 1)
    return layer, alpha.astype(np.float32)


def thing(rng, patch):
    """One of the like things, BGR f32 [64, 64, 3], and where it covers: `patch(h, w)` gives pieces of photos."""
    n, kind = 64, rng.random()
    back, front = rng.uniform(0, 255, (2, 3))
    tile = np.ones((n, n, 3), np.float32) * back.astype(np.float32)
    full = np.ones((n, n), np.float32)
    ink = tuple(float(v) for v in front)
    at = lambda low, high: int(rng.uniform(low, high) * n)
    if kind < 0.2:  # a piece of a photo
        return patch(n, n).astype(np.float32), full
    if kind < 0.4:  # a window with its panes, a door
        x, y, x2, y2 = at(0.1, 0.3), at(0.1, 0.3), at(0.7, 0.9), at(0.7, 0.95)
        cv2.rectangle(tile, (x, y), (x2, y2), ink, -1)
        bar = tuple(float(v) for v in rng.uniform(0, 255, 3))
        for k in range(1, int(rng.integers(1, 4))):
            cv2.line(tile, (x + (x2 - x) * k // 3, y), (x + (x2 - x) * k // 3, y2), bar, at(0.02, 0.08) + 1)
        for k in range(1, int(rng.integers(1, 4))):
            cv2.line(tile, (x, y + (y2 - y) * k // 3), (x2, y + (y2 - y) * k // 3), bar, at(0.02, 0.08) + 1)
        if rng.random() < 0.3:
            cv2.ellipse(tile, ((x + x2) // 2, y), ((x2 - x) // 2, at(0.05, 0.2)), 0, 180, 360, ink, -1)
        return tile, full
    if kind < 0.55:  # a merlon, a picket, a tooth
        low = np.zeros((n, n), np.float32)
        x, x2, y = at(0.05, 0.3), at(0.6, 0.95), at(0.0, 0.5)
        low[y:, x:x2] = 1
        low[at(0.5, 0.9) :] = 1
        if rng.random() < 0.4:
            cv2.rectangle(tile, (at(0.3, 0.45), at(0.5, 0.6)), (at(0.5, 0.6), at(0.7, 0.9)), ink, -1)
        return tile + np.linspace(-1, 1, n, dtype=np.float32)[None, :, None] * rng.uniform(-40, 40), low
    if kind < 0.7:  # round things: lamps, wheels, plates, fruit
        hole = np.zeros((n, n), np.float32)
        r = at(0.25, 0.48)
        cv2.circle(hole, (n // 2, n // 2), r, 1.0, -1)
        cv2.circle(tile, (n // 2, n // 2), int(r * rng.uniform(0.2, 0.9)), ink, -1 if rng.random() < 0.6 else at(0.03, 0.1) + 1)
        shade = 1 + rng.uniform(-0.5, 0.5) * np.linspace(-1, 1, n, dtype=np.float32)[:, None, None]
        return tile * shade, hole
    if kind < 0.85:  # a brick, a stone, a leaf, a scale
        for _ in range(int(rng.integers(1, 5))):
            corner = rng.integers(0, n, (int(rng.integers(3, 7)), 2)).astype(np.int32)
            cv2.fillPoly(tile, [cv2.convexHull(corner)], tuple(float(v) for v in rng.uniform(0, 255, 3)))
        return tile, full
    for _ in range(int(rng.integers(2, 6))):  # spots and strokes anywhere
        cv2.ellipse(tile, (at(0.1, 0.9), at(0.1, 0.9)), (at(0.03, 0.25) + 1, at(0.03, 0.25) + 1), float(rng.uniform(0, 180)), 0, 360, ink, -1 if rng.random() < 0.7 else 2)
    return tile, full


def rows(rng, patch):
    """The same thing many times beside and above itself, each a little different."""
    layer, alpha = np.zeros((SIDE, SIDE, 3), np.float32), np.zeros((SIDE, SIDE), np.float32)
    tile, cover = thing(rng, patch)
    w = int(np.exp(rng.uniform(np.log(20), np.log(100))))
    h = max(8, int(w * np.exp(rng.normal(0, 0.35))))
    tile, cover = (cv2.resize(v, (w, h), interpolation=cv2.INTER_AREA) for v in (tile, cover))
    step_x, step_y = w * rng.uniform(1, 1.5), h * rng.uniform(1, 1.6)
    shift = rng.uniform(0, 0.5) * w if rng.random() < 0.3 else 0
    lines = 1 if rng.random() < 0.35 else 99
    if rng.random() < 0.4:  # a wall behind
        layer[:] = rng.uniform(0, 255, 3)
        alpha[: int(SIDE if lines > 1 else h * 1.3)] = 1
    uneven = rng.uniform(0, 0.25)
    for j, y in enumerate(np.arange(0, SIDE - h, step_y)[:lines]):
        for x in np.arange(j % 2 * shift, SIDE - w, step_x):
            u, v = int(x), int(y)
            one = tile * np.float32(np.exp(rng.normal(0, uneven))) + np.float32(rng.normal(0, 40 * uneven))
            c = cover[..., None]
            layer[v : v + h, u : u + w] = layer[v : v + h, u : u + w] * (1 - c) + one * c
            np.maximum(alpha[v : v + h, u : u + w], cover, out=alpha[v : v + h, u : u + w])
    if rng.random() < 0.5:
        layer += rng.normal(0, rng.uniform(2, 20), (SIDE, SIDE, 1)).astype(np.float32)
    return np.clip(layer, 0, 255), alpha
