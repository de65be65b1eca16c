"""The two nets. Dense 3x3 convolutions nearly everywhere: they train five times faster on a CPU than depthwise ones."""
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


def relu(x, top=None):
    """ReLU, with a ceiling if told so."""
    return F.relu(x, inplace=True) if top is None else x.clamp(0, top)


class Conv(nn.Module):
    """Convolution, batch norm, and (unless told otherwise) ReLU. `folded()` joins the first two for the export."""

    def __init__(self, i, o, size=3, stride=1, pad=None, act=True, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(i, o, size, stride, size // 2 if pad is None else pad, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(o)
        self.act, self.top = act, None

    def forward(self, x):
        x = self.norm(self.conv(x))
        return relu(x, self.top) if self.act else x

    def fold(self):
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Block(nn.Module):
    """Residual pair of 3x3 convolutions at one size."""

    def __init__(self, c):
        super().__init__()
        self.a, self.b, self.top = Conv(c, c), Conv(c, c, act=False), None

    def forward(self, x):
        return relu(x + self.b(self.a(x)), self.top)


class Embedder(nn.Module):
    """RGB [n, 3, 112, 112], (x - 127.5) / 127.5 -> [n, 128], not normalised.

    A stem of two steps to 28 x 28, then stages of 28, 14 and 7 pixels; the last map is squeezed and read by one matrix,
    so that each place of the face has weights of its own. `ceilings`, one for each part of the body, are set after the
    training (`polish.py`)."""

    def __init__(self, width=(32, 64, 128), blocks=(1, 2, 1), squeeze=24, dimension=128, ceilings=None):
        super().__init__()
        self.shape = {"width": tuple(width), "blocks": tuple(blocks)}
        layers, last = [nn.Sequential(Conv(3, 16, 3, 2), Conv(16, width[0], 3, 2))], width[0]
        for k, (c, n) in enumerate(zip(width, blocks)):
            if k:
                layers.append(Conv(last, c, 3, 2))
            layers += [Block(c) for _ in range(n)]
            last = c
        self.body = nn.Sequential(*layers)
        self.squeeze = Conv(last, squeeze, 1)
        self.read = nn.Linear(squeeze * 49, dimension)
        self.scale = nn.BatchNorm1d(dimension, affine=False)
        if ceilings:
            self.limit(ceilings)

    def limit(self, ceilings):
        """Hold what each part of the body gives at or below these."""
        self.shape["ceilings"] = list(ceilings)
        for part, top in zip(self.body, ceilings, strict=True):
            (part[-1] if isinstance(part, nn.Sequential) else part).top = top

    def forward(self, x):
        return self.scale(self.read(self.squeeze(self.body(x)).flatten(1)))


@torch.no_grad()
def keep(average, net, share):
    """Move `average` towards the net's weights, keeping `share` of itself."""
    torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - share)


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
    if isinstance(net, Detector):
        net.enter.fold(net.stem.conv)
        net.enter = nn.Identity()
    if isinstance(net, Embedder):
        s = torch.rsqrt(net.scale.running_var + net.scale.eps)
        net.read.weight.data *= s[:, None]
        net.read.bias.data = (net.read.bias.data - net.scale.running_mean) * s
        net.scale = nn.Identity()
    return net


class Enter(nn.Module):
    """Pixels 0..255 to about -2..2, with one pixel of black around; the export moves all that into the first convolution."""

    middle, unit = 127.5, 1 / 64

    def forward(self, x):
        return F.pad((x - self.middle) * self.unit, (1, 1, 1, 1), value=-self.middle * self.unit)

    def fold(self, conv):
        conv.weight.data *= self.unit
        conv.bias.data -= conv.weight.data.sum((1, 2, 3)) * self.middle
        conv.padding = (1, 1)


class Detector(nn.Module):
    """BGR [n, 3, h, w], raw 0..255, h and w multiples of 32 -> per stride 8, 16, 32 a map [n, 16, h/s, w/s]:
    cls, obj (logits), dx, dy, dw, dh, and five landmarks x, y, all as in YuNet's head."""

    def __init__(self, stem=32, width=(32, 48, 64), neck=32, points=64):
        super().__init__()
        # One step of overlapping pieces to a quarter of the size: two steps cost 1.3 ms more at 640 x 480.
        self.enter, self.stem = Enter(), Conv(3, stem, 6, 4, 0)
        last, stages = stem, []
        for c in width:
            stages.append(nn.Sequential(Conv(last, c, 3, 2), Block(c)))
            last = c
        self.stages = nn.ModuleList(stages)
        self.deep = Block(last)
        self.lateral = nn.ModuleList(Conv(c, neck, 1, act=False) for c in width)
        self.smooth = nn.ModuleList(Conv(neck, neck) for _ in width)
        # The landmarks are read from a wider map of their own.
        self.wide = nn.ModuleList(nn.Sequential(Conv(neck, points, 1), Conv(points, points, groups=points)) for _ in width)
        self.head = nn.ModuleList(nn.Conv2d(neck, 6, 1) for _ in width)
        self.points = nn.ModuleList(nn.Conv2d(points, 10, 1) for _ in width)
        for h in (*self.head, *self.points):
            nn.init.normal_(h.weight, 0, 0.01)
            nn.init.zeros_(h.bias)
        for h in self.head:
            h.bias.data[:2] = -3.0
            h.bias.data[4:6] = 1.0

    def features(self, x):
        """Per stride the maps that `head` and `points` read."""
        x = self.stem(self.enter(x))
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
            y = self.smooth[k](up)
            out[k] = y, self.wide[k](y)
        return out

    def forward(self, x):
        return [torch.cat([h(a), p(b)], 1) for h, p, (a, b) in zip(self.head, self.points, self.features(x))]
