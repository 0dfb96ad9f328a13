"""Stage 2: the heads of a bundle: a dense one beside the mapping, and how much each of the two counts.

    python fit.py BUNDLE OUT WINDOWS.npz... [--teacher BUNDLE] [--unlabelled SHARD.npz...]

Writes OUT/heads.json and OUT/heads.safetensors (see ../../models/yamnet and shelve.py). The dense head is trained on
top of the mapping: what it learns is where the mapping is wrong. With --teacher (a bundle with heads) it also learns what the teacher's heads
say of the unlabelled shards, so that a small network's four classes generalise as the large one's do.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "distill"))
from bundle import safetensors  # noqa: E402
from network import Teacher  # noqa: E402
from scenes import windows_of as windows_in  # noqa: E402

from windows import LABELS  # noqa: E402

FLOOR = 1e-6  # as src/model/head.ts has it
DROPOUT, DECAY, SMOOTHING = 0.3, 5e-2, 0.03
EPOCHS, BATCH, RATE = 30, 256, 1.5e-3
SEEDS = 3  # heads whose opinions are averaged: their hidden units become one layer
KEPT_BACK = 0.3  # of the packages: what the calibration measures on
# BATHNet's own blocks are few kinds beside the many of the collection.
BATHNET_SHARE = 0.5
# Every class counts the same, but this is what a bathroom hears nearly always.
BACKGROUND_WEIGHT = 1.4
# A bathroom is ordinary for days on end: one false alarm an hour is one window in 7,500.
ORDINARY_WEIGHT = 3.0
# Not learned: drums are what BATHNet calls abnormal, effects are no sound of a home, and made calls for help are
# speech to YAMNet: learned as an alarm, all speech would be half of one.
LEFT_OUT = ["instrument", "game-effect", "call-for-help"]


def mapping(path: Path, names: list[str]) -> torch.Tensor:
    """[521] index into LABELS"""
    given = json.loads(path.read_text())
    of = {name: LABELS.index(group["class"]) for group in given["groups"] for name in group["names"]}
    return torch.tensor([of.get(name, LABELS.index(given["rest"])) for name in names])


def mapped(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """[n, 521] -> ln of the mapping's four scores: the highest of each class, divided by their sum"""
    scores = torch.stack([logits[:, target == c].amax(1) for c in range(len(LABELS))], 1).sigmoid()
    return (scores / scores.sum(1, keepdim=True)).clamp(min=FLOOR).log()


def embedded(net: Teacher, mel: torch.Tensor) -> torch.Tensor:
    return torch.cat([net.embedding(part.float()) for part in mel.split(32)])


class Heads(torch.nn.Module):
    """embedding, ln mapping -> ln of the four classes"""

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor, hidden: int):
        super().__init__()
        self.mean, self.deviation = mean, deviation
        self.first, self.second = torch.nn.Linear(len(mean), hidden), torch.nn.Linear(hidden, len(LABELS))
        torch.nn.init.zeros_(self.second.weight)
        torch.nn.init.zeros_(self.second.bias)
        self.weight, self.bias = torch.nn.Parameter(torch.tensor(0.7)), torch.nn.Parameter(torch.zeros(len(LABELS)))

    def dense(self, embedding: torch.Tensor) -> torch.Tensor:
        x = (embedding - self.mean) / self.deviation
        x = F.relu(self.first(F.dropout(x, DROPOUT / 2, self.training)))
        return F.log_softmax(self.second(F.dropout(x, DROPOUT, self.training)), 1)

    def forward(self, embedding: torch.Tensor, mapping: torch.Tensor) -> torch.Tensor:
        return F.log_softmax(self.dense(embedding) + self.weight * mapping + self.bias, 1)


class Labelled:
    def __init__(self, paths: list[Path], net: Teacher, target: torch.Tensor):
        parts = [np.load(path) for path in paths]
        self.label = torch.from_numpy(np.concatenate([p["label"] for p in parts]))
        self.kind = np.concatenate([p["kinds"][p["kind"]] for p in parts])
        self.package = np.concatenate([p["packages"][p["package"]] for p in parts])
        mels = torch.cat([torch.from_numpy(p["mel"]) for p in parts])
        self.embedding = embedded(net, mels)
        self.mapping = mapped(net.logits(self.embedding), target)

    def weights(self) -> torch.Tensor:
        """Every class counts the same; in a class, every kind by the square root of its windows."""
        own = self.package == "bathnet"
        weight = torch.zeros(len(self.label))
        for c in range(len(LABELS)):
            for mine, share in ((own, BATHNET_SHARE), (~own, 1 - BATHNET_SHARE)):
                here = mine & (self.label.numpy() == c)
                kinds, index, counts = np.unique(self.kind[here], return_inverse=True, return_counts=True)
                if len(kinds):
                    w = 1 / np.sqrt(counts[index])
                    weight[torch.from_numpy(here)] = torch.from_numpy(share * w / w.sum()).float()
        weight[self.label == 0] *= BACKGROUND_WEIGHT
        return weight * len(weight) / weight.sum()


def fit(data: Labelled, rows: np.ndarray, ordinary: tuple[torch.Tensor, ...] | None, soft: tuple[torch.Tensor, ...] | None, hidden: int, seed: int = 1) -> Heads:
    """
    rows: which windows to learn from. ordinary: embedding and mapping of windows in which nothing is abnormal,
    whatever else they are. soft: embedding, mapping and wanted four of unlabelled windows.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    rows = rows[~np.isin(data.kind[rows], LEFT_OUT)]
    weight = data.weights()
    heads = Heads(data.embedding[rows].mean(0), data.embedding[rows].std(0) + 0.05, hidden)
    optimizer = torch.optim.AdamW(
        [
            {"params": [heads.first.weight, heads.second.weight], "weight_decay": DECAY},
            {"params": [heads.first.bias, heads.second.bias, heads.weight, heads.bias], "weight_decay": 0.0},
        ],
        lr=RATE,
    )
    steps = EPOCHS * (len(rows) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    order = []
    for _ in range(steps):
        if len(order) < BATCH:
            order = list(rng.permutation(rows))
        take, order = torch.tensor(order[:BATCH]), order[BATCH:]
        got = heads(data.embedding[take], data.mapping[take])
        loss = (F.cross_entropy(got, data.label[take], reduction="none", label_smoothing=SMOOTHING) * weight[take]).mean()
        if ordinary:
            some = torch.from_numpy(rng.integers(len(ordinary[0]), size=BATCH))
            abnormal = heads(ordinary[0][some], ordinary[1][some])[:, -1].exp()
            loss = loss - ORDINARY_WEIGHT * torch.log1p(-abnormal.clamp(max=1 - 1e-6)).mean()
        if soft:
            some = torch.from_numpy(rng.integers(len(soft[0]), size=BATCH))
            loss = loss + F.kl_div(heads(soft[0][some], soft[1][some]), soft[2][some], reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return heads.eval()


def averaged(several: list[Heads]) -> Heads:
    """One network that gives the mean of the logits of several, which were fitted on the same windows."""
    first = several[0]
    out = Heads(first.mean, first.deviation, sum(len(h.first.bias) for h in several))
    with torch.no_grad():
        out.first.weight.copy_(torch.cat([h.first.weight for h in several]))
        out.first.bias.copy_(torch.cat([h.first.bias for h in several]))
        out.second.weight.copy_(torch.cat([h.second.weight for h in several], 1) / len(several))
        out.second.bias.copy_(sum(h.second.bias for h in several) / len(several))
        out.weight.copy_(sum(h.weight for h in several) / len(several))
        out.bias.copy_(sum(h.bias for h in several) / len(several))
    return out.eval()


def calibrated(data: Labelled, ordinary, soft, hidden: int) -> float:
    """The inverse temperature that suits recordings of packages which the heads did not learn from."""
    recorded = ~np.isin(data.package, ["made", "bathnet"]) & ~np.isin(data.kind, LEFT_OUT)
    packages = np.random.default_rng(3).permutation(np.unique(data.package[recorded]))
    kept_back = recorded & np.isin(data.package, packages[: int(len(packages) * KEPT_BACK)])
    rows = np.flatnonzero(~kept_back)
    heads = fit(data, rows, ordinary, soft, hidden)
    here = torch.from_numpy(np.flatnonzero(kept_back))
    with torch.no_grad():
        said, wanted, weight = heads(data.embedding[here], data.mapping[here]), data.label[here], data.weights()[here]
    loss_at = lambda t: (F.cross_entropy(t * said, wanted, reduction="none") * weight).mean().item()
    best = min(np.arange(0.3, 1.55, 0.05), key=loss_at)
    recall = {label: round((said.argmax(1) == c)[wanted == c].float().mean().item(), 3) for c, label in enumerate(LABELS)}
    print(f"packages kept back: loss {loss_at(1):.3f}, at inverse temperature {best:.2f} {loss_at(best):.3f}; recall {recall}", flush=True)
    return float(best)


def shelve(out: Path, heads: Heads, sharpness: float, map_path: Path, rule: dict):
    """heads.json and heads.safetensors; the standardisation is multiplied into the first layer."""
    kernel = (heads.first.weight / heads.deviation).T
    bias = heads.first.bias - (heads.first.weight / heads.deviation) @ heads.mean
    given = json.loads(map_path.read_text())
    classes = {}
    for group in given["groups"]:
        classes.setdefault(group["class"], []).extend(group["names"])
    out.mkdir(parents=True, exist_ok=True)
    tensors = {
        "heads.trained.0.kernel": kernel,
        "heads.trained.0.bias": bias,
        "heads.trained.1.kernel": heads.second.weight.T,
        "heads.trained.1.bias": heads.second.bias,
    }
    (out / "heads.safetensors").write_bytes(safetensors(tensors))
    own = {
        "mapping": {"type": "map", "labels": LABELS, "from": "audioset", "rest": given["rest"], "classes": classes},
        "trained": {
            "type": "dense",
            "labels": LABELS,
            "layers": [{"units": kernel.shape[1], "activation": "relu"}, {"units": len(LABELS), "activation": "softmax"}],
        },
        "bathnet": {
            "type": "blend",
            "labels": LABELS,
            "parts": [
                {"head": "mapping", "weight": round(sharpness * heads.weight.item(), 4)},
                {"head": "trained", "weight": round(sharpness, 4)},
            ],
            "bias": [round(sharpness * b, 4) for b in (heads.bias - heads.bias.mean()).tolist()],
            "alarm": {"labels": given["alarm"], **rule},
        },
    }
    (out / "heads.json").write_text(json.dumps({"heads": own, "defaultHead": "bathnet"}, indent=1, ensure_ascii=False) + "\n")


def windows_of(path: Path, net: Teacher, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
    with np.load(path) as parts:
        mel = torch.from_numpy(parts["mel"])
    embedding = embedded(net, mel)
    return embedding, mapped(net.logits(embedding), target)


def heard_by(teacher: Path, shards: list[Path], net: Teacher, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What the teacher's heads say of unlabelled windows: this network's embedding and mapping, the four wanted."""
    other = Teacher(teacher)
    manifest, tensors = json.loads((teacher / "model.json").read_text()), other.tensors
    mapping_weight, trained_weight = (part["weight"] for part in manifest["heads"]["bathnet"]["parts"])
    embeddings, wanted = [], []
    for shard in shards:
        with np.load(shard) as parts:
            embedding, first = torch.from_numpy(parts["yamnet"][:, 0]).float(), parts["first"]
        scenes = torch.from_numpy(np.load(shard.with_suffix(".mel.npy"), mmap_mode="r")[:])
        mel = windows_in(scenes)[torch.arange(len(scenes)), torch.from_numpy(first).long()]
        hidden = F.relu(embedding @ tensors["heads.trained.0.kernel"] + tensors["heads.trained.0.bias"])
        dense = F.log_softmax(hidden @ tensors["heads.trained.1.kernel"] + tensors["heads.trained.1.bias"], 1)
        said = trained_weight * dense + mapping_weight * mapped(other.logits(embedding), target)
        wanted.append((said + torch.tensor(manifest["heads"]["bathnet"]["bias"])).softmax(1))
        embeddings.append(embedded(net, mel))
    embedding = torch.cat(embeddings)
    return embedding, mapped(net.logits(embedding), target), torch.cat(wanted)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("bundle", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("windows", type=Path, nargs="+")
    options.add_argument("--ordinary", type=Path, help="windows.py --ordinary wrote it")
    options.add_argument("--hidden", type=int, default=256, help="units of each of the averaged heads")
    options.add_argument("--map", type=Path, default=Path(__file__).resolve().parents[2] / "models/audioset-map.json")
    options.add_argument("--teacher", type=Path, help="a bundle whose head bathnet this script made")
    options.add_argument("--unlabelled", type=Path, nargs="+", default=[], help="shards (N.npz) of ../distill/scenes.py")
    options.add_argument("--rule", type=json.loads, default={}, help='of the alarm: {"threshold": 0.6, "hits": 2, …}')
    given = options.parse_args()
    torch.set_num_threads(1)
    names = json.loads((given.bundle / "model.json").read_text())["heads"]["audioset"]["labels"]
    target = mapping(given.map, names)
    net = Teacher(given.bundle)
    soft = heard_by(given.teacher, given.unlabelled, net, target) if given.teacher else None
    ordinary = windows_of(given.ordinary, net, target) if given.ordinary else None
    data = Labelled(given.windows, net, target)
    sharpness = calibrated(data, ordinary, soft, given.hidden)
    rows = np.arange(len(data.label))
    heads = averaged([fit(data, rows, ordinary, soft, given.hidden, seed) for seed in range(SEEDS)])
    shelve(given.out, heads, sharpness, given.map, given.rule)


if __name__ == "__main__":
    main()
