"""Writes a student as a model bundle (see src/model/bundle.ts), whole or not at all."""

import hashlib
import json
import shutil
import struct
from pathlib import Path

import numpy as np
import torch

from network import STRIDES, Student


def tensors_of(student: Student) -> dict[str, torch.Tensor]:
    """TensorFlow's layouts, batch normalisation folded."""
    out = {}
    kernel, bias = student.pointwise[0].folded()
    out["backbone.0.kernel"], out["backbone.0.bias"] = kernel.permute(2, 3, 1, 0), bias
    for i, (depthwise, pointwise) in enumerate(zip(student.depthwise, student.pointwise[1:]), 1):
        kernel, bias = depthwise.folded()
        out[f"backbone.{i}.depthwise.kernel"], out[f"backbone.{i}.depthwise.bias"] = kernel.permute(2, 3, 0, 1), bias
        kernel, bias = pointwise.folded()
        out[f"backbone.{i}.pointwise.kernel"], out[f"backbone.{i}.pointwise.bias"] = kernel.permute(2, 3, 1, 0), bias
    out["heads.audioset.0.kernel"], out["heads.audioset.0.bias"] = student.audioset.weight.T, student.audioset.bias
    return out


def safetensors(tensors: dict[str, torch.Tensor]) -> bytes:
    """A safetensors file, float16."""
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.detach().contiguous().numpy().astype("<f2").tobytes()
        header[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(blobs)


def write_bundle(folder: Path, student: Student, like: dict, version: str, metrics: dict):
    """`like`: the model.json whose heads and names are taken over."""
    weights = safetensors(tensors_of(student))
    manifest = {
        **{key: value for key, value in like.items() if key != "quantization"},  # of other weights
        "version": version,
        "backbone": [
            {"type": "separable" if i else "conv", "kernel": 3, "stride": stride, "filters": width}
            for i, (stride, width) in enumerate(zip(STRIDES, student.widths))
        ],
        "embeddingSize": student.widths[-1],
        "metrics": metrics,
    }
    put_bundle(folder, manifest, weights)


def put_bundle(folder: Path, manifest: dict, weights: bytes, check=lambda fresh: None):
    """Replaces model.json and weights as a whole; whatever else lies in the folder stays. `check` may exit."""
    manifest["weights"] = {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    fresh, old = (folder.with_name(f"{folder.name}.{suffix}") for suffix in ("new", "old"))
    for stale in (fresh, old):
        shutil.rmtree(stale, ignore_errors=True)
    if folder.exists():
        shutil.copytree(folder, fresh)
    fresh.mkdir(parents=True, exist_ok=True)
    try:
        (fresh / "weights.safetensors").write_bytes(weights)
        (fresh / "model.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
        check(fresh)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
