"""Stage 4: the student learns the teacher's embedding and AudioSet scores from the shards.

    python train.py WORK TEACHER_BUNDLE LIKE_BUNDLE OUT_BUNDLE --until 18:00 [--start student.pt]

Shards made while it runs join the pool. The learning rate follows the clock, from the start to --until. Every few
minutes the averaged weights are measured on the held-out packages, written to OUT_BUNDLE and logged.
"""

import argparse
import copy
import datetime
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from bundle import write_bundle
from network import Student, Teacher

WIDTHS = [16, 32, 48, 64, 128, 128, 272, 272, 272, 272, 272, 272, 608, 1024]
BATCH = 128
PEAK_RATE, WARM_UP_STEPS = 2.5e-3, 300
DECAY = 1e-4
AVERAGE = 0.998
REPORT_S = 300
VERSION = "0.2.0"


class Pool:
    """All windows made so far, in memory; each epoch in a new order."""

    def __init__(self, folder: Path, rng):
        self.folder, self.rng, self.names = folder, rng, set()
        self.mels, self.embeddings, self.order = [], [], np.empty(0, np.int64)

    def grow(self):
        for path in sorted(self.folder.glob("*.npz")):
            if path.name not in self.names:
                with np.load(path) as shard:
                    self.mels.append(torch.from_numpy(shard["mel"]))
                    self.embeddings.append(torch.from_numpy(shard["embedding"]))
                self.names.add(path.name)
                first = sum(map(len, self.mels[:-1]))
                new = np.arange(first, first + len(self.mels[-1]))
                self.order = self.rng.permutation(np.concatenate([self.order, new]))

    def __len__(self):
        return sum(map(len, self.mels))

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        if len(self.order) < BATCH:
            self.order = self.rng.permutation(len(self))
        take, self.order = self.order[:BATCH], self.order[BATCH:]
        return self.at(take)

    def at(self, indices) -> tuple[torch.Tensor, torch.Tensor]:
        size = len(self.mels[0])  # every shard has as many
        pick = lambda parts: torch.stack([parts[i // size][i % size] for i in indices.tolist()]).float()
        return pick(self.mels), pick(self.embeddings)


def loss_of(student: Student, teacher: Teacher, mel: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.autocast("cpu", torch.bfloat16):
        got = student(mel)
    logits, goal = F.linear(got, student.audioset.weight, student.audioset.bias), teacher.logits(wanted)
    cosine = F.cosine_similarity(got, wanted).mean()
    size = ((got - wanted).square().mean() / wanted.square().mean()).clamp(max=4)
    scores = F.binary_cross_entropy_with_logits(logits, goal.sigmoid(), reduction="none").sum(1).mean()
    ranking = F.kl_div(F.log_softmax(logits, 1), F.log_softmax(goal, 1), reduction="batchmean", log_target=True)
    return (1 - cosine) + 0.3 * size + 0.02 * scores + 0.1 * ranking, cosine.detach()


@torch.no_grad()
def measure(student: Student, teacher: Teacher, pool: Pool, count: int) -> tuple[float, float]:
    """Mean cosine similarity of the embedding, share of windows whose best AudioSet class agrees."""
    student.eval()
    cosine, agree = [], []
    for part in torch.arange(min(count, len(pool))).split(BATCH):
        mel, wanted = pool.at(part)
        got = student(mel)
        cosine.append(F.cosine_similarity(got, wanted))
        agree.append(student.audioset(got).argmax(1) == teacher.logits(wanted).argmax(1))
    student.train()
    return torch.cat(cosine).mean().item(), torch.cat(agree).float().mean().item()


def main():
    options = argparse.ArgumentParser()
    for name in ("work", "teacher", "like", "out"):
        options.add_argument(name, type=Path)
    options.add_argument("--until", required=True, help="HH:MM today; a time that has passed only measures and exports")
    options.add_argument("--start", type=Path, help="a student.pt to go on with, instead of random weights")
    given = options.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(1)
    begin = time.time()
    until = datetime.datetime.combine(datetime.date.today(), datetime.time.fromisoformat(given.until)).timestamp()
    teacher = Teacher(given.teacher)
    like = json.loads((given.like / "model.json").read_text())
    pool = Pool(given.work / "shards-training", np.random.default_rng(1))
    held_out = Pool(given.work / "shards-heldOut", np.random.default_rng(1))
    pool.grow()
    held_out.grow()
    log = open(given.work / "log.txt", "a", buffering=1)

    student = Student(WIDTHS)
    if given.start:
        student.load_state_dict(torch.load(given.start))
    student = student.to(memory_format=torch.channels_last)
    average = copy.deepcopy(student)

    def report(step: int, count: int = 1024):
        cosine, top1 = measure(average, teacher, held_out, count)
        names = ("embedding cosine similarity to YAMNet, held-out packages", "AudioSet top-1 agreement with YAMNet, held-out packages")
        write_bundle(given.out, average, like, VERSION, dict(zip(names, (round(cosine, 3), round(top1, 3)))))
        torch.save(average.state_dict(), given.work / "student.pt")
        log.write(f"{datetime.datetime.now():%H:%M:%S} step {step} windows {len(pool)} held-out cosine {cosine:.4f} top-1 {top1:.4f} training cosine {recent:.4f}\n")

    recent, step = 0.0, 0
    report(0)
    decayed = [p for p in student.parameters() if p.ndim > 1]
    other = [p for p in student.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY}, {"params": other, "weight_decay": 0.0}], lr=1e-5, betas=(0.9, 0.98))
    start = reported = time.time()
    while time.time() < until:
        done = (time.time() - start) / (until - start)
        rate = PEAK_RATE * min(1, (step + 1) / WARM_UP_STEPS) * (0.5 + 0.5 * math.cos(math.pi * min(1, done))) + 1e-6
        for group in optimizer.param_groups:
            group["lr"] = rate
        mel, wanted = pool.batch()
        loss, cosine = loss_of(student, teacher, mel, wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 2.0)
        optimizer.step()
        step += 1
        recent = 0.95 * recent + 0.05 * cosine.item() if step > 1 else cosine.item()
        keep = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, now in zip(average.state_dict().values(), student.state_dict().values()):
                mean.lerp_(now, 1 - keep) if mean.is_floating_point() else mean.copy_(now)
        if step % 20 == 0:
            print(f"{step} {time.time() - begin:.0f} s loss {loss.item():.4f} cosine {recent:.4f} rate {rate:.1e}", flush=True)
        if time.time() - reported > REPORT_S:
            report(step)
            pool.grow()
            reported = time.time()
    report(step, len(held_out))


if __name__ == "__main__":
    main()
