"""Begin an embedder's training from the weights of a pack's embedder.onnx instead of from nothing.

The graph holds each batch norm folded into its convolution; here they come apart again. Stages may have more blocks
than the graph's; the new ones begin by doing nothing. A stem of another kind begins anew."""
import onnx
import torch
from onnx import numpy_helper

from nets import Block, Conv


def weights(path):
    """Initialisers of a graph by name, f32 tensors; the `_h` of those stored as fp16 is dropped."""
    return {t.name.removesuffix("_h"): torch.from_numpy(numpy_helper.to_array(t).astype("float32")) for t in onnx.load(path).graph.initializer}


def stages(kinds):
    """Numbers of a body's parts, stage by stage: the leading convolution first, then the blocks. `kinds`: is it a block?"""
    out = []
    for i, block in enumerate(kinds):
        if not block:
            out.append([])
        out[-1].append(i)
    return out


def unfold(norm, bias):
    """At the norm's next input, let it take the batch's statistics and answer with its input plus `bias`."""
    def once(_, inputs):
        x = inputs[0].float()
        norm.weight.data.copy_((x.var((0, 2, 3), unbiased=False) + norm.eps).sqrt())
        norm.bias.data.copy_(x.mean((0, 2, 3)) + bias)
        hook.remove()
    hook = norm.register_forward_pre_hook(once)


@torch.no_grad()
def begin(net, path, x):
    """Put the weights of the graph at `path` into `net`, an Embedder of the same widths; `x` is a batch of input."""
    have = weights(path)
    count = 1 + max(int(k.split(".")[1]) for k in have if k.startswith("body."))
    old = stages([f"body.{i}.a.conv.weight" in have for i in range(count)])
    new = stages([isinstance(m, Block) for m in net.body])
    names = {f"body.{i}": f"body.{j}" for a, b in zip(new, old) for i, j in zip(a, b)}
    for name, part in net.named_modules():
        if not isinstance(part, Conv):
            continue
        place = ".".join(name.split(".")[:2])
        source = name.replace(place, names.get(place, place))
        if source + ".conv.weight" in have and (name == "squeeze" or place in names):
            part.conv.weight.copy_(have[source + ".conv.weight"])
            unfold(part.norm, have[source + ".conv.bias"].to(x.device))
        elif name.endswith(".b"):
            torch.nn.init.zeros_(part.norm.weight)
    net.read.weight.copy_(have["read.weight"])
    net.read.bias.copy_(have["read.bias"])
    net.train()
    net(x)
