"""Which rule on the event head's log-odds finds what matters, and what it costs: for development.

    python decide.py EVENT_DIR TUNE.npz [MEASURED.npz...] [--ordinary ORDINARY.npz]

The .npz files are those of streams.py with the same backbone. The rule adds evidence: for each alarm kind
S <- max(0, leak * S + log-odds - offset), an alarm when any S exceeds its line. Leak, offsets and line come from
TUNE (training's clips, cross-checked with --ordinary hours), the tables say what that gives on the others.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch

from event import ALARMS, EventHead
from scenes import EVENTS, OF_SOUND, OPEN

ALARM_KINDS = EVENTS["alarm"]
CDDA = {"smash_success": "open", "smash_fail": "open", "melee_hit_flesh": "open", "mon_death": "open", "deal_damage": "open", "explosion": "open", "speech": "scream"}


def kind_of(name: str, group: str, file: str) -> str:
    """An alarm kind, "ordinary", or "open" for what nobody can say."""
    if group == "fall":
        return "impact"
    if group in ("no-fall", "ordinary"):
        return group
    if "cdda" in file and name in CDDA:
        if "glass" in file or "ceramic" in file:
            return "breaking"
        return "scream" if "scream" in file else "open"
    kind = OF_SOUND.get(name)
    if kind in ALARM_KINDS:
        return kind
    return "open" if any(name in sounds for sounds in OPEN.values()) else "ordinary"


class Streams:
    def __init__(self, path: Path, head: EventHead, layer: torch.nn.Linear):
        with np.load(path) as data:
            embedding, levels, clip = torch.from_numpy(data["embedding"]), torch.from_numpy(data["levels"]), data["clip"]
            self.name, self.group, self.sound, self.source, self.peak_db = (data[key] for key in ("name", "set", "kind", "source", "peak_db"))
        self.kind = np.array([kind_of(*facts) for facts in zip(self.sound, self.group, self.name)])
        first = np.searchsorted(clip, clip)  # the first row of each row's clip
        rows = np.arange(len(clip))[:, None] + np.arange(-5, 1)
        rows = np.maximum(rows, first[:, None])
        self.log_odds = []
        with torch.no_grad():
            z = torch.cat([head.remembered(part.float()) for part in embedding.split(4096)])
            for some in np.array_split(np.arange(len(clip)), max(1, len(clip) // 4096)):
                body = head.body(z[rows[some]], levels[some].float())
                self.log_odds.append(layer(head.kinds(body)))
        self.log_odds = torch.cat(self.log_odds).numpy()
        self.clip = clip
        self.starts = np.searchsorted(clip, np.arange(len(self.name)))
        self.ends = np.append(self.starts[1:], len(clip))

    def padded(self) -> np.ndarray:
        """[clips, longest, ALARMS], -20 where a clip has ended"""
        longest = (self.ends - self.starts).max()
        out = np.full((len(self.name), longest, ALARMS), -20.0, np.float32)
        for i, (a, b) in enumerate(zip(self.starts, self.ends)):
            out[i, : b - a] = self.log_odds[a:b, :ALARMS]
        return out


def evidence(log_odds: np.ndarray, leak: float, offset: np.ndarray) -> np.ndarray:
    """[clips, time, ALARMS] -> the highest S of each clip and kind [clips, ALARMS]"""
    sum_now = np.zeros(log_odds.shape[::2], np.float32)
    most = np.zeros_like(sum_now)
    for t in range(log_odds.shape[1]):
        sum_now = np.maximum(0, leak * sum_now + log_odds[:, t] - offset)
        most = np.maximum(most, sum_now)
    return most


def threshold_at(scores: np.ndarray, share: float) -> float:
    return float(np.quantile(scores, 1 - share))


def table(streams: Streams, alarm: np.ndarray, of: np.ndarray) -> str:
    """alarm [clips] bool, of [clips] the kind that raised it"""
    out = []
    for kind in [*ALARM_KINDS, "open", "ordinary", "no-fall"]:
        here = streams.kind == kind
        if here.any():
            out.append(f"{kind} {alarm[here].sum()}/{here.sum()} {alarm[here].mean():.1%}")
    return "; ".join(out)


def worst(streams: Streams, alarm: np.ndarray) -> str:
    here = streams.kind == "ordinary"
    found = []
    for sound in np.unique(streams.sound[here]):
        rows = here & (streams.sound == sound)
        if alarm[rows].any():
            found.append((alarm[rows].mean(), f"{sound} {alarm[rows].sum()}/{rows.sum()}"))
    return ", ".join(text for _, text in sorted(found, reverse=True)[:14])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("event", type=Path)
    options.add_argument("tune", type=Path)
    options.add_argument("measured", type=Path, nargs="*")
    options.add_argument("--ordinary", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    state = torch.load(given.event / "event.pt", weights_only=True)
    head, layer = EventHead(), torch.nn.Linear(*reversed(state["layer"]["weight"].shape))
    head.load_state_dict(state["head"])
    layer.load_state_dict(state["layer"])
    head.eval()
    tune = Streams(given.tune, head, layer)
    others = {path.stem: Streams(path, head, layer) for path in given.measured}
    padded = tune.padded()
    ordinary = tune.kind == "ordinary"
    groups = {kind: tune.kind == kind for kind in ALARM_KINDS}
    # Highest single window against sums; each kind has the same share of the false alarms, or what finds most.
    for leak, bias in [(0.0, 0.0), *itertools.product((0.5, 0.7, 0.8, 0.9), (-1.0, 0.0, 1.0, 2.0))]:
        base = padded if leak == 0 else padded
        most = base.max(1) if leak == 0 else evidence(base, leak, np.full(ALARMS, bias, np.float32))
        line = []
        for share in (0.01, 0.02, 0.03, 0.05):
            best = None
            for split in itertools.product((0.1, 0.3, 0.6, 1.0), repeat=3):
                parts = np.array([split[0], split[1], split[2], 0.1])
                cut = np.array([threshold_at(most[ordinary, k], share * parts[k] / parts.sum()) for k in range(ALARMS)])
                # together again the wanted share
                excess = (most - cut).max(1)
                cut = cut + threshold_at(excess[ordinary], share)
                alarm = (most > cut).any(1)
                found = np.mean([alarm[groups[k]].mean() for k in ("impact", "breaking", "scream")])
                if best is None or found > best[0]:
                    best = (found, cut, parts)
            line.append((share, best[0], best[1]))
        print(f"leak {leak} bias {bias}: " + ", ".join(f"{s:.0%} -> {f:.3f}" for s, f, _ in line))
        for name, other in others.items():
            their = other.padded()
            top = their.max(1) if leak == 0 else evidence(their, leak, np.full(ALARMS, bias, np.float32))
            for share, _, cut in line:
                if (leak == 0 or (leak, bias) in ((0.7, 0.0), (0.8, 0.0))):
                    alarm = (top > cut).any(1)
                    print(f"    {share:.0%} {name}: {table(other, alarm, top.argmax(1))}")
                    if share == 0.02:
                        print(f"        worst: {worst(other, alarm)}")
    alarm = (padded.max(1) > line[1][2]).any(1)


if __name__ == "__main__":
    main()
