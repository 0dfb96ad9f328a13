"""The front end and the MobileNetV1 of a model bundle in torch: the teacher (any bundle) and the student."""

import json
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

RATE_HZ = 16_000
WINDOW_SAMPLES = 15_600
FRAMES, BANDS = 96, 64
STRIDES = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
_DTYPES = {"F16": np.float16, "F32": np.float32}


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """A safetensors file (TensorFlow's layouts), as float32."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        array = np.frombuffer(data[begin:end], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.astype(np.float32))
    return tensors


def read_bundle(folder: Path) -> tuple[dict, dict[str, torch.Tensor]]:
    """model.json and the tensors of weights.safetensors."""
    return json.loads((folder / "model.json").read_text()), read_tensors(folder / "weights.safetensors")


def mel_filters() -> torch.Tensor:
    """[257, 64] triangles on the HTK mel scale, 125-7500 Hz (YAMNet's features.py)."""
    mel = lambda hz: 1127.0 * np.log1p(np.asarray(hz) / 700.0)
    edges = np.linspace(mel(125.0), mel(7500.0), BANDS + 2)
    bins = mel(np.linspace(0.0, RATE_HZ / 2, 257))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    filters[0] = 0.0
    return torch.from_numpy(filters.astype(np.float32))


_FILTERS = mel_filters()
_HANN = torch.hann_window(400, periodic=True)


def log_mel(waves: torch.Tensor) -> torch.Tensor:
    """[N, 15600] in -1..1 -> [N, 96, 64]; as precise as the waves: training can bear float32, the daemon has float64."""
    frames = waves.unfold(1, 400, 160) * _HANN.to(waves.dtype)  # [N, 96, 400]
    return torch.log(torch.fft.rfft(frames, 512).abs() @ _FILTERS.to(waves.dtype) + 0.001)


def same(x: torch.Tensor, stride: int) -> torch.Tensor:
    """TensorFlow's "same" padding for 3x3 kernels and even sizes: with stride 2 only below and right."""
    return F.pad(x, (0, 1, 0, 1)) if stride == 2 else F.pad(x, (1, 1, 1, 1))


class Teacher:
    """A bundle's backbone, batch normalisation folded, in inference only."""

    def __init__(self, folder: Path):
        self.manifest, self.tensors = read_bundle(folder)
        tensors = self.tensors
        self.layers = []  # (kernel, bias, stride, groups)
        for i, layer in enumerate(self.manifest["backbone"]):
            name = f"backbone.{i}"
            if layer["type"] == "conv":
                self.layers.append([(tensors[f"{name}.kernel"].permute(3, 2, 0, 1), tensors[f"{name}.bias"], layer["stride"], 1)])
                continue
            depthwise = tensors[f"{name}.depthwise.kernel"].permute(2, 3, 0, 1)
            pointwise = tensors[f"{name}.pointwise.kernel"].permute(3, 2, 0, 1)
            self.layers.append([
                (depthwise, tensors[f"{name}.depthwise.bias"], layer["stride"], len(depthwise)),
                (pointwise, tensors[f"{name}.pointwise.bias"], 1, 1),
            ])
        self.layers = [
            [(k.contiguous(memory_format=torch.channels_last), b, s, g) for k, b, s, g in layer] for layer in self.layers
        ]
        self.audioset = tensors["heads.audioset.0.kernel"], tensors["heads.audioset.0.bias"]

    @torch.no_grad()
    def embedding(self, mel: torch.Tensor) -> torch.Tensor:
        """[N, 96, 64] -> [N, 1024]"""
        x = mel[:, None].contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            for kernel, bias, stride, groups in layer:
                padding = 1 if kernel.shape[2] == 3 and stride == 1 else 0
                x = F.conv2d(same(x, 2) if stride == 2 else x, kernel, bias, stride, padding, 1, groups).relu_()
        return x.mean((2, 3))

    def logits(self, embedding: torch.Tensor) -> torch.Tensor:
        """[N, 1024] -> [N, 521], before the sigmoid"""
        kernel, bias = self.audioset
        return embedding @ kernel + bias


class Student(nn.Module):
    """The same network at other widths; the AudioSet layer is its own. Normalised while it is new, folded when it goes on from a bundle."""

    def __init__(self, widths: list[int], classes: int = 521, normalised: bool = True):
        super().__init__()
        self.widths = widths
        self.depthwise, self.pointwise = nn.ModuleList(), nn.ModuleList()
        self.pointwise.append(_Convolution(1, widths[0], 3, STRIDES[0], 1, normalised))
        for before, width, stride in zip(widths, widths[1:], STRIDES[1:]):
            self.depthwise.append(_Convolution(before, before, 3, stride, before, normalised))
            self.pointwise.append(_Convolution(before, width, 1, 1, 1, normalised))
        self.audioset = nn.Linear(widths[-1], classes)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """[N, 96, 64] -> [N, 1024]"""
        x = mel[:, None].contiguous(memory_format=torch.channels_last)
        x = self.pointwise[0](x)
        for depthwise, pointwise in zip(self.depthwise, self.pointwise[1:]):
            x = pointwise(depthwise(x))
        return x.mean((2, 3))


class _Convolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int, normalised: bool):
        super().__init__()
        padding = 1 if kernel == 3 and stride == 1 else 0
        self.stride = stride
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=not normalised)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-4, momentum=0.02) if normalised else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.norm(self.conv(same(x, 2) if self.stride == 2 else x)), inplace=True)

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Kernel and bias with the normalisation multiplied in."""
        if isinstance(self.norm, nn.Identity):
            return self.conv.weight, self.conv.bias
        scale = self.norm.weight / (self.norm.running_var + self.norm.eps).sqrt()
        return self.conv.weight * scale[:, None, None, None], self.norm.bias - self.norm.running_mean * scale
