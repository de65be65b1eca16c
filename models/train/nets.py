"""The two nets. Dense 3x3 convolutions only: they train five times faster on a CPU than depthwise ones."""
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


class Conv(nn.Module):
    """Convolution, batch norm, and (unless told otherwise) ReLU. `folded()` joins the first two for the export."""

    def __init__(self, i, o, size=3, stride=1, pad=None, act=True):
        super().__init__()
        self.conv = nn.Conv2d(i, o, size, stride, size // 2 if pad is None else pad, bias=False)
        self.norm = nn.BatchNorm2d(o)
        self.act = act

    def forward(self, x):
        x = self.norm(self.conv(x))
        return F.relu(x, inplace=True) if self.act else x

    def fold(self):
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Block(nn.Module):
    """Residual pair of 3x3 convolutions at one size."""

    def __init__(self, c):
        super().__init__()
        self.a, self.b = Conv(c, c), Conv(c, c, act=False)

    def forward(self, x):
        return F.relu(x + self.b(self.a(x)), inplace=True)


class Embedder(nn.Module):
    """RGB [n, 3, 112, 112], (x - 127.5) / 127.5 -> [n, 128], not normalised.

    A 4x4 stem to 28 x 28, then stages of 28, 14 and 7 pixels; the last map is squeezed and read by one matrix, so that
    each place of the face has weights of its own."""

    def __init__(self, width=(32, 64, 128), blocks=(1, 2, 1), squeeze=24, dimension=128):
        super().__init__()
        layers, last = [Conv(3, width[0], 4, 4, 0)], width[0]
        for k, (c, n) in enumerate(zip(width, blocks)):
            if k:
                layers.append(Conv(last, c, 3, 2))
            layers += [Block(c) for _ in range(n)]
            last = c
        self.body = nn.Sequential(*layers)
        self.squeeze = Conv(last, squeeze, 1)
        self.read = nn.Linear(squeeze * 49, dimension)
        self.scale = nn.BatchNorm1d(dimension, affine=False)

    def forward(self, x):
        return self.scale(self.read(self.squeeze(self.body(x)).flatten(1)))


@torch.no_grad()
def settle(net, batches):
    """Give averaged weights batch-norm statistics of their own: the mean over a few training batches."""
    for m in net.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.reset_running_stats()
            m.momentum = None
    net.train()
    for x in batches:
        net(x)
    net.eval()


def fold(net):
    """Join every batch norm with the layer before it; the net then only serves to answer."""
    net.eval()
    for m in net.modules():
        if isinstance(m, Conv):
            m.fold()
    if isinstance(net, Embedder):
        s = torch.rsqrt(net.scale.running_var + net.scale.eps)
        net.read.weight.data *= s[:, None]
        net.read.bias.data = (net.read.bias.data - net.scale.running_mean) * s
        net.scale = nn.Identity()
    return net


class Detector(nn.Module):
    """BGR [n, 3, h, w], raw 0..255, h and w multiples of 32 -> per stride 8, 16, 32 a map [n, 16, h/s, w/s]:
    cls, obj (logits), dx, dy, dw, dh, and five landmarks x, y, all as in YuNet's head."""

    def __init__(self, stem=(16, 24), width=(32, 64, 64), neck=32):
        super().__init__()
        # Two overlapping steps to a quarter of the size: one step of 4 x 4 pixels loses faces of a dozen pixels.
        self.stem = nn.Sequential(Conv(3, stem[0], 3, 2), Conv(stem[0], stem[1], 3, 2))
        stem = stem[-1]
        last, stages = stem, []
        for c in width:
            stages.append(nn.Sequential(Conv(last, c, 3, 2), Block(c)))
            last = c
        self.stages = nn.ModuleList(stages)
        self.deep = Block(last)
        self.lateral = nn.ModuleList(Conv(c, neck, 1, act=False) for c in width)
        self.smooth = nn.ModuleList(Conv(neck, neck) for _ in width)
        self.head = nn.ModuleList(nn.Conv2d(neck, 16, 1) for _ in width)
        for h in self.head:
            nn.init.normal_(h.weight, 0, 0.01)
            nn.init.zeros_(h.bias)
            h.bias.data[:2] = -3.0
            h.bias.data[4:6] = 1.0

    def forward(self, x):
        x = self.stem((x - 127.5) * (1 / 64))
        maps = []
        for s in self.stages:
            x = s(x)
            maps.append(x)
        maps[-1] = self.deep(maps[-1])
        up, out = None, [None] * 3
        for k in (2, 1, 0):
            y = self.lateral[k](maps[k])
            if up is not None:
                y = y + F.interpolate(up, scale_factor=2.0, mode="nearest")
            up = F.relu(y)
            out[k] = self.head[k](self.smooth[k](up))
        return out
