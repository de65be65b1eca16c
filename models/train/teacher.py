"""The embedder's teacher, MobileFaceNet: in PyTorch on a GPU, else in OpenVINO or ONNX Runtime."""
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

from detect import session


class Graph(nn.Module):
    """The few operators of the teacher's graph in PyTorch: crops f32 [n, 3, 112, 112] in -1..1 -> [n, 128]."""

    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        values = {t.name: t for t in graph.initializer}
        self.steps, self.input, self.output = [], graph.input[0].name, graph.output[0].name
        for node in graph.node:
            if node.op_type == "Constant":
                values[node.output[0]] = node.attribute[0].t
            elif node.op_type in ("Conv", "Clip", "Relu", "Add", "Reshape"):
                self.steps.append((node.op_type, list(node.input), node.output[0], {k.name: k for k in node.attribute}))
            else:  # the computing of the last Reshape's shape
                assert node.op_type in ("Shape", "Gather", "Unsqueeze", "Concat"), node.op_type
        arrays = {k: numpy_helper.to_array(t) for k, t in values.items()}
        self.limits = {k: float(v) for k, v in arrays.items() if v.ndim == 0}
        for name, v in arrays.items():
            if v.ndim:
                self.register_buffer(self.key(name), torch.from_numpy(v.copy()))

    @staticmethod
    def key(name):
        return "w_" + name.replace(".", "_").replace("/", "_").replace(":", "_")

    def forward(self, x):
        known = {self.input: x}
        for kind, inputs, output, attribute in self.steps:
            v = known[inputs[0]]
            if kind == "Conv":
                weight, bias = (getattr(self, self.key(i)) for i in inputs[1:3])
                v = F.conv2d(v, weight, bias, tuple(attribute["strides"].ints), tuple(attribute["pads"].ints[:2]),
                             tuple(attribute["dilations"].ints), attribute["group"].i)
            elif kind == "Clip":
                v = v.clamp(*(self.limits[i] for i in inputs[1:3]))
            elif kind == "Relu":
                v = v.relu()
            elif kind == "Add":
                v = v + known[inputs[1]]
            else:
                v = v.flatten(1)
            known[output] = v
        return known[self.output]


class OnGpu:
    """Crops f32 [n, 3, 112, 112] in 0..255, on the GPU -> the unit mean of the answers to them and to their mirror images."""

    def __init__(self, path, device):
        self.graph = Graph(path).to(device, memory_format=torch.channels_last).eval()
        self.device, self.half = device, device == "cuda"

    @torch.no_grad()
    def __call__(self, rgb):
        x = ((rgb - 127.5) / 127.5).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device, torch.float16 if self.half else torch.bfloat16, self.half):
            return F.normalize(sum(F.normalize(self.graph(v).float()) for v in (x, x.flip(3))))

    def check(self, path, rgb):
        """Least cosine to ONNX Runtime's answers to some crops; half precision is given up where it's poor."""
        run, both = session(path), []
        for v in (rgb, rgb.flip(3)):
            both.append(F.normalize(torch.from_numpy(run.run(None, {run.get_inputs()[0].name: ((v - 127.5) / 127.5).cpu().numpy()})[0])))
        theirs = F.normalize(sum(both)).to(self.device)
        least = lambda: float((self(rgb) * theirs).sum(1).min())
        if self.half and not least() > 0.999:
            print(f"teacher in half precision: cosine {least()}; in full precision from here on", flush=True)
            self.half = False
        found = least()
        assert found > 0.99, found
        return found


class Teacher:
    """MobileFaceNet: RGB f32 [n, 3, 112, 112] in 0..255 -> unit vectors [n, 128].

    OpenVINO, where it is installed, runs it in bf16 in less than half of ONNX Runtime's time (cosine to f32: 0.998)."""

    def __init__(self, path, batch=32):
        self.batch = batch
        try:
            import openvino
            core = openvino.Core()
            model = core.read_model(path)
            model.reshape([batch, 3, 112, 112])
            model = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1,
                                                      "INFERENCE_PRECISION_HINT": "bf16"})
            request = model.create_infer_request()
            self.call = lambda x: np.array(request.infer([x])[model.outputs[0]])
        except ImportError:
            s = session(path)
            self.call = lambda x: s.run(None, {s.get_inputs()[0].name: x})[0]

    def __call__(self, rgb):
        out = []
        for i in range(0, len(rgb), self.batch):
            part = rgb[i : i + self.batch]
            x = np.zeros((self.batch, 3, 112, 112), np.float32)
            x[: len(part)] = (part - 127.5) / 127.5
            out.append(self.call(x)[: len(part)])
        out = np.concatenate(out)
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def both(self, rgb):
        """The mean of the answers to the crops and to their mirror images, as unit vectors: a better, symmetric teacher."""
        out = self(rgb) + self(np.ascontiguousarray(rgb[:, :, :, ::-1]))
        return out / np.linalg.norm(out, axis=1, keepdims=True)
