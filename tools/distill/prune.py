"""The student's first weights: the teacher's, with channels left out and what remains fitted again.

Layer by layer, on a few thousand training windows: keep the channels from which the next layer's input can best
be rebuilt (pivoted Cholesky of their Gram matrix, weighted by what the next layer makes of them), then solve for
the pointwise kernel that gives the teacher's values from the student's own, already narrower, inputs.
"""

import torch
import torch.nn.functional as F

from network import Student, Teacher, same

BATCH = 128
ROWS = 120_000  # positions that enter each least-squares fit
RIDGE = 1e-3


def important(x: torch.Tensor, weight: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of `count` columns of x [rows, C] that span it best, each column scaled by its weight."""
    scaled = x * weight
    gram = (scaled.T @ scaled).double() / len(x)
    chosen = []
    for _ in range(count):
        best = int(gram.diagonal().argmax())
        column = gram[:, best] / gram[best, best].sqrt()
        gram = gram - column[:, None] * column[None]
        gram[best], gram[:, best] = 0, 0
        gram[chosen], gram[:, chosen] = 0, 0
        chosen.append(best)
    return torch.tensor(sorted(chosen))


def rows(x: torch.Tensor) -> torch.Tensor:
    """[N, C, h, w] -> [at most ROWS, C]"""
    flat = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    step = max(1, len(flat) // ROWS)
    return flat[::step].float()


@torch.no_grad()
def through(x: torch.Tensor, *convolutions) -> torch.Tensor:
    out = []
    for part in x.split(BATCH):
        for kernel, bias, stride, groups in convolutions:
            padding = 1 if kernel.shape[2] == 3 and stride == 1 else 0
            part = F.conv2d(same(part, 2) if stride == 2 else part, kernel, bias, stride, padding, 1, groups).relu_()
        out.append(part)
    return torch.cat(out)


def set_layer(layer, kernel: torch.Tensor, bias: torch.Tensor, x: torch.Tensor):
    """Writes kernel and bias so that the batch normalisation, with this batch's statistics, changes nothing."""
    layer.conv.weight.copy_(kernel)
    z = torch.cat([F.conv2d(same(p, 2) if layer.stride == 2 else p, kernel, None, layer.stride, layer.conv.padding, 1, layer.conv.groups) for p in x[:1024].split(BATCH)])
    mean, var = z.mean((0, 2, 3)), z.var((0, 2, 3), unbiased=False)
    layer.norm.running_mean.copy_(mean)
    layer.norm.running_var.copy_(var)
    layer.norm.weight.copy_((var + layer.norm.eps).sqrt())
    layer.norm.bias.copy_(mean + bias)


@torch.no_grad()
def pruned(teacher: Teacher, widths: list[int], mel: torch.Tensor) -> Student:
    """A student that already resembles the teacher. mel: [N, 96, 64], some thousand training windows."""
    student = Student(widths)
    kernel, bias, stride, _ = teacher.layers[0][0]
    x = mel[:, None]
    wide = through(x, (kernel, bias, stride, 1))
    kept = choose(teacher, 0, wide, widths[0])
    set_layer(student.pointwise[0], kernel[kept], bias[kept], x)
    narrow = through(x, (kernel[kept], bias[kept], stride, 1))
    for i in range(1, len(widths)):
        (dk, db, ds, _), (pk, pb, _, _) = teacher.layers[i]
        depthwise = (dk[kept], db[kept], ds, len(kept))
        set_layer(student.depthwise[i - 1], dk[kept], db[kept], narrow)
        narrow = through(narrow, depthwise)
        wide = through(wide, teacher.layers[i][0])
        target = F.conv2d(wide[:1], pk, pb)  # only for its channel count
        after = through(wide, (pk, pb, 1, 1))
        kept = torch.arange(target.shape[1]) if i == len(widths) - 1 else choose(teacher, i, after, widths[i])
        a, b = rows(narrow), rows(wide) @ pk[kept, :, 0, 0].T + pb[kept]
        # Values that stay below zero after ReLU need not be met exactly; a few sweeps free them.
        a1 = torch.cat([a, torch.ones(len(a), 1)], 1).double()
        gram = a1.T @ a1 / len(a1)
        gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64)
        goal = b.double()
        for _ in range(4):
            solution = torch.linalg.solve(gram, a1.T @ goal / len(a1))
            fit = a1 @ solution
            goal = torch.where((b < 0) & (fit < 0), fit, b.double())
        kernel, bias = solution[:-1].T.float()[:, :, None, None].contiguous(), solution[-1].float()
        set_layer(student.pointwise[i], kernel, bias, narrow)
        narrow, wide = through(narrow, (kernel, bias, 1, 1)), after
        error = ((fit.clamp(min=0) - b.clamp(min=0)).square().sum() / b.clamp(min=0).square().sum()).item()
        print(f"layer {i}: {len(kept)} of {pk.shape[0]} channels, error {error:.3f}", flush=True)
    student.audioset.weight.copy_(teacher.audioset[0].T)
    student.audioset.bias.copy_(teacher.audioset[1])
    return student


def choose(teacher: Teacher, layer: int, x: torch.Tensor, count: int) -> torch.Tensor:
    """Which output channels of a layer to keep, seen from the next layer."""
    depthwise, (next_kernel, _, _, _) = teacher.layers[layer + 1]
    seen = rows(through(x, depthwise))
    return important(seen - seen.mean(0), next_kernel[:, :, 0, 0].norm(dim=0), count)
