"""The daemon's arithmetic of the event head against torch's, on made-up embeddings: for a test.

    python golden_event.py BUNDLE OUT.json

Writes {"scale", "embeddings": [9][1024] as integers to be divided by scale, "levels": [9][33], "logOdds": [9][kinds]}: nine
windows of one stream from its beginning. The weights are those of the bundle, float16 read as float32.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from network import read_bundle

SCALE = 64


def layers_of(manifest: dict, tensors: dict, name: str, layers: list[dict]):
    for i, layer in enumerate(layers):
        yield tensors[f"event.{name}.{i}.kernel"].double(), tensors[f"event.{name}.{i}.bias"].double(), layer["activation"]


def dense(x: torch.Tensor, layers) -> torch.Tensor:
    for kernel, bias, activation in layers:
        x = x @ kernel + bias
        x = x.relu() if activation == "relu" else x
    return x


def log_odds(bundle: Path, embeddings: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """[windows, 1024], [windows, blocks] of one stream from its beginning -> [windows, kinds]"""
    manifest, tensors = read_bundle(bundle)
    event = manifest["event"]
    z = dense(embeddings.double(), layers_of(manifest, tensors, "window", event["window"]))
    out = []
    for i in range(len(z)):
        memory = z[[max(0, k) for k in range(i - event["windows"] + 1, i + 1)]]
        x = torch.cat([memory.flatten(), memory.amax(0), levels[i].double()])
        out.append(dense(x, layers_of(manifest, tensors, "layers", event["layers"])))
    return torch.stack(out)


def main(bundle: Path, out: Path):
    rng = np.random.default_rng(1)
    whole = np.where(rng.uniform(size=(9, 1024)) < 0.5, 0, rng.integers(0, 3 * SCALE, (9, 1024)))
    levels = np.round(np.clip(rng.normal(0.5, 0.7, (9, 33)), 0, 3), 2)
    levels[0, :23] = 0  # the stream has only begun
    said = log_odds(bundle, torch.from_numpy(whole) / SCALE, torch.from_numpy(levels))
    out.write_text(json.dumps({"scale": SCALE, "embeddings": whole.tolist(), "levels": levels.tolist(), "logOdds": [[round(v, 5) for v in row] for row in said.tolist()]}) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
