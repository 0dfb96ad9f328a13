"""Screams and groans with the voices of people who only speak: SOUNDS/training/abnormal/{scream,groan}/made__shouted-*.wav

    python shouted.py SOUNDS MN04.pt [SCREAMS GROANS]    # candidates, 4000 and 3000 if not given: 25 minutes of a core

WORLD (pyworld, MIT) takes the vowels of SOUNDS/training/speech/talk apart into pitch, spectral envelope and breath, and
puts them together again as a body in terror or pain would: a vowel held, the pitch of a scream (380 to 1500 Hz) or of a
groan (80 to 330), the formants of an open mouth, the flat spectrum of great effort, the roughness of 30 to 150 Hz that
tells screams from other voices (Arnal et al. 2015), subharmonics. Of what comes out those are kept that mn04 hears most
surely as a scream, or as a groan that is no baby, and of no speaker more than a few.
"""

import sys
import tempfile
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pyworld
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "distill"))
from collect import write_wav  # noqa: E402
from mine import EVENTS, Ear  # noqa: E402

RATE_HZ, FRAME_MS, FFT = 16_000, 5.0, 1024
KINDS = list(EVENTS["kinds"])
COUNTS = {"scream": (4000, 240), "groan": (3000, 120)}  # candidates, how many of them are kept
OF_EACH_CLIP, OF_EACH_SOURCE = 2, 40
SHORTEST_FRAMES = 14


def samples_of(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(6 * RATE_HZ), np.int16).astype(np.float64) / 32_768


class Voice:
    """The loud vowels of a recording, frame by frame: envelope and breath (aperiodicity), both [frames, FFT / 2 + 1]."""

    def __init__(self, path: Path):
        self.path = path
        sound = samples_of(path)
        pitch, times = pyworld.dio(sound, RATE_HZ, f0_floor=70, f0_ceil=500, frame_period=FRAME_MS)
        pitch = pyworld.stonemask(sound, pitch, times, RATE_HZ)
        envelope = pyworld.cheaptrick(sound, pitch, times, RATE_HZ, fft_size=FFT)
        breath = pyworld.d4c(sound, pitch, times, RATE_HZ, fft_size=FFT)
        loud = envelope.sum(1)
        good = (pitch > 0) & (loud > 0.1 * np.quantile(loud, 0.97))
        edges = np.flatnonzero(np.diff(np.r_[0, good, 0]))
        self.vowels = [(envelope[a:b], breath[a:b]) for a, b in edges.reshape(-1, 2) if b - a >= SHORTEST_FRAMES]


def curve(count: int, *points: tuple[float, float]) -> np.ndarray:
    at, value = zip(*points)
    return np.interp(np.linspace(0, 1, count), at, value)


def wander(rng, count: int, hz: float) -> np.ndarray:
    """Smooth noise of deviation 1."""
    knots = rng.standard_normal(max(4, int(count * FRAME_MS / 1000 * hz) + 3))
    return np.interp(np.linspace(0, len(knots) - 1, count), np.arange(len(knots)), knots)


def warped(frames: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Formants moved up by a factor for each frame."""
    bins = np.arange(frames.shape[1])
    return np.stack([np.interp(bins / f, bins, row) for row, f in zip(frames, factor)])


def cry(rng, voice: Voice, kind: str) -> np.ndarray:
    u, log = rng.uniform, lambda low, high: float(np.exp(rng.uniform(np.log(low), np.log(high))))
    scream = kind == "scream"
    count = int((log(0.5, 2.2) if scream else log(0.4, 2.0)) * 1000 / FRAME_MS)
    envelope, breath = voice.vowels[rng.integers(len(voice.vowels))]
    middle = slice(len(envelope) // 6, len(envelope) - len(envelope) // 6)
    envelope, breath = envelope[middle], breath[middle]
    # There and back through the vowel, slowly: held, and never twice the same.
    place = np.abs(np.cumsum(u(0.05, 0.5) * (1 + 0.5 * wander(rng, count, 6)))) % (2 * len(envelope) - 2)
    place = np.where(place > len(envelope) - 1, 2 * len(envelope) - 2 - place, place)
    low, part = np.floor(place).astype(int), (place % 1)[:, None]
    high = np.minimum(low + 1, len(envelope) - 1)
    tone = np.exp((1 - part) * np.log(envelope[low] + 1e-12) + part * np.log(envelope[high] + 1e-12))
    air = (1 - part) * breath[low] + part * breath[high]
    if scream:
        top = log(380, 1500)
        attack, release = u(0.05, 0.35), u(0.55, 0.95)
        pitch = top * curve(count, (0, u(0.5, 0.95)), (attack, 1), (release, u(0.85, 1.05)), (1, u(0.45, 0.9)))
        open_mouth = u(1.0, 1.35) + 0.03 * wander(rng, count, 5)
        effort, flat, loud = u(3, 11), u(0.5, 0.95), curve(count, (0, 0), (u(0.02, 0.15), u(0.7, 1)), (release, u(0.7, 1)), (1, 0))
        rough, subharmonic, hoarse = u(0, 0.9), (u(0, 0.7) if rng.random() < 0.5 else 0), u(0, 0.5)
    else:
        top = log(80, 330)
        pitch = top * curve(count, (0, u(0.8, 1.1)), (u(0.1, 0.4), 1), (u(0.5, 0.8), u(0.7, 1.1)), (1, u(0.45, 0.85)))
        open_mouth = u(0.85, 1.1) + 0.03 * wander(rng, count, 4)
        effort, flat, loud = u(-4, 5), u(0.8, 1.1), curve(count, (0, 0), (u(0.05, 0.3), u(0.6, 1)), (u(0.5, 0.8), u(0.5, 1)), (1, 0))
        rough, subharmonic, hoarse = u(0, 0.7), (u(0, 0.5) if rng.random() < 0.4 else 0), u(0, 0.6)
    pitch = pitch * np.exp(u(0.002, 0.03) * wander(rng, count, 12) + u(0, 0.04) * np.sin(2 * np.pi * u(3, 9) * np.arange(count) * FRAME_MS / 1000))
    hz = np.linspace(0, RATE_HZ / 2, FFT // 2 + 1)
    octaves = np.clip(np.log2(np.maximum(hz, 100) / 700), -2.5, 2.2)
    tone = warped(tone, open_mouth)
    mean = np.exp(np.log(tone + 1e-12).mean(1, keepdims=True))
    tone = mean * (tone / mean) ** flat * 10 ** (effort * octaves / 10)
    tone /= tone.sum(1, keepdims=True)
    air = np.clip(air + hoarse * np.linspace(0.2, 1, len(hz)), 0.001, 0.999)
    out = pyworld.synthesize(np.ascontiguousarray(pitch), np.ascontiguousarray(tone), np.ascontiguousarray(air), RATE_HZ, FRAME_MS)
    t = np.arange(len(out)) / RATE_HZ
    at = np.interp(t, np.arange(count) * FRAME_MS / 1000, pitch)
    phase = 2 * np.pi * np.cumsum(at) / RATE_HZ
    hz_rough = u(30, 150) * (1 + 0.15 * np.interp(t, np.linspace(0, t[-1], count), wander(rng, count, 8)))
    out = out * (1 + rough * np.sin(2 * np.pi * np.cumsum(hz_rough) / RATE_HZ))
    # Every second cycle of the folds is weaker, now and then.
    now = np.interp(t, np.linspace(0, t[-1], count), wander(rng, count, 4)) > u(-1, 1)
    out = out * (1 + subharmonic * now * np.sin(phase / 2))
    out *= np.interp(t, np.linspace(0, t[-1], count), loud)
    drive = log(0.5, 6) if scream else log(0.3, 2)
    out = np.tanh(drive * out / (np.abs(out).max() + 1e-9))
    return out / (np.abs(out).max() + 1e-9)


def cries(rng, voice: Voice, kind: str) -> np.ndarray:
    """One to three of a voice."""
    parts = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        parts += [cry(rng, voice, kind) * rng.uniform(0.5, 1), np.zeros(int(rng.uniform(0.08, 0.5) * RATE_HZ))]
    return np.concatenate(parts[:-1])[: 4 * RATE_HZ]


def surely(ear: Ear, clips: list[np.ndarray], kind: str) -> np.ndarray:
    said = ear(clips).numpy()
    column = lambda name: said[:, KINDS.index(name)]
    if kind == "scream":
        return column("scream")
    return column("distress") - np.maximum(0, column("cry") - column("distress") + 1)


def main(sounds: Path, weights: Path, counts: dict[str, int]):
    torch.set_num_threads(1)
    rng, ear = np.random.default_rng(1), Ear(weights, Path(tempfile.gettempdir()))
    voices = []
    for path in sorted((sounds / "training/speech/talk").glob("*.wav")):
        if path.name.startswith("made__"):
            continue
        voice = Voice(path)
        if voice.vowels:
            voices.append(voice)
    print(f"{len(voices)} voices", flush=True)
    for kind, count in ((kind, count) for kind, count in counts.items() if count):
        found = []
        for first in range(0, count, 64):
            some = [voices[rng.integers(len(voices))] for _ in range(64)]
            clips = [(32_000 * cries(rng, voice, kind)).astype(np.int16) for voice in some]
            found += zip(surely(ear, clips, kind), [voice.path for voice in some], clips)
        found.sort(key=lambda each: -each[0])
        scores = np.array([score for score, *_ in found])
        of_clip, of_source, kept = Counter(), Counter(), []
        for score, path, clip in found:
            source = path.name.split("__")[0]
            if of_clip[path] < OF_EACH_CLIP and of_source[source] < OF_EACH_SOURCE and len(kept) < COUNTS[kind][1]:
                of_clip[path] += 1
                of_source[source] += 1
                kept.append((score, clip))
        print(f"{kind}: {len(kept)} with a logit of {kept[-1][0]:.2f} and more; of all candidates the best 1, 5, 20 and 50 %: {np.round(np.quantile(scores, [0.99, 0.95, 0.8, 0.5]), 2)}", flush=True)
        for number, (_, clip) in enumerate(kept):
            write_wav(sounds / "training/abnormal" / kind / f"made__shouted-{number:03d}.wav", clip.tobytes())


if __name__ == "__main__":
    given = [int(number) for number in sys.argv[3:5]] or [count for count, _ in COUNTS.values()]
    main(Path(sys.argv[1]), Path(sys.argv[2]), dict(zip(COUNTS, given)))
