"""Stage 4: backbone and event head learn together from the shards of scenes.

    python train.py WORK YAMNET_BUNDLE MN04.pt LIKE_BUNDLE OUT_BUNDLE --until 18:00 [--start BUNDLE] [--decay MINUTES]
                    [--rate RATE] [--event-weight W] [--rank 0 --ranks 1]

--start takes any bundle of the same widths and goes on from its weights, whose batch normalisation was folded on export
(a finished network that is normalised anew by batches as small as these loses in 100 steps what it learned in hours);
without it they begin random, and normalised. The rate stays constant, the exported weights are a running average, and
only in the last --decay minutes does the rate fall: a run that goes on later loses nothing.
Shards made while it runs join. Every few minutes the average is measured on the held-out scenes, written to
OUT_BUNDLE and logged in WORK/log.txt; WORK/event.pt keeps the event head that learned along (fit_event.py makes the
one that ships).

--ranks N: N processes, --rank 0 to N - 1, each with its own scenes, average their gradients (gloo, over a file in WORK).
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
from event import EventHead, event_loss, fit_probe
from mine import audioset_names, class_logits
from mn04 import Mn04
from network import Student, Teacher, read_bundle
from scenes import EVENTS, windows_of
from shards import Shards

WIDTHS = [16, 32, 48, 64, 128, 128, 272, 272, 272, 272, 272, 272, 608, 1024]
BATCH = 16  # scenes, of six windows, in each process
RATE, WARM_UP_STEPS = 5e-4, 50
DECAY = 1e-4
EVENT_WEIGHT = 0.15
AVERAGE = 0.995
REPORT_S = 900
VERSION = "0.6.0"
DECIDING = 3.0  # weight of the AudioSet classes that a decision uses


def start_from(student: Student, folder: Path):
    """Takes over a bundle's weights, which are folded: the student is not normalised."""
    _, tensors = read_bundle(folder)
    layers = [("backbone.0", student.pointwise[0], (3, 2, 0, 1))]
    for i, (depthwise, pointwise) in enumerate(zip(student.depthwise, student.pointwise[1:]), 1):
        layers += [(f"backbone.{i}.depthwise", depthwise, (2, 3, 0, 1)), (f"backbone.{i}.pointwise", pointwise, (3, 2, 0, 1))]
    with torch.no_grad():
        for name, layer, order in layers:
            layer.conv.weight.copy_(tensors[f"{name}.kernel"].permute(*order))
            layer.conv.bias.copy_(tensors[f"{name}.bias"])
        student.audioset.weight.copy_(tensors["heads.audioset.0.kernel"].T)
        student.audioset.bias.copy_(tensors["heads.audioset.0.bias"])


def deciding_classes(names: list[str], map_file: Path) -> torch.Tensor:
    """[521] weights: what the four classes or the kinds are decided by counts more."""
    used = {name for group in json.loads(map_file.read_text())["groups"] for name in group["names"]}
    used |= {name for given in EVENTS["kinds"].values() for name in given["audioset"]}
    return torch.tensor([DECIDING if name in used else 1.0 for name in names])


def imitation(got: torch.Tensor, logits: torch.Tensor, wanted: torch.Tensor, goal: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Embedding and AudioSet scores against YAMNet's."""
    cosine = F.cosine_similarity(got, wanted).mean()
    size = ((got - wanted).square().mean() / wanted.square().mean()).clamp(max=4)
    scores = (F.binary_cross_entropy_with_logits(logits, goal.sigmoid(), reduction="none") * weight).sum(1).mean()
    ranking = F.kl_div(F.log_softmax(logits, 1), F.log_softmax(goal, 1), reduction="batchmean", log_target=True)
    return (1 - cosine) + 0.3 * size + 0.02 * scores + 0.1 * ranking, cosine.detach()


class Targets:
    """What mn04 and its probe say of the scenes, by row."""

    def __init__(self, mn04: Mn04, names: list[str]):
        self.net, self.names = mn04, names

    def refit(self, scenes: Shards):
        """Fits the probe anew."""
        self.probe = fit_probe(scenes.all["mn04"].float(), scenes.all["labels"])
        self.grow(scenes)

    @torch.no_grad()
    def grow(self, scenes: Shards):
        parts = []
        for embedding in scenes.all["mn04"].split(2048):
            logits = self.net.logits(embedding.float())
            said = self.probe(embedding.float()), class_logits(logits, self.names).clamp(-9, 9), logits.sigmoid()
            parts.append([part.half() for part in said])
        self.labels, self.said = scenes.all["labels"], [torch.cat(part) for part in zip(*parts)]

    def of(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """As event_loss wants them: labels, what the probe says, mn04's log-odds of the kinds, its scores."""
        return self.labels[rows], *(part[rows].float() for part in self.said)


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    order = truth[np.argsort(-scores)]
    return float((np.cumsum(order) / (1 + np.arange(len(order))))[order == 1].mean()) if order.any() else float("nan")


@torch.no_grad()
def measure(student: Student, event: EventHead, teacher: Teacher, scenes: Shards, count: int) -> dict[str, float]:
    student.eval(), event.eval()
    cosine, agree, said, labels = [], [], [], []
    for rows in torch.arange(min(count, len(scenes))).split(BATCH):
        windows = windows_of(scenes.mel(rows.tolist()))
        embedding = student(windows.flatten(0, 1)).view(len(rows), 6, -1)
        at = scenes.all["first"][rows].long()[:, None] + torch.tensor([0, 3])
        got, wanted = embedding[torch.arange(len(rows))[:, None], at].flatten(0, 1), scenes.yamnet(rows.tolist()).flatten(0, 1)
        cosine.append(F.cosine_similarity(got, wanted))
        agree.append(student.audioset(got).argmax(1) == teacher.logits(wanted).argmax(1))
        said.append(event(embedding, scenes.all["levels"][rows].float())[0])
        labels.append(scenes.all["labels"][rows])
    student.train(), event.train()
    said, labels = torch.cat(said).numpy(), torch.cat(labels).numpy()
    found = {"cosine": torch.cat(cosine).mean().item(), "top-1": torch.cat(agree).float().mean().item()}
    for k, kind in enumerate(EVENTS["alarm"]):
        known = labels[:, k] >= 0
        found[f"AP {kind}"] = average_precision(said[known, k], labels[known, k])
    return {name: round(value, 3) for name, value in found.items()}


def average_gradients(net: torch.nn.Module, ranks: int):
    some = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([grad.flatten() for grad in some])
    torch.distributed.all_reduce(flat)
    for grad, mean in zip(some, (flat / ranks).split([grad.numel() for grad in some])):
        grad.copy_(mean.view_as(grad))


def over(until: float, ranks: int) -> bool:
    """Whether the time is up: for all processes at the same step."""
    late = torch.tensor(float(time.time() >= until))
    if ranks > 1:
        torch.distributed.all_reduce(late)
    return late.item() > 0


def main():
    options = argparse.ArgumentParser()
    for name in ("work", "yamnet", "mn04", "like", "out"):
        options.add_argument(name, type=Path)
    options.add_argument("--until", required=True, help="HH:MM, within a day; a time that has passed only measures and exports")
    options.add_argument("--start", type=Path, help="a bundle of these widths to go on from, instead of random weights")
    options.add_argument("--event", type=Path, help="an event.pt to go on from, of this script or of fit_event.py")
    options.add_argument("--event-weight", type=float, default=EVENT_WEIGHT, help="of the event head's loss beside the imitation")
    options.add_argument("--rate", type=float, default=RATE)
    options.add_argument("--decay", type=float, default=20, help="minutes before the end in which the rate falls")
    options.add_argument("--rank", type=int, default=0)
    options.add_argument("--ranks", type=int, default=1)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    rng = np.random.default_rng([given.seed, given.rank])
    if given.ranks > 1:
        torch.distributed.init_process_group("gloo", init_method=f"file://{given.work.resolve()}/ranks", rank=given.rank, world_size=given.ranks)
    now = datetime.datetime.now()
    until = datetime.datetime.combine(now.date(), datetime.time.fromisoformat(given.until))
    until = (until + datetime.timedelta(days=until < now - datetime.timedelta(hours=12))).timestamp()
    teacher, mn04 = Teacher(given.yamnet), Mn04(given.mn04)
    targets = Targets(mn04, audioset_names(given.mn04.with_name("audioset_527_class_labels.csv")))
    like = json.loads((given.like / "model.json").read_text())
    weight = deciding_classes(like["heads"]["audioset"]["labels"], Path(__file__).resolve().parents[2] / "models/audioset-map.json")
    scenes, held_out = Shards(given.work / "scenes-training"), Shards(given.work / "scenes-heldOut")
    targets.refit(scenes)
    log = open(given.work / "log.txt", "a", buffering=1)

    student = Student(WIDTHS, normalised=not given.start).to(memory_format=torch.channels_last)
    event = EventHead()
    if given.start:
        start_from(student, given.start)
    with torch.no_grad():
        some = windows_of(scenes.mel(rng.permutation(len(scenes))[:100].tolist())).flatten(0, 1)
        event.standardise(student.eval()(some))
    student.train()
    if given.event:
        state = torch.load(given.event, weights_only=True)
        event.load_state_dict(state.get("head", state))
    both = torch.nn.ModuleList([student, event])
    if given.ranks > 1:
        for tensor in both.state_dict().values():
            torch.distributed.broadcast(tensor, 0)
    average = copy.deepcopy(both)

    def report(step: int, count: int = 512):
        found = measure(*average, teacher, held_out, count)
        names = {"cosine": "embedding cosine similarity to YAMNet, held-out scenes", "top-1": "AudioSet top-1 agreement with YAMNet, held-out scenes"}
        write_bundle(given.out, average[0], like, VERSION, {text: found[name] for name, text in names.items()})
        torch.save(average[1].state_dict(), given.work / "event.pt")
        log.write(f"{datetime.datetime.now():%H:%M:%S} step {step} scenes {len(scenes)} held out {found} training cosine {recent:.4f} event {recent_event:.3f}\n")

    recent = recent_event = 0.0
    step = 0
    if given.rank == 0:
        report(0)
    matrices = [p for p in both.parameters() if p.ndim > 1]
    other = [p for p in both.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY}, {"params": other, "weight_decay": 0.0}], lr=1e-5, betas=(0.9, 0.98))
    begin = reported = time.time()
    order: list[int] = []
    while not over(until, given.ranks):
        falling = min(1.0, (until - time.time()) / (60 * given.decay))
        rate = given.rate * min(1, (step + 1) / WARM_UP_STEPS) * (0.5 - 0.5 * math.cos(math.pi * falling)) + 1e-6
        for group in optimizer.param_groups:
            group["lr"] = rate
        if len(order) < BATCH:
            order = rng.permutation(len(scenes)).tolist()
        rows, order = torch.tensor(order[:BATCH]), order[BATCH:]
        windows = windows_of(scenes.mel(rows.tolist()))
        embedding = student(windows.flatten(0, 1)).view(BATCH, 6, -1)
        at = scenes.all["first"][rows].long()[:, None] + torch.tensor([0, 3])
        got, wanted = embedding[torch.arange(BATCH)[:, None], at].flatten(0, 1), scenes.yamnet(rows.tolist()).flatten(0, 1)
        imitated, cosine = imitation(got, student.audioset(got), wanted, teacher.logits(wanted), weight)
        opinions, audioset = event(embedding, scenes.all["levels"][rows].float(), 0.1)
        events = event_loss(opinions, audioset, *targets.of(rows))
        loss = imitated + given.event_weight * events
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if given.ranks > 1:
            average_gradients(both, given.ranks)
        torch.nn.utils.clip_grad_norm_(both.parameters(), 2.0)
        optimizer.step()
        step += 1
        share = 0.02 if step > 50 else 1 / step
        recent, recent_event = recent + share * (cosine.item() - recent), recent_event + share * (events.item() - recent_event)
        keep = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, new in zip(average.state_dict().values(), both.state_dict().values()):
                mean.lerp_(new, 1 - keep) if mean.is_floating_point() else mean.copy_(new)
        if step % 50 == 0:
            print(f"{step} {time.time() - begin:.0f} s loss {loss.item():.3f} cosine {recent:.4f} event {recent_event:.3f} rate {rate:.1e}", flush=True)
        if time.time() - reported > REPORT_S:
            if given.rank == 0:
                report(step)
            if scenes.grow():
                order = []
                targets.grow(scenes)
            reported = time.time()
    if given.rank == 0:
        report(step, len(held_out))


if __name__ == "__main__":
    main()
