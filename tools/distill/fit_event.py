"""Stage 5: the event head of a finished backbone, from the same scenes -> OUT/event.json and OUT/event.safetensors.

    python fit_event.py WORK MN04.pt BUNDLE OUT [--steps 4000] [--folds 3] [--ordinary HOURS.npz] [--shards N]

The backbone stays as it is; its embeddings of all scenes are kept in WORK/features-NAME. In every epoch the negatives
that look most like an alarm are chosen anew: HARD of them for every alarm. --ordinary (streams.py --ordinary, of hours
in which nothing is an alarm) is more of them, in the proportion that life has. What a head says of sources it did not learn
from calibrates it: a last layer weighs all opinions, the ordinary kinds' too, into log-odds.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from bundle import safetensors
from event import ALARMS, EventHead, event_loss
from mine import audioset_names
from mn04 import Mn04
from network import FRAMES, Teacher
from scenes import BLOCK, BLOCKS, HOP, KINDS, SHARD, WINDOWS, fast, windows_of
from shards import Shards
from train import Targets

BATCH, RATE, DECAY, DROPOUT = 256, 2e-3, 1e-2, 0.15
HARD = 5  # hard negatives chosen anew for each positive
EPOCH_STEPS = 400
ORDINARY, ORDINARY_WEIGHT = 64, 1.0  # of each batch, beside the scenes
SYNTHETIC = ("made", "composed", "shouted")
NEVER = {"falseAlarmsPerDay": 0, "leak": 0, "lines": dict.fromkeys(KINDS[:ALARMS], 1000), "offsets": dict.fromkeys(KINDS[:ALARMS], 0)}
SYNTHETIC_WEIGHT = 0.3  # in the calibration: every head has learned from the same makers


def features(work: Path, bundle: Path, scenes: Shards) -> torch.Tensor:
    """[N, 6, 1024] float16"""
    folder = work / f"features-{bundle.name}"
    folder.mkdir(exist_ok=True)
    embed = None
    out = torch.empty(len(scenes), WINDOWS, 1024, dtype=torch.half)
    for place, number, mel in zip(out.split(SHARD), scenes.numbers, scenes.mels):
        file = folder / f"{number}.npy"
        if not file.exists():
            if embed is None:
                embed = fast(Teacher(bundle).embedding, torch.zeros(2, FRAMES, 64), folder / "backbone.onnx")
            parts = [embed(windows_of(torch.from_numpy(mel[k : k + 32]).float()).flatten(0, 1)) for k in range(0, SHARD, 32)]
            np.save(file, torch.cat(parts).view(SHARD, WINDOWS, -1).half().numpy())
        place.copy_(torch.from_numpy(np.load(file)))
    return out


class Ordinary:
    """Windows of hours without an alarm, each with those before it."""

    def __init__(self, path: Path):
        with np.load(path) as data:
            self.embedding, self.levels, clip = torch.from_numpy(data["embedding"]), torch.from_numpy(data["levels"]), data["clip"]
        rows = np.arange(len(clip))[:, None] + np.arange(1 - WINDOWS, 1)
        self.rows = np.maximum(rows, np.searchsorted(clip, clip)[:, None])
        self.hard = np.arange(len(clip))

    def batch(self, rng, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        take = np.concatenate([rng.integers(len(self.rows), size=count // 2), rng.choice(self.hard, count - count // 2)])
        return self.embedding[self.rows[take]].float(), self.levels[take].float()

    @torch.no_grad()
    def choose(self, head: EventHead):
        """The twentieth that looks most like an alarm."""
        head.eval()
        z = torch.cat([head.remembered(part.float()) for part in self.embedding.split(4096)])
        parts = np.array_split(np.arange(len(self.rows)), 1 + len(self.rows) // 4096)
        said = torch.cat([head.kinds(head.body(z[self.rows[p]], self.levels[p].float()))[:, :ALARMS] for p in parts])
        said = (said - said.mean(0)) / said.std(0)
        self.hard = said.amax(1).topk(len(said) // 20).indices.numpy()
        head.train()


def fit(embeddings: torch.Tensor, scenes: Shards, targets: Targets, rows: np.ndarray, steps: int, seed: int, ordinary: Ordinary | None = None, start: dict | None = None) -> EventHead:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head = EventHead()
    head.standardise(embeddings[rng.choice(rows, min(len(rows), 4000))].float().flatten(0, 1))
    if start:
        head.load_state_dict(start)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.2)
    labels = scenes.all["labels"][rows, :ALARMS]
    hard = rows[:0]
    for step in range(steps):
        if step % EPOCH_STEPS == 0 and step:
            said = opinions(head, embeddings, scenes, rows)[:, :ALARMS]
            chosen = []
            for k in range(ALARMS):
                negative = torch.where(labels[:, k] == 0, said[:, k], -torch.inf)
                count = min(int(HARD * (labels[:, k] == 1).sum()), int((labels[:, k] == 0).sum()) // 4)
                chosen.append(negative.topk(count).indices.numpy())
            hard = rows[np.unique(np.concatenate(chosen))]
            head.train()
            if ordinary:
                ordinary.choose(head)
        mine = rng.choice(rows, BATCH - (BATCH // 3 if len(hard) else 0))
        batch = torch.from_numpy(np.concatenate([mine, rng.choice(hard, BATCH // 3)]) if len(hard) else mine)
        opinion, audioset = head(embeddings[batch].float(), scenes.all["levels"][batch].float(), DROPOUT)
        loss = event_loss(opinion, audioset, *targets.of(batch))
        if ordinary:
            alarms = head(*ordinary.batch(rng, ORDINARY), DROPOUT)[0][:, :ALARMS]
            loss = loss + ORDINARY_WEIGHT * F.softplus(alarms).sum(1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(f"{step} loss {loss.item():.3f}", flush=True)
    return head.eval()


@torch.no_grad()
def opinions(head: EventHead, embeddings: torch.Tensor, scenes: Shards, rows: np.ndarray) -> torch.Tensor:
    """[rows, 2 K]"""
    head.eval()
    parts = np.array_split(rows, max(1, len(rows) // 2048))
    return torch.cat([head(embeddings[p].float(), scenes.all["levels"][p].float())[0] for p in parts])


def calibration(said: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor, steps: int = 400) -> torch.nn.Linear:
    """Opinions [N, 2 K] of heads that had not heard the sources -> the layer that gives log-odds [K]. Weights are drawn to the kind's own opinion."""
    layer = torch.nn.Linear(2 * len(KINDS), len(KINDS))
    start = torch.cat([0.7 * torch.eye(len(KINDS)), 0.1 * torch.eye(len(KINDS))], 1)
    layer.weight.data.copy_(start)
    layer.bias.data.zero_()
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=steps, line_search_fn="strong_wolfe")
    known = (labels >= 0).float() * weight[:, None]

    def loss():
        optimizer.zero_grad()
        value = (F.binary_cross_entropy_with_logits(layer(said), labels.clamp(min=0).float(), reduction="none") * known).sum(0) / known.sum(0)
        value = value.sum() + 2e-3 * (layer.weight - start).square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return layer.requires_grad_(False)


def shelve(out: Path, head: EventHead, layer: torch.nn.Linear):
    """event.pt to go on from, and event.json: the manifest's entry with a rule that never alarms: rule.mjs writes the true one. Layers in the order of computing."""
    kernel, bias = head.folded()
    out.mkdir(parents=True, exist_ok=True)
    tensors = {"event.window.0.kernel": kernel, "event.window.0.bias": bias}
    for i, dense in enumerate((head.hidden, head.kinds, layer)):
        tensors |= {f"event.layers.{i}.kernel": dense.weight.T, f"event.layers.{i}.bias": dense.bias}
    (out / "event.safetensors").write_bytes(safetensors(tensors))
    entry = {
        "kinds": KINDS,
        "windows": WINDOWS,
        "hopSamples": HOP,
        "levels": {"blocks": BLOCKS, "blockSamples": BLOCK, "floorBlocks": 3, "scaleDb": 20, "limit": 3},
        "window": [{"units": kernel.shape[1], "activation": "relu"}],
        "layers": [
            {"units": len(head.hidden.bias), "activation": "relu"},
            {"units": len(head.kinds.bias), "activation": "linear"},
            {"units": len(layer.bias), "activation": "linear"},
        ],
        "alarm": {"kinds": KINDS[:ALARMS], "sensitivities": dict.fromkeys(("low", "normal", "high"), NEVER)},
    }
    (out / "event.json").write_text(json.dumps(entry, indent=1) + "\n")
    torch.save({"head": head.state_dict(), "layer": layer.state_dict()}, out / "event.pt")


def main():
    options = argparse.ArgumentParser()
    for name in ("work", "mn04", "bundle", "out"):
        options.add_argument(name, type=Path)
    options.add_argument("--steps", type=int, default=4000)
    options.add_argument("--folds", type=int, default=3)
    options.add_argument("--ordinary", type=Path, help="an .npz of streams.py --ordinary, of this bundle")
    options.add_argument("--start", type=Path, help="an event.pt to go on from (of train.py): fewer steps do")
    options.add_argument("--shards", type=int, help="only so many")
    options.add_argument("--only", help="fits only this head (fold-0 ... or head) and keeps it in OUT for a later run: one process each")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    torch.set_num_threads(1)
    scenes = Shards(given.work / "scenes-training", given.shards)
    ordinary = Ordinary(given.ordinary) if given.ordinary else None
    start = torch.load(given.start, weights_only=True) if given.start else None
    start = start.get("head", start) if start else None
    embeddings = features(given.work, given.bundle, scenes)
    targets = Targets(Mn04(given.mn04), audioset_names(given.mn04.with_name("audioset_527_class_labels.csv")))
    targets.refit(scenes)
    rows = np.arange(len(scenes))
    source = scenes.all["source"]
    synthetic = np.isin(source, SYNTHETIC)
    names = np.unique(source[~synthetic])
    fold = dict(zip(names, np.random.default_rng(5).permutation(len(names)) % given.folds))
    of = np.array([fold.get(name, -1) for name in source])

    def fitted(name: str, some: np.ndarray, steps: int, seed: int, start: dict | None = None) -> EventHead:
        file = given.out / f"{name}.pt"
        if file.exists():
            head = EventHead()
            head.load_state_dict(torch.load(file, weights_only=True))
            return head.eval()
        head = fit(embeddings, scenes, targets, some, steps, seed, ordinary, start)
        torch.save(head.state_dict(), file)
        return head

    given.out.mkdir(parents=True, exist_ok=True)
    parts = {f"fold-{k}": (rows[of != k], given.steps // 2, 100 + k) for k in range(given.folds)} | {"head": (rows, given.steps, given.seed, start)}
    if given.only:
        fitted(given.only, *parts[given.only])
        return
    said, times = torch.zeros(len(rows), 2 * len(KINDS)), torch.zeros(len(rows), 1)
    for k in range(given.folds):
        here = rows[(of == k) | synthetic]
        said[here] += opinions(fitted(f"fold-{k}", *parts[f"fold-{k}"]), embeddings, scenes, here)
        times[here] += 1
    weight = torch.from_numpy(np.where(synthetic, SYNTHETIC_WEIGHT, 1.0)).float()
    layer = calibration(said / times.clamp(min=1), scenes.all["labels"], weight)
    head = fitted("head", *parts["head"])
    shelve(given.out, head, layer)


if __name__ == "__main__":
    main()
