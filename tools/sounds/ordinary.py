"""Hours of ordinary life for counting false alarms -> OUT/hour-NN.wav and hour-NN.txt (Audacity labels).

    python ordinary.py COLLECTION OUT [--hours 10] [--role training] [--life] [--varied]

Only sound that is no alarm, and of one role: the recordings of COLLECTION/heldOut outside abnormal, and made sounds
with parameters of that role and seeds used nowhere else. (The role training is for choosing thresholds.) An hour is a row of scenes of 20 to 150 s, each with its
own room and microphone, over room noise and hum: quiet, water, talk, radio, music, appliances, house, outdoors; 30 to
60 loud transients (doors, knocks, dishes, drops, coughs ...) fall anywhere. The label file says what lies where.

--life: an hour of a bathroom as it is used. Twelve visits a day, each of 3 to 20 minutes of such scenes, begin with steps
and a door and end with a door, loud every fourth time; between them nothing but what comes through the wall now and then.

--varied: every sound at another speed and coloured, as in the scenes of the distillation: for training.
"""

import argparse
import wave
from pathlib import Path

import numpy as np

from bathroom import MAKERS, Draw, envelope, microphone, noise, peak, quiet, room, samples
from collect import CLASS_OF, write_wav
from prepare_audio import RATE_HZ
from scenes import coloured, played

FIRST_SEED = 1_000_000
BLOCK = 1 << 16
SPEED = 0.3  # deviation of the speeds' logarithm
STEADY = {
    "water": ["shower", "shower", "tap", "tap", "bath-filling", "rain", "stream"],
    "appliance": ["hair-dryer", "shaver", "toothbrush", "fan", "washing-machine", "vacuum-cleaner", "engine"],
}
IN_TURN = {  # one clip after the other, with pauses (seconds) between them
    "talk": (["talk"] * 6 + ["laughing", "crowd"], (0.2, 3)),
    "radio": (["radio", "talk", "music", "music"], (0.05, 0.5)),
    "song": (["singing", "singing", "talk"], (0.3, 3)),
    "music": (["music", "music", "instrument"], (0.05, 1)),
    "house": (["footsteps", "door", "click", "dishes", "cloth", "keys", "tools", "drip", "splash", "toilet-flush", "tap", "bell", "notification", "beep"], (1, 12)),
    "outdoors": (["bird", "dog", "cat", "other-animal", "vehicle", "wind", "thunder", "nature", "rain", "siren"], (0.5, 8)),
    "baby": (["baby-cry", "talk"], (0.5, 5)),
    "game": (["game-effect", "music", "notification"], (0.3, 3)),
}  # fmt: skip
SCENES = {"quiet": 5, "water": 5, "appliance": 4, "talk": 4, "radio": 3, "song": 1, "music": 2, "house": 5, "outdoors": 3, "baby": 0.5, "game": 0.5}
TRANSIENTS = ["door", "door", "slammed-door", "knock", "dropped-bottle", "dishes", "dishes", "clank", "footsteps", "coughing", "sneezing", "dog", "keys", "click", "tools"]  # fmt: skip


class Sounds:
    """A sound of a kind, recorded or made, as a wave of peak 1."""

    def __init__(self, collection: Path, role: str, varied: bool = False):
        self.role, self.varied = role, varied
        self.recorded: dict[str, list[Path]] = {}
        for file in sorted(collection.glob(f"{role}/*/*/*.wav")):
            kind = file.parent.name
            if CLASS_OF[kind] != "abnormal" and not file.name.startswith("made__"):
                self.recorded.setdefault(kind, []).append(file)
        self.next_seed = FIRST_SEED

    def has(self, kind: str) -> bool:
        return kind in self.recorded or kind in MAKERS

    def draw(self, d: Draw, kind: str) -> np.ndarray:
        sound = self.found(d, kind)
        return peak(coloured(d.rng, played(d.rng, sound, SPEED))) if self.varied else sound

    def found(self, d: Draw, kind: str) -> np.ndarray:
        files = self.recorded.get(kind, [])
        if files and (kind not in MAKERS or d.chance(0.5)):
            with wave.open(str(files[d.rng.integers(len(files))])) as file:
                return peak(np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64))
        self.next_seed += 1
        own = Draw(self.role, self.next_seed)
        return peak(MAKERS[kind](own, own(5, 9)))


def extended(d: Draw, piece: np.ndarray, n: int) -> np.ndarray:
    """A steady sound for as long as wanted: random excerpts, cross-faded over half a second."""
    fade = min(samples(0.5), len(piece) // 4)
    ramp = np.sin(np.linspace(0, np.pi / 2, fade))
    out, at = np.zeros(n + len(piece)), 0
    while at < n:
        begin = d.rng.integers(0, len(piece) // 3)
        part = piece[begin:].copy()
        part[:fade] *= ramp
        part[-fade:] *= ramp[::-1]
        out[at : at + len(part)] += part
        at += len(part) - fade
    return out[:n]


def filtered(x: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Convolution in blocks."""
    step = BLOCK - len(response)
    spectrum = np.fft.rfft(response, BLOCK)
    out = np.zeros(len(x) + BLOCK)
    for at in range(0, len(x), step):
        out[at : at + BLOCK] += np.fft.irfft(np.fft.rfft(x[at : at + step], BLOCK) * spectrum, BLOCK)
    return out[: len(x)]


def scene(d: Draw, sounds: Sounds, seconds: float, transients: int) -> tuple[np.ndarray, list]:
    n = samples(seconds)
    dry, labels = np.zeros(n), []

    def put(kind: str, sound: np.ndarray, at: int, dbfs: float):
        part = sound[: n - at]
        dry[at : at + len(part)] += part * 10 ** (dbfs / 20)
        labels.append((at / RATE_HZ, (at + len(part)) / RATE_HZ, kind))

    def lay(name: str, loudest: float):
        level = d(max(-60, loudest - 30), loudest)
        if name in STEADY:
            kind = str(d.rng.choice([kind for kind in STEADY[name] if sounds.has(kind)]))
            length = min(n, samples(d(20, 150)))
            shape = envelope(length, (0, 0), (0.01, 1), (0.98, 1), (1, 0))
            put(kind, extended(d, sounds.draw(d, kind), length) * shape, 0, level)
        elif name in IN_TURN:
            kinds, pause = IN_TURN[name]
            at = samples(d(0.1, 3))
            while at < n - RATE_HZ:
                kind = str(d.rng.choice([kind for kind in kinds if sounds.has(kind)]))
                sound = sounds.draw(d, kind)
                put(kind, sound, at, level + d(-6, 3))
                at += len(sound) + samples(d.log(*pause))

    names, weights = list(SCENES), np.array(list(SCENES.values()))
    first, second, third = d.rng.choice(names, 3, p=weights / weights.sum())
    lay(first, -10)
    if first != "quiet" and d.chance(0.4):
        lay(second, -18)
        if d.chance(0.3):
            lay(third, -25)
    for _ in range(transients):
        kind = str(d.rng.choice([kind for kind in TRANSIENTS if sounds.has(kind)]))
        put(kind, sounds.draw(d, kind), int(d.rng.integers(max(1, n - RATE_HZ))), d(-32, -8))
    response = microphone(d, np.pad(room(d), (0, 64)))
    return filtered(dry, response / np.sqrt(np.sum(response**2))), labels


def visits(d: Draw) -> list[tuple[int, int]]:
    """First and last sample of each visit of an hour."""
    out, at = [], samples(d.rng.exponential(2 * 3600))
    while at < 3550 * RATE_HZ:
        end = min(3590 * RATE_HZ, at + samples(d.log(180, 1200)))
        out.append((at, end))
        at = end + samples(30 + d.rng.exponential(2 * 3600))
    return out


def crossing(d: Draw, sounds: Sounds, leaving: bool) -> tuple[np.ndarray, list]:
    """Somebody comes in or goes: steps and a door."""
    door = "slammed-door" if d.chance(0.25) else "door"
    kinds = ["footsteps", door] if leaving else [door, "footsteps"]
    parts, labels, at = [], [], 0
    for kind in kinds:
        sound = sounds.draw(d, kind)[: samples(5)] * 10 ** (d(-30, -6) / 20)
        labels.append((at / RATE_HZ, (at + len(sound)) / RATE_HZ, kind))
        parts += [sound, np.zeros(samples(d(0.1, 1)))]
        at += len(sound) + len(parts[-1])
    response = microphone(d, np.pad(room(d), (0, 64)))
    return filtered(np.concatenate(parts), response / np.sqrt(np.sum(response**2)))[:at], labels


def hour(d: Draw, sounds: Sounds, life: bool) -> tuple[np.ndarray, list]:
    n = 3600 * RATE_HZ
    out = extended(d, quiet(d, 30) * 10 ** (d(-78, -56) / 20), n)
    hum = sum(d.log(0.05, 1) * np.sin(2 * np.pi * 50 * k * np.arange(RATE_HZ) / RATE_HZ) for k in (1, 2, 3, 4, 6))
    out += np.tile(peak(hum), 3600) * 10 ** (d(-80, -55) / 20)
    out += extended(d, noise(d, 30, [(1000, 3, 0)]), n) * 10 ** (d(-85, -66) / 20)
    rate, labels = d(30, 60), []

    def put(at: int, part: np.ndarray, found: list, gain: float = 1):
        out[at : at + len(part)] += gain * part[: n - at]
        labels.extend((begin + at / RATE_HZ, end + at / RATE_HZ, kind) for begin, end, kind in found)

    for at, end in visits(d) if life else [(0, n)]:
        if life:
            part, found = crossing(d, sounds, leaving=False)
            put(at, part, found)
            at += len(part)
        while at < end - 30 * RATE_HZ:
            seconds = min(d(20, 150), (end - at) / RATE_HZ)
            part, found = scene(d, sounds, seconds, int(d.rng.poisson(rate * seconds / 3600)))
            put(at, part, found)
            at += len(part)
        if life:
            put(at, *crossing(d, sounds, leaving=True))
    for _ in range(d.rng.poisson(8) if life else 0):  # through the wall
        part, found = scene(d, sounds, d(5, 20), 1)
        wall = np.convolve(part, np.ones(12) / 12, "same")
        put(int(d.rng.integers(n - samples(20))), wall, found, 10 ** (d(-30, -15) / 20))
    return out, sorted(labels)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("collection", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hours", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first hour")
    parser.add_argument("--role", choices=["heldOut", "training"], default="heldOut")
    parser.add_argument("--life", action="store_true", help="as a bathroom is used, instead of one sound after the other")
    parser.add_argument("--varied", action="store_true")
    options = parser.parse_args()
    sounds = Sounds(options.collection, options.role, options.varied)
    for k in range(options.first, options.first + options.hours):
        sounds.next_seed = FIRST_SEED + 100_000 * k  # an hour is the same whatever came before it
        sound, labels = hour(Draw(options.role, FIRST_SEED - 1 - k), sounds, options.life)
        write_wav(options.out / f"hour-{k:02}.wav", (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        text = "".join(f"{begin:.3f}\t{end:.3f}\t{kind}\n" for begin, end, kind in labels)
        (options.out / f"hour-{k:02}.txt").write_text(text)
        print(f"hour {k}: {len(labels)} sounds, clipped {np.mean(np.abs(sound) >= 1):.6f}", flush=True)


if __name__ == "__main__":
    main()
