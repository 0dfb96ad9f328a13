"""Clips without a label that mn04 takes for an alarm -> WORK/mined-ROLE.json {kind: [clip numbers]}, for scenes.py.

    python mine.py WORK MN04.pt ROLE

Games are full of screams and broken panes whose names say nothing. They get no label for it: scenes.py only lays them
more often, and what is to be learned of them is what mn04 says of each scene.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import torch

from mn04 import Mn04, front_end_16k
from scenes import EVENTS, SCENE, Pool, fast

LOGIT = -0.85  # a score of 0.3


def class_logits(logits: torch.Tensor, names: list[str]) -> torch.Tensor:
    """[N, 527] -> [N, kinds]: the logarithm of the summed odds of each kind's AudioSet classes."""
    return torch.stack([logits[:, [names.index(c) for c in given["audioset"]]].logsumexp(1) for given in EVENTS["kinds"].values()], 1)


def audioset_names(csv_file: Path) -> list[str]:
    with open(csv_file) as rows:
        return [row["display_name"] for row in csv.DictReader(rows)]


def loudest(clip: np.ndarray) -> np.ndarray:
    """The 3.375 s around the loudest 0.5 s, at peak -6 dBFS over a little noise."""
    x = clip[: 16_000 * 25].astype(np.float32)
    block = 8_000
    power = np.array([np.mean(x[k : k + block] ** 2) for k in range(0, max(1, len(x) - block + 1), block // 2)])
    start = max(0, min(int(power.argmax()) * block // 2 - 16_000, len(x) - SCENE))
    x = x[start : start + SCENE]
    out = np.random.default_rng(len(clip)).standard_normal(SCENE).astype(np.float32) * 2e-4
    at = (SCENE - len(x)) // 2
    out[at : at + len(x)] += 0.5 * x / (np.abs(x).max() + 1)
    return out


class Ear:
    """mn04 with its weights and the names of its classes, audioset_527_class_labels.csv, beside them."""

    def __init__(self, weights: Path, scratch: Path):
        self.net, self.names = Mn04(weights), audioset_names(weights.with_name("audioset_527_class_labels.csv"))
        scratch.mkdir(parents=True, exist_ok=True)
        self.embed = fast(self.net.network, torch.zeros(2, 1, 128, 338), scratch / "mn04-ear.onnx")

    @torch.no_grad()
    def kinds(self, waves: torch.Tensor) -> torch.Tensor:
        """[N, 54000] -> [N, kinds]"""
        heard = torch.cat([self.embed(front_end_16k(part)) for part in waves.split(8)])
        return class_logits(self.net.logits(heard), self.names)

    def __call__(self, clips: list[np.ndarray]) -> torch.Tensor:
        """int16 of any length -> [N, kinds]"""
        return self.kinds(torch.from_numpy(np.stack([loudest(clip) for clip in clips])))


def main(work: Path, weights: Path, role: str):
    torch.set_num_threads(1)
    pool, ear = Pool(work, role), Ear(weights, work / "onnx")
    numbers = [i for i, entry in enumerate(pool.index) if entry[0] == ""]
    found: dict[str, list[int]] = {kind: [] for kind in EVENTS["alarm"]}
    for first in range(0, len(numbers), 32):
        some = numbers[first : first + 32]
        for i, row in zip(some, ear([pool.clip(i) for i in some])):
            for k, kind in enumerate(found):
                if row[k] > LOGIT:
                    found[kind].append(i)
    (work / f"mined-{role}.json").write_text(json.dumps(found))
    print({kind: len(clips) for kind, clips in found.items()}, "of", len(numbers), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]), sys.argv[3])
