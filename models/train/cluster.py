"""Sum-link clustering, as the daemon does it, and its measure; only used to calibrate `group` and `neighbour`.

A cluster keeps the sum S of its n unit vectors. score(A, B) = mean cosine across / (|S_A| / n_A * |S_B| / n_B) ^ 0.8.
Pairs come from each vector's 32 nearest with a cosine of at least `neighbour`; the best pair merges first, while its
score is at least `group`."""
import heapq

import numpy as np


def sum_link(vectors, group, neighbour, nearest=32):
    """Unit vectors [n, d] -> cluster number of each [n]."""
    n = len(vectors)
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -2)
    close = np.argsort(-cosine, 1)[:, :nearest]
    total, size = {i: vectors[i].astype(np.float64) for i in range(n)}, dict.fromkeys(range(n), 1)
    spread = {i: 1.0 for i in range(n)}  # (|S| / n) ^ 0.8
    beside, members = {i: set() for i in range(n)}, {i: [i] for i in range(n)}
    score = lambda a, b: float(total[a] @ total[b]) / (size[a] * size[b]) / (spread[a] * spread[b])
    heap = []
    for i in range(n):
        for j in close[i]:
            j = int(j)
            if cosine[i, j] >= neighbour and j not in beside[i]:
                beside[i].add(j), beside[j].add(i)
                heap.append((-score(i, j), i, j))
    heapq.heapify(heap)
    new = n
    while heap:
        s, a, b = heapq.heappop(heap)
        if -s < group:
            break
        if a not in total or b not in total:
            continue
        total[new], size[new], members[new] = total.pop(a) + total.pop(b), size.pop(a) + size.pop(b), members.pop(a) + members.pop(b)
        spread[new] = (np.linalg.norm(total[new]) / size[new]) ** 0.8
        beside[new] = (beside.pop(a) | beside.pop(b)) - {a, b}
        for c in beside[new]:
            beside[c] -= {a, b}
            beside[c].add(new)
            heapq.heappush(heap, (-score(new, c), new, c))
        new += 1
    out = np.empty(n, int)
    for k, m in enumerate(members.values()):
        out[m] = k
    return out


def bcubed(cluster, person):
    """BCubed precision, recall and F of a clustering."""
    together, same = cluster[:, None] == cluster[None], person[:, None] == person[None]
    both = (together & same).sum(1)
    p, r = float((both / together.sum(1)).mean()), float((both / same.sum(1)).mean())
    return p, r, 2 * p * r / (p + r)
