"""Fit the embedder's last matrix anew, in closed form, on the training people's portraits as they are.

One command:  python polish.py --embedder WORK/embedder/average.pt --crops WORK/crops --out WORK/embedder/polished.pt

The training's crops are changed in many ways; what a photo gives is mostly plain. So the last matrix is moved by the
ridge regression of what the teacher's centred answers to the portraits and to their mirror images still differ by.
The answers' mean over the portraits, which says nothing about who someone is, is removed as well.

Before that every part of the net's body gets a ceiling: what 97 of 100 portraits stay under everywhere. Without one, a
deep net that was trained with its batches' own statistics answers a few crops, sharp colour photos above all, with
values a hundred times too large that drown who it is."""
import argparse
import os

import numpy as np
import torch

from crops import PORTRAITS
from nets import Embedder


def inputs(grey, size=256):
    for i in range(0, len(grey), size):
        x = (torch.from_numpy(np.ascontiguousarray(grey[i : i + size])).float() - 127.5) / 127.5
        yield x[:, None].repeat(1, 3, 1, 1)


@torch.no_grad()
def ceilings(net, grey, share):
    """For each part of the net's body what the highest value of this share of the crops stays under."""
    tops = [[] for _ in net.body]
    for x in inputs(grey):
        for part, top in zip(net.body, tops):
            x = part(x)
            top.append(x.flatten(1).amax(1))
    return [round(float(torch.cat(t).quantile(share)), 2) for t in tops]


@torch.no_grad()
def features(net, grey):
    """What the last matrix reads, for grey crops u8 [n, 112, 112]: f64 [n, 49 * squeeze]."""
    return torch.cat([net.squeeze(net.body(x)).flatten(1) for x in inputs(grey)]).double().numpy()


def refit(x, target, weight, ridge):
    """Features x [n, f], unit targets [n, d], matrix [d, f] -> the new matrix and bias; answers of mean nothing."""
    target = target - target.mean(0)
    x_mean = x.mean(0)
    x = x - x_mean
    now = x @ weight.T
    # The matrix may keep its scale: only the answers' directions count.
    left = target * ((now * target).sum() / (target ** 2).sum()) - now
    square = x.T @ x / len(x)
    move = np.linalg.solve(square + ridge * np.trace(square) / len(square) * np.eye(len(square)), x.T @ left / len(x)).T
    return weight + move, -(weight + move) @ x_mean


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--embedder", required=True)
    a.add_argument("--crops", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--ridge", type=float, default=0.1, help="holds the matrix back, in means of the features' squares")
    a.add_argument("--under", type=float, default=0.97, help="share of the portraits that stay under the ceilings")
    a = a.parse_args()
    torch.set_num_threads(1)
    saved = torch.load(a.embedder, map_location="cpu", weights_only=False)
    net = Embedder(**saved["shape"])
    net.load_state_dict(saved["average"])
    net.eval()
    shard = np.load(os.path.join(a.crops, PORTRAITS))
    grey, target = shard["grey"], shard["target"].astype(np.float64)
    target /= np.linalg.norm(target, axis=1, keepdims=True)
    net.limit(ceilings(net, grey, a.under))
    x = np.concatenate([features(net, grey), features(net, grey[:, :, ::-1])])
    spread = torch.rsqrt(net.scale.running_var + net.scale.eps).double()
    weight, bias = refit(x, np.concatenate([target, target]), (net.read.weight.detach().double() * spread[:, None]).numpy(), a.ridge)
    net.read.weight.data, net.read.bias.data = torch.from_numpy(weight).float(), torch.from_numpy(bias).float()
    net.scale.running_mean.zero_()
    net.scale.running_var.fill_(1 - net.scale.eps)
    torch.save({"average": net.state_dict(), "shape": net.shape}, a.out)
    answer = x @ weight.T + bias
    centred = np.concatenate([target, target]) - target.mean(0)
    cosine = (answer * centred).sum(1) / np.linalg.norm(answer, axis=1) / np.linalg.norm(centred, axis=1)
    print(f"{len(grey)} portraits; ceilings {net.shape['ceilings']}; mean cosine to the teacher's centred answers {cosine.mean():.4f}")


if __name__ == "__main__":
    main()
