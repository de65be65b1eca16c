"""Load a pack's graphs in tract, with every dimension fixed, and compare with ONNX Runtime.

One command:  python check_tract.py PACK"""
import os
import sys

import numpy as np
import tract

from detect import session


def main():
    for name, shapes in (("detector", [(1, 3, 480, 640), (1, 3, 640, 640), (1, 3, 320, 448)]), ("embedder", [(1, 3, 112, 112), (4, 3, 112, 112)])):
        path = os.path.join(sys.argv[1], name + ".onnx")
        runtime = session(path)
        for shape in shapes:
            model = tract.onnx().load(path)
            model.set_input_fact(0, ",".join(map(str, shape)) + ",f32")
            model.analyse()
            x = np.random.default_rng(0).random(shape, np.float32) * (255 if name == "detector" else 2) - (0 if name == "detector" else 1)
            mine = [o.to_numpy() for o in model.into_model().into_runnable().run([x])]
            theirs = runtime.run(None, {"input": x})
            worst = max(float(np.abs(a - b).max()) for a, b in zip(mine, theirs))
            print(f"{name} {shape}: {len(mine)} outputs, at most {worst:.2e} apart")
            assert worst < 1e-3


if __name__ == "__main__":
    main()
