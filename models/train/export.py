"""Write detector.onnx and embedder.onnx from the averaged weights of a training, weights stored as fp16, and check them against PyTorch.

One command:  python export.py --detector WORK/detector/average.pt --embedder WORK/embedder/average.pt --faces WORK/faces.npz --out PACK

Only simple operators, opset 13. Weights lie as fp16 with a Cast to fp32 before their use, which both ONNX Runtime and
tract fold away when they load the graph."""
import argparse
import os
import shutil

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from detect import session
from nets import Detector, Embedder, fold

STRIDES = (8, 16, 32)


KINDS = {"cls": slice(0, 1), "obj": slice(1, 2), "bbox": slice(2, 6), "kps": slice(0, 10)}


class YuNetHead(nn.Module):
    """The detector with YuNet's twelve outputs: cls, obj (after the sigmoid), bbox, kps, each [1, h/s * w/s, k].

    The head's convolution is split in three, so that the graph needs no slicing."""

    def __init__(self, net):
        super().__init__()
        self.net, self.heads = net, nn.ModuleDict()
        for kind, part in KINDS.items():
            for s, whole in zip(STRIDES, net.points if kind == "kps" else net.head):
                conv = nn.Conv2d(whole.in_channels, part.stop - part.start, 1)
                conv.weight.data, conv.bias.data = whole.weight.data[part].clone(), whole.bias.data[part].clone()
                self.heads[f"{kind}_{s}"] = conv
        net.head = net.points = None

    def forward(self, x):
        maps, out = dict(zip(STRIDES, self.net.features(x))), []
        for name, head in self.heads.items():
            kind, s = name.split("_")
            y = head(maps[int(s)][kind == "kps"]).permute(0, 2, 3, 1).reshape(1, -1, head.out_channels)
            out.append(y.sigmoid() if kind in ("cls", "obj") else y)
        return tuple(out)


def plain(model):
    """Make every Constant an initialiser."""
    for node in [n for n in model.graph.node if n.op_type == "Constant"]:
        value = node.attribute[0].t
        value.name = node.output[0]
        model.graph.initializer.append(value)
        model.graph.node.remove(node)
    return model


def half(model):
    """Store every larger fp32 initialiser as fp16 behind a Cast."""
    graph, casts = model.graph, []
    for t in list(graph.initializer):
        if t.data_type != TensorProto.FLOAT or np.prod(t.dims) < 256:
            continue
        values = numpy_helper.to_array(t)
        name = t.name
        graph.initializer.remove(t)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), name + "_h"))
        casts.append(helper.make_node("Cast", [name + "_h"], [name], to=TensorProto.FLOAT, name=name + "_cast"))
    for node in reversed(casts):
        graph.node.insert(0, node)
    return model


def free_batch(model):
    """Give the detector a symbolic batch: Reshape to (0, -1, k) instead of (1, -1, k), and named dimensions."""
    constant = {n.output[0]: n.attribute[0].t for n in model.graph.node if n.op_type == "Constant"}
    constant.update({t.name: t for t in model.graph.initializer})
    for node in model.graph.node:
        if node.op_type == "Reshape":
            shape = constant[node.input[1]]
            values = numpy_helper.to_array(shape).copy()
            values[0] = 0
            shape.CopyFrom(numpy_helper.from_array(values, shape.name))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    for out in model.graph.output:
        kind, stride = out.name.split("_")
        dims = out.type.tensor_type.shape.dim
        dims[0].dim_param, dims[1].dim_param = "batch", "cells_" + stride
        dims[2].dim_value = KINDS[kind].stop - KINDS[kind].start
    del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)


def write(net, example, path, inputs, outputs, axes):
    torch.onnx.export(net, (example,), path, dynamo=False, opset_version=13, input_names=inputs, output_names=outputs,
                      dynamic_axes=axes, do_constant_folding=True)
    model = half(plain(onnx.load(path)))
    del model.metadata_props[:]
    model.producer_name, model.producer_version, model.doc_string = "vowimager models/train", "", ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return model


def detector(average, path):
    if average.endswith(".onnx"):
        shutil.copyfile(average, path)
        return os.path.getsize(path), 0.0
    net = Detector()
    net.load_state_dict(torch.load(average, map_location="cpu", weights_only=False)["average"])
    net = YuNetHead(fold(net)).eval()
    names = list(net.heads)
    axes = {"input": {2: "height", 3: "width"}, **{n: {1: "cells_" + n.split("_")[1]} for n in names}}
    model = write(net, torch.zeros(1, 3, 320, 256), path, ["input"], names, axes)
    free_batch(model)
    onnx.save(model, path)
    s = session(path)
    for h, w in ((320, 320), (480, 640), (64, 96)):
        x = torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(1)) * 255
        with torch.no_grad():
            mine = net(x)
        theirs = s.run(None, {"input": x.numpy()})
        worst = max(float(np.abs(a.numpy() - b).max()) for a, b in zip(mine, theirs))
        assert worst < 0.1, worst  # fp16 rounding of the weights
        two = s.run(None, {"input": np.concatenate([x.numpy(), x.numpy()[:, :, ::-1]])})
        assert all(np.abs(a[:1] - b).max() < 1e-3 for a, b in zip(two, theirs))
        assert theirs[0].shape == (1, h // 8 * (w // 8), 1) and theirs[-1].shape == (1, h // 32 * (w // 32), 10)
    return os.path.getsize(path), worst


def centre(net, faces, most=3000):
    """Let the mean answer over real portraits of the training people be nothing: it says nothing about who they are.

    The augmented crops of the training have another mean. On kept-out people this is worth about 0.02 of the TPR."""
    from faces import crop
    data = np.load(faces)
    rows = np.flatnonzero(~data["held_out"])
    rows = np.random.default_rng(1).permutation(rows)[:most]
    picture, points, total = data["picture"], data["points"], 0
    for i in range(0, len(rows), 100):
        x = torch.from_numpy(np.stack([crop(picture[r], points[r]) for r in rows[i : i + 100]])).float()
        with torch.no_grad():
            total = total + net(((x - 127.5) / 127.5)[:, None].repeat(1, 3, 1, 1)).sum(0)
    net.read.bias.data -= total / len(rows)


def embedder(average, path, faces=None):
    saved = torch.load(average, map_location="cpu", weights_only=False)
    net = Embedder(**saved["shape"])
    net.load_state_dict(saved["average"])
    net = fold(net)
    if faces:
        centre(net, faces)
    write(net, torch.zeros(2, 3, 112, 112), path, ["input"], ["embedding"], {"input": {0: "batch"}, "embedding": {0: "batch"}})
    s = session(path)
    x = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        mine = net(x).numpy()
    worst = float(np.abs(mine - s.run(None, {"input": x.numpy()})[0]).max())
    assert worst < 0.05, worst
    return os.path.getsize(path), worst


def main():
    torch.set_num_threads(1)
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--detector", help="averaged weights, or an earlier pack's detector.onnx to be kept")
    a.add_argument("--embedder")
    a.add_argument("--faces", help="faces.npz, to centre the embedder's answers on real portraits")
    a.add_argument("--out", required=True)
    a = a.parse_args()
    os.makedirs(a.out, exist_ok=True)
    if a.detector:
        size, worst = detector(a.detector, os.path.join(a.out, "detector.onnx"))
        print(f"detector.onnx: {size} bytes, at most {worst:.4f} from PyTorch")
    if a.embedder:
        size, worst = embedder(a.embedder, os.path.join(a.out, "embedder.onnx"), a.faces)
        print(f"embedder.onnx: {size} bytes, at most {worst:.4f} from PyTorch")


if __name__ == "__main__":
    main()
