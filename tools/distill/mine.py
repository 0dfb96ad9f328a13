"""Clips without a label that mn04 takes for an alarm -> WORK/mined-ROLE.json {kind: [clip numbers]}, for scenes.py.

    python mine.py WORK YAMNET_BUNDLE MN04.pt ROLE

Games are full of screams and broken panes whose names say nothing. They get no label for it: scenes.py only lays them
more often, and what is to be learned of them is what mn04 says of each scene.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import torch

from mn04 import Mn04
from scenes import EVENTS, SCENE, Pool, Teachers

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


def main(work: Path, yamnet: Path, weights: Path, role: str):
    torch.set_num_threads(1)
    pool, teachers, net = Pool(work, role), Teachers(yamnet, weights, work / "onnx"), Mn04(weights)
    names = audioset_names(weights.with_name("audioset_527_class_labels.csv"))
    numbers = [i for i, entry in enumerate(pool.index) if entry[0] == ""]
    found: dict[str, list[int]] = {kind: [] for kind in EVENTS["alarm"]}
    for first in range(0, len(numbers), 32):
        some = numbers[first : first + 32]
        waves = torch.from_numpy(np.stack([loudest(pool.clip(i)) for i in some]))
        said = class_logits(net.logits(teachers.mn04(waves)), names)
        for i, row in zip(some, said):
            for k, kind in enumerate(found):
                if row[k] > LOGIT:
                    found[kind].append(i)
    (work / f"mined-{role}.json").write_text(json.dumps(found))
    print({kind: len(clips) for kind, clips in found.items()}, "of", len(numbers), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), sys.argv[4])
