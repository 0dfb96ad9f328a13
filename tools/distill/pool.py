"""The clips that scenes are made of -> WORK/pool-ROLE.i16 and .json: [[kind, source, name, first sample, samples], ...].

    python pool.py WORK SOUNDS OWN DATA MN04.pt ROLE [--leave-out FILE]    # ROLE: training or heldOut

Reads the labelled clips of SOUNDS/ROLE and OWN/ROLE (../sounds), makes dry sounds of the same kinds (bathroom.py's
makers, without a room: the scene has one), composes falls of recorded blows, and takes what stage 1 and 2 made without
labels (kind ""). Of many more falls and thuds, made and composed, those are added that mn04 hears most surely as such:
of a hundred as they come it takes one for a blow, of recorded ones 28. For training also DATA/esc10, DATA/household and DATA/bathnet without the files of --leave-out.
"""

import argparse
import contextlib
import json
import re
import sys
import wave
from itertools import islice
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "sounds"))
import bathroom  # noqa: E402
from collect import CLASS_OF  # noqa: E402
from mine import EVENTS, Ear  # noqa: E402
from prepare_audio import AUDIO, RATE_HZ, decode  # noqa: E402

SECONDS = 8
FIRST_SEED = 3_000_000  # seeds that bathroom.py and ordinary.py do not use
MADE = {  # dry sounds for training; others 40
    "fall": 240, "thud": 120, "breaking-glass": 80, "crash": 25, "dropped-thing": 120, "dropped-bottle": 100, "toilet-seat": 80,
    "drawer": 80, "cupboard": 80, "heavy-steps": 100, "slammed-door": 100, "door": 60, "knock": 80, "dishes": 80,
}  # fmt: skip
NOT_MADE = {"silence", "room-noise", "talk", "radio", "scream", "groan", "call-for-help", "blow"}
COMPOSED = 300
CONVINCING = {"composed": (17_700, 600), "fall": (2160, 120), "thud": (1080, 60)}  # candidates, how many of them are kept
HELD_OUT_SHARE = 0.25
HITS = ["blow", "thud", "footsteps", "door", "slammed-door", "fall", "knock", "bathnet-abnormal"]
ESC10 = {
    "rain": "rain", "sea_waves": "stream", "baby_cry": "baby-cry", "clock_tick": "click", "sneeze": "sneezing", "dog_bark": "dog",
    "rooster": "other-animal", "chainsaw": "tools", "helicopter": "vehicle", "fire_crackling": "fire",
}  # fmt: skip
HOUSEHOLD = {
    "cough": "coughing", "dude_miaowing": "cat", "exercise_bike": "tools", "sigh": "throat", "sneeze": "sneezing", "snore": "snoring",
    "yawn": "yawning", "crash_metal_thud": "thud", "doing_the_dishes": "dishes", "running_tap": "tap", "splash_flow": "splash",
}  # fmt: skip
BATHNET = {"abnormal": "bathnet-abnormal", "background": "room-noise", "singing": "talk", "water": "tap"}
CDDA = [  # the first that fits; of what is called abnormal there, only what is surely heard as such
    ("scream", "scream"), ("hurt_", "hurt-voice"), ("death", "hurt-voice"), ("hit_flesh", "blow"), ("smash_success/(glass|window/window_sm|ceramic)", "breaking-glass"),
    ("smash_glass", "breaking-glass"), ("smash", "smash"), ("explosion", "explosion"), ("plmove", "footsteps"), ("(open|close)_door|vehicle_(open|close)", "door"),
    ("weather/(thunder|storm)", "thunder"), ("weather", "rain"), ("chatter", "crowd"), ("engine|vehicle", "engine"), ("tool", "tools"), ("swing", "cloth"), ("reload", "click"),
]  # fmt: skip


def read(path: Path) -> np.ndarray:
    if path.suffix == ".wav":
        with contextlib.suppress(wave.Error), wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2):
                return np.frombuffer(file.readframes(SECONDS * RATE_HZ), np.int16)
    return np.frombuffer(decode(path.name, path.read_bytes(), SECONDS), np.int16)


def recorded(folders: list[Path]):
    """(kind, source, name, samples) of labelled clips in CLASS/KIND/SOURCE__NAME"""
    for folder in folders:
        for path in sorted(folder.glob("*/*/*")):
            source, kind = path.name.split("__")[0], path.parent.name
            if source == "made" or not AUDIO.search(path.name):
                continue
            if source == "cdda":
                label = path.parts[-3]
                kind = next((kind for pattern, kind in CDDA if re.search(pattern, path.name.replace("-", "/", 1) + " " + str(path.resolve()))), "")
                if label == "abnormal" and kind and CLASS_OF.get(kind, "abnormal") != "abnormal":
                    kind = ""
            elif kind not in CLASS_OF:
                kind = ""
            yield kind, source, path.name, read(path)


def own_recordings(data: Path, left_out: set[str]):
    """Sets that serve for training only."""
    for kinds, name in ((ESC10, "esc10"), (HOUSEHOLD, "household")):
        for path in sorted((data / name).rglob("*.flac")):
            yield kinds[path.parent.name], name, path.name, read(path)
    for path in sorted((data / "bathnet").rglob("*")):
        if AUDIO.search(path.name) and str(path) not in left_out:
            yield BATHNET[path.parent.name], "bathnet", path.name, read(path)


def made(role: str, share: float):
    for number, (kind, maker) in enumerate(bathroom.MAKERS.items()):
        if kind in NOT_MADE:
            continue
        for k in range(int(MADE.get(kind, 40) * share)):
            yield made_clip(role, kind, maker, FIRST_SEED + 1000 * number + k)


def made_clip(role: str, kind: str, maker, seed: int):
    d = bathroom.Draw(role, seed)
    return kind, "made", f"{kind}-{seed}", (bathroom.peak(maker(d, d(2.5, 4))) * 30_000).astype(np.int16)


def convincing(role: str, clips: list, ear: Ear, share: float):
    """The best of many more falls and thuds to mn04's ear."""
    candidates = {"composed": lambda count: composed(role, clips, count, 2 * FIRST_SEED)} | {
        kind: lambda count, kind=kind: (made_clip(role, kind, bathroom.MAKERS[kind], 3 * FIRST_SEED + k) for k in range(count)) for kind in ("fall", "thud")
    }
    impact = list(EVENTS["kinds"]).index("impact")
    for name, (count, kept) in CONVINCING.items():
        each, best = candidates[name](int(count * share)), []
        while some := list(islice(each, 64)):
            said = ear([samples for *_, samples in some])[:, impact].tolist()
            best = sorted([*best, *zip(said, some)], key=lambda pair: -pair[0])[: int(kept * share)]
        print(f"{name}: {len(best)} with a logit of {best[-1][0]:.2f} and more", flush=True)
        yield from (clip for _, clip in best)


def composed(role: str, clips: list, count: int, first_seed: int = FIRST_SEED - 10_000):
    """Falls of recorded blows: slowed down, dulled, one after the other as the parts of a body meet the floor."""
    hits = [samples for kind, _, _, samples in clips if kind in HITS and len(samples) > 800]
    for k in range(count if hits else 0):
        d = bathroom.Draw(role, first_seed + k)
        out, at = np.zeros(3 * RATE_HZ), d(0.3, 0.8)
        material = [hits[d.rng.integers(len(hits))] for _ in range(d.count(1, 3))]
        slower, dull = d.log(0.35, 0.95), d.log(350, 4500)
        stages = d.count(1, 5)
        heavy = int(d.rng.integers(stages))
        for stage in range(stages):
            hit = material[d.rng.integers(len(material))][:12_000].astype(np.float64)
            loud = int(np.abs(hit).argmax())
            hit = hit[max(0, loud - 800) : loud + 6000]
            speed = slower * d(0.85, 1.2)
            hit = np.interp(np.arange(0, len(hit) - 1, speed), np.arange(len(hit)), hit)
            f = np.fft.rfftfreq(len(hit), 1 / RATE_HZ)
            hit = np.fft.irfft(np.fft.rfft(hit) / (1 + (f / (dull * d(0.7, 1.4))) ** 2), len(hit))
            hit = bathroom.peak(hit) * bathroom.envelope(len(hit), (0, 0), (0.02, 1), (0.7, 1), (1, 0))
            bathroom.add(out, hit, at, d(0.75, 1) if stage == heavy else d.log(0.08, 0.8))
            at += d.log(0.04, 0.4)
        if d.chance(0.5):
            low = bathroom.MAKERS["thud"](d, 1)
            bathroom.add(out, low, max(0, at - 0.5), d.log(0.1, 0.8))
        rub = bathroom.noise(d, 1.2, [(d.log(600, 4000), d(0.8, 1.5), 0)])
        bathroom.add(out, rub * np.clip(bathroom.wander(d, len(rub), d(3, 9), 1.0) - 0.5, 0, 3), d(0.1, 0.6), d.log(0.003, 0.04))
        yield "fall", "composed", f"composed-{first_seed + k}", (bathroom.peak(out) * 30_000).astype(np.int16)


def unlabelled(work: Path, names: list[str]):
    for name in names:
        if not (work / f"audio-{name}.json").exists():
            print(f"audio-{name}: not there, left out", flush=True)
            continue
        samples = np.memmap(work / f"audio-{name}.i16", np.int16, "r")
        for source, file, first, length in json.loads((work / f"audio-{name}.json").read_text()):
            yield "", source, file, samples[first : first + length]


def main():
    options = argparse.ArgumentParser()
    for name in ("work", "sounds", "own", "data", "mn04"):
        options.add_argument(name, type=Path)
    options.add_argument("role", choices=["training", "heldOut"])
    options.add_argument("--leave-out", type=Path)
    given = options.parse_args()
    training = given.role == "training"
    left_out = set(given.leave_out.read_text().split("\n")) if given.leave_out else set()
    share = 1.0 if training else HELD_OUT_SHARE
    clips = list(recorded([given.sounds / given.role, given.own / given.role]))
    if training:
        clips += own_recordings(given.data, left_out)
    print(f"{len(clips)} recorded", flush=True)
    more = list(convincing(given.role, clips, Ear(given.mn04, given.work / "onnx"), share))
    clips += composed(given.role, clips, int(COMPOSED * share))
    clips += made(given.role, share)
    clips += more
    print(f"{len(clips)} with made ones", flush=True)
    for spoken in sorted((given.sounds / given.role).glob("*/*/made__*")):
        if spoken.parent.name in NOT_MADE:
            # Beside the formant voices a source of its own: sources are drawn by the root of their clips.
            source = "shouted" if "shouted" in spoken.name else "made"
            clips.append((spoken.parent.name, source, spoken.name, read(spoken)))
    clips += unlabelled(given.work, ["training", "made"] if training else ["heldOut"])
    index, offset = [], 0
    with open(given.work / f"pool-{given.role}.i16.part", "wb") as out:
        for kind, source, name, samples in clips:
            if len(samples) < 600 or (np.abs(samples[:200_000].astype(np.int32)).max() < 30 and kind not in ("silence", "room-noise")):
                continue
            out.write(samples.tobytes())
            index.append([kind, source, name, offset, len(samples)])
            offset += len(samples)
    (given.work / f"pool-{given.role}.i16.part").rename(given.work / f"pool-{given.role}.i16")
    (given.work / f"pool-{given.role}.json").write_text(json.dumps(index))
    print(f"{given.role}: {len(index)} clips, {offset / RATE_HZ / 3600:.2f} h", flush=True)


if __name__ == "__main__":
    main()
