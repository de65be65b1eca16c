"""Train both nets at once on a machine with a GPU and many cores, within a given time.

One command:  python train_gpu.py --input FOLDER --out RESULTS --minutes 8.5

FOLDER was made by small_input.py. Processes make crops and scenes without end; one process labels the crops with the
teacher and trains the embedders on them, another trains the detector. The learning rates follow the time used. That
time stands still while all processes are stopped (SIGSTOP): they may be, and go on later (SIGCONT).
RESULTS gets embedder_N.pt and detector.pt (averaged weights; anew every minute, so that whatever happens something is
there), embedder.jsonl, detector.jsonl and log.txt. `finish.sh` makes a pack of the weights. `--device cpu --tiny` tries
everything out on two cores."""
import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import json
import multiprocessing
import shutil
import sys
import threading
import time
import traceback

import cv2
import numpy as np
import torch

import small_input
import train_detector
import train_embedder
from crops import Maker, bilinear
from evaluate import held_out_crops
from feed import Feed, Store, scratch
from scenes import MOST, Composer, backgrounds
from teacher import OnGpu
from train_detector import LARGE, SMALL, piece, size

# The embedders trained side by side: one that's fast enough to also see each crop's mirror image, one that isn't.
SHAPES = ({"width": (32, 64, 128), "blocks": (1, 1, 2)}, {"width": (32, 64, 128), "blocks": (2, 4, 2)})
CROP = {"grey": ((112, 112), "u1"), "chroma": ((2, 14, 14), "i1")}
SIDES = (384, 640)


def say(a, *words):
    line = " ".join(map(str, words))
    print(line, flush=True)
    with open(os.path.join(a.out, "log.txt"), "a") as f:
        f.write(line + "\n")


class Clock:
    """Seconds used, shared among the processes; stands still while they are stopped."""

    def __init__(self, context, budget):
        self.used, self.budget = context.RawValue("d", 0.0), budget

    def run(self):
        last = time.monotonic()
        while True:
            time.sleep(0.1)
            now = time.monotonic()
            self.used.value += min(now - last, 1.0)
            last = now


class Course:
    """A trainer's way through the time that is left when it begins."""

    def __init__(self, clock, down):
        self.clock, self.down, self.start, self.minute = clock, down, clock.used.value, clock.used.value

    def share(self):
        return (self.clock.used.value - self.start) / max(self.clock.budget - self.start, 1)

    def rate(self):
        return (1 - self.share()) / self.down

    def due(self):
        """Is a minute over since this was last true, and the end not near?"""
        if self.clock.used.value - self.minute < self.clock.minute or self.clock.budget - self.clock.used.value < self.clock.minute / 3:
            return False
        self.minute = self.clock.used.value
        return True


def make(a, kind, number, feed, parent):
    """A process that makes crops or scenes until it's stopped."""
    os.nice(10)
    cv2.setNumThreads(1)
    faces = {k: np.load(os.path.join(a.scratch, k + ".npy"), mmap_mode="r") for k in ("picture", "canvas", "corner", "person", "held_out", "box", "points")}
    seed = [a.seed, number, kind]
    one = Composer(faces, backgrounds(os.path.join(a.input, "backgrounds"), False), kind, seed) if kind else Maker(faces, seed)
    while os.getppid() == parent:
        feed.give(one)


def write(a, name, line):
    say(a, f"{name}: {json.dumps(line)}")
    with open(os.path.join(a.out, name + ".jsonl"), "a") as f:
        f.write(json.dumps(line) + "\n")


def embedders(a, clock, feeds):
    """The process that labels crops and trains the embedders."""
    up = torch.from_numpy(bilinear()).to(a.device)
    path = os.path.join(a.input, "mobilefacenet.onnx")
    teacher = OnGpu(path, a.device)
    rgb = lambda block: torch.stack(train_embedder.colours(block["grey"], block["chroma"], up), 1)
    store = Store(feeds, a.crops, a.device, lambda block: {"target": teacher(rgb(block)).nan_to_num().half()})
    while not store.made:
        time.sleep(0.05)
        store.fill()
    half = teacher.half
    say(a, "teacher: least cosine to ONNX Runtime", teacher.check(path, rgb({k: v[:32] for k, v in store.data.items()})))
    if teacher.half != half:
        store.made = 0
    check, person = held_out_crops(a.scratch_faces)
    if a.tiny:
        check, person = check[:100], person[:100]
    lessons = [train_embedder.Lesson(shape, a.lr, a.device) for shape in SHAPES]
    say(a, "embedders:", *(f"{sum(p.numel() for p in lesson.net.parameters())} parameters" for lesson in lessons))
    rng, generator, seen, course = np.random.default_rng(a.seed), torch.Generator().manual_seed(a.seed), 0, Course(clock, a.down)
    take = lambda n: train_embedder.batch(*store.pick(n, rng), up, generator)

    def report():
        line = {"seconds": round(clock.used.value, 1), "made": store.made, "seen": seen}
        for k, lesson in enumerate(lessons):
            lesson.result([take(a.batch)[0].float() for _ in range(8)], os.path.join(a.out, f"embedder_{k + 1}.pt"))
            figures = train_embedder.figures(lesson.average, check, person, a.device)
            line.update({f"{name}_{k + 1}": v for name, v in {"cosine": round(float(lesson.cosine), 4), **figures}.items()})
        write(a, "embedder", {**line, "steps": lesson.steps})

    while course.share() < 1:
        store.fill()
        if store.made < a.batch * 4 or seen > a.reuse[0] * store.made:
            time.sleep(0.005)
            continue
        x, target = take(a.batch)
        for lesson in lessons:
            lesson.step(x, target, course.rate())
        seen += a.batch
        if course.due():
            report()
    report()


def detector(a, clock, small, large):
    """The process that trains the detector."""
    small, large = (Store(feeds, n, a.device) for feeds, n in zip((small, large), (a.scenes, a.scenes // 4)))
    lesson = train_detector.Lesson(a.lr, a.device)
    say(a, "detector:", sum(p.numel() for p in lesson.net.parameters()), "parameters")
    rng, generator, seen, course = np.random.default_rng(a.seed), torch.Generator().manual_seed(a.seed), 0, Course(clock, a.down)
    few = max(1, a.pictures // 4)
    take = lambda n: piece(*small.pick(n, rng), SMALL, generator)

    def report():
        lesson.result([take(a.pictures)[0] for _ in range(8)], os.path.join(a.out, "detector.pt"))
        write(a, "detector", {"seconds": round(clock.used.value, 1), "made": small.made + large.made, "seen": seen, "steps": lesson.steps, **lesson.losses()})

    while course.share() < 1:
        small.fill(), large.fill()
        if small.made < a.pictures * 2 or seen > a.reuse[1] * (small.made + large.made):
            time.sleep(0.005)
            continue
        if large.made >= few and course.share() > a.large and rng.random() < 0.3:
            lesson.step(*piece(*large.pick(few, rng), LARGE, generator), LARGE, course.rate(), generator)
            seen += few
        else:
            lesson.step(*take(a.pictures), size(rng), course.rate(), generator)
            seen += a.pictures
        if course.due():
            report()
    report()


def trainer(work, a, *rest):
    """Run one of the two above in its process."""
    try:
        torch.manual_seed(a.seed)
        torch.set_num_threads(1)
        torch.backends.cudnn.benchmark = True
        work(a, *rest)
    except BaseException:
        say(a, f"{work.__name__} failed:\n{traceback.format_exc()}")
        raise


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--input", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--minutes", type=float, default=8.5, help="time to train in, from the start of this command to its last steps")
    a.add_argument("--makers", type=int, nargs=3, help="processes that make crops, scenes of 384 px, scenes of 640 px; without crops only the detector is trained, without scenes only embedders (5 7 2, 1 1 1 for --tiny)")
    a.add_argument("--batch", type=int, default=1024, help="crops a step")
    a.add_argument("--pictures", type=int, default=192, help="pieces of scenes a step")
    a.add_argument("--crops", type=int, default=1_000_000, help="crops kept on the GPU, 13 kB each")
    a.add_argument("--scenes", type=int, default=24_000, help="scenes kept on the GPU, 442 kB each, and a quarter of them large ones, 1.2 MB each")
    a.add_argument("--reuse", type=float, nargs=2, default=(6, 12), help="how often a crop and a scene may be used, on average")
    a.add_argument("--lr", type=float, default=0.02)
    a.add_argument("--down", type=float, default=0.85, help="share of the time over which the learning rate falls")
    a.add_argument("--large", type=float, default=0.35, help="share of the time after which large scenes join")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--device", default="cuda")
    a.add_argument("--tiny", action="store_true", help="few samples and small batches, to try it out")
    a = a.parse_args()
    a.makers = a.makers or ((1, 1, 1) if a.tiny else (5, 7, 2))
    if a.tiny:
        a.batch, a.pictures, a.crops, a.scenes = 32, 4, 4096, 256
    os.makedirs(a.out, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    clock = Clock(context, a.minutes * 60)
    clock.minute = 20 if a.tiny else 60
    threading.Thread(target=clock.run, daemon=True).start()
    if a.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no GPU that PyTorch can use; --device cpu --tiny tries the command out without one")
    say(a, "torch", torch.__version__, "on", torch.cuda.get_device_name() if a.device == "cuda" else "cpu", "and", os.cpu_count(), "cores")
    a.scratch = scratch()
    processes = []
    try:
        faces = small_input.read(a.input)
        for k, v in faces.items():
            np.save(os.path.join(a.scratch, k + ".npy"), v)
        a.scratch_faces = os.path.join(a.scratch, "faces.npz")
        rows = np.flatnonzero(faces["held_out"])
        np.savez(a.scratch_faces, **{k: faces[k][rows] for k in ("picture", "points", "person", "held_out")})
        say(a, f"{len(faces['person'])} portraits read after {clock.used.value:.1f} s; scratch files in {a.scratch}")
        del faces
        feeds = {}
        for kind, count in zip((0, *SIDES), a.makers):
            block, fields = (64 if a.tiny else 512, CROP) if not kind else (4 if a.tiny else 16, {"picture": ((kind, kind, 3), "u1"), "face": ((MOST, 15), "f4")})
            feeds[kind] = [Feed(os.path.join(a.scratch, f"{kind}_{n}"), block, fields) for n in range(count)]
            processes += [context.Process(target=make, args=(a, kind, n, f, os.getpid()), daemon=True) for n, f in enumerate(feeds[kind])]
        works = [(embedders, feeds[0])] if feeds[0] else []
        works += [(detector, *(feeds[s] for s in SIDES))] if all(feeds[s] for s in SIDES) else []
        trainers = [context.Process(target=trainer, args=(work, a, clock, *rest), daemon=True) for work, *rest in works]
        for p in trainers + processes:
            p.start()
        processes += trainers
        lost = set()
        while any(p.is_alive() for p in trainers) and clock.used.value < clock.budget + 90:
            time.sleep(0.5)
            for p in processes:
                if p.exitcode not in (None, 0) and p not in lost:
                    lost.add(p)
                    say(a, f"a process ended with {p.exitcode}:", p.name)
        say(a, f"done after {clock.used.value:.1f} s:", {f: os.path.getsize(os.path.join(a.out, f)) for f in sorted(os.listdir(a.out))})
        sys.exit(int(any(p.exitcode != 0 for p in trainers)))
    finally:
        for p in processes:
            if p.is_alive():
                p.kill()
        shutil.rmtree(a.scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
