"""Which rule on the event head's log-odds finds what matters, and what it costs: for development.

    python decide.py EVENT_DIR TUNE.npz [MEASURED.npz...] [--hours HOURS.npz...] [--write]

The .npz files are those of streams.py with the same backbone. The rule adds evidence: at each window, for each alarm
kind, S <- max(0, leak * S + log-odds - offset); an alarm when any S exceeds its line. Leak, offset and lines come from
TUNE (training's clips) alone, the tables say what that gives on the others. An hour of ../sounds/ordinary.py
holds 430 to 900 sounds, about what a bathroom hears in a day: falseAlarmsPerDay is what such an hour gives.
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


def table(streams: Streams, alarm: np.ndarray) -> str:
    """alarm [clips] bool -> how many of each kind"""
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


SHARES = {"low": 0.005, "normal": 0.02, "high": 0.05}  # of TUNE's ordinary clips that may alarm
LEAKS, OFFSETS = (0.0, 0.5, 0.7, 0.8, 0.9), (-2.0, -1.0, 0.0)
# Of every ten false alarms, how many each kind may have: the search takes what finds most.
SPLITS = [(i, b, s, d) for i in (3, 5, 7, 8) for b in (0.5, 1, 2, 4) for s in (0.5, 1, 2, 4) for d in (0.5,)]


def lines(most: np.ndarray, ordinary: np.ndarray, share: float, split: np.ndarray) -> np.ndarray:
    """[ALARMS] lines at which together `share` of the ordinary clips alarm, each kind having its part of them."""
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        cut = np.array([threshold_at(most[ordinary, k], min(1, middle * part)) for k, part in enumerate(split / split.sum())])
        if (most[ordinary] > cut).any(1).mean() > share:
            high = middle
        else:
            low = middle
    return np.array([threshold_at(most[ordinary, k], low * part) for k, part in enumerate(split / split.sum())])


def found(streams: Streams, most: np.ndarray, cut: np.ndarray) -> float:
    """Mean over what an alarm is for: impacts count twice."""
    alarm = (most > cut).any(1)
    shares = [alarm[streams.kind == kind].mean() for kind in ("impact", "impact", "breaking", "scream") if (streams.kind == kind).any()]
    return float(np.mean(shares))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("event", type=Path)
    options.add_argument("tune", type=Path)
    options.add_argument("measured", type=Path, nargs="*")
    options.add_argument("--hours", type=Path, nargs="*", default=[], help="of streams.py --ordinary: only counted")
    options.add_argument("--write", action="store_true", help="puts the rule into EVENT_DIR/event.json")
    given = options.parse_args()
    torch.set_num_threads(1)
    state = torch.load(given.event / "event.pt", weights_only=True)
    head, layer = EventHead(), torch.nn.Linear(*reversed(state["layer"]["weight"].shape))
    head.load_state_dict(state["head"])
    layer.load_state_dict(state["layer"])
    head.eval()
    tune, *others = (Streams(path, head, layer) for path in (given.tune, *given.measured, *given.hours))
    names = [path.stem for path in (*given.measured, *given.hours)]
    padded = {id(streams): streams.padded() for streams in (tune, *others)}
    ordinary = tune.kind == "ordinary"
    tried = []
    for leak, offset in itertools.product(LEAKS, OFFSETS):
        if leak == 0 and offset != OFFSETS[0]:
            continue
        most = evidence(padded[id(tune)], leak, np.full(ALARMS, offset, np.float32))
        rule = {}
        for name, share in SHARES.items():
            cuts = [lines(most, ordinary, share, np.array(split, float)) for split in SPLITS]
            rule[name] = max(cuts, key=lambda cut: found(tune, most, cut))
        score = [found(tune, most, cut) for cut in rule.values()]
        tried.append((float(np.mean(score)), leak, offset, rule))
        print(f"leak {leak} offset {offset}: " + ", ".join(f"{name} {value:.3f}" for name, value in zip(rule, score)), flush=True)
    single = next(each for each in tried if each[1] == 0)
    best = max(tried, key=lambda each: each[0])
    for title, (_, leak, offset, rule) in (("highest single window", single), ("best", best)):
        print(f"{title}: leak {leak} offset {offset}")
        for sensitivity, cut in rule.items():
            print(f"  {sensitivity}: lines {dict(zip(ALARM_KINDS, cut.round(2).tolist()))}")
            for name, streams in zip(["tune", *names], [tune, *others]):
                alarm = evidence(padded[id(streams)], leak, np.full(ALARMS, offset, np.float32)) > cut
                any_kind = alarm.any(1)
                if name in {path.stem for path in given.hours}:
                    print(f"    {name}: {any_kind.sum()} minutes of {len(any_kind)} ({60 * any_kind.mean():.2f}/h); by kind {alarm.sum(0).tolist()}")
                    continue
                print(f"    {name}: {table(streams, any_kind)}")
                if sensitivity == "normal" and name != "tune":
                    print(f"        ordinary ones that alarm: {worst(streams, any_kind)}")
    if given.write:
        _, leak, offset, rule = best
        hours = others[len(given.measured) :]
        sensitivities = {}
        for name, cut in rule.items():
            alarms = [(evidence(padded[id(streams)], leak, np.full(ALARMS, offset, np.float32)) > cut).any(1) for streams in hours]
            rate = 60 * float(np.concatenate(alarms).mean()) if alarms else 0.0
            sensitivities[name] = {
                "falseAlarmsPerDay": round(rate, 2),
                "leak": leak,
                "lines": dict(zip(ALARM_KINDS, np.round(cut, 2).tolist())),
                "offsets": dict.fromkeys(ALARM_KINDS, -offset),
            }
        file = given.event / "event.json"
        entry = json.loads(file.read_text()) | {"alarm": {"kinds": ALARM_KINDS, "sensitivities": sensitivities}}
        file.write_text(json.dumps(entry, indent=1) + "\n")


if __name__ == "__main__":
    main()
