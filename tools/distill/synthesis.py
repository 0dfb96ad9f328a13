"""Stage 2: sounds made for the training -> WORK/audio-made.i16 and .json, in the form of stage 1.

    python synthesis.py WORK

A third is espeak-ng in many voices, the rest is synthesis: the kinds of sound a bathroom has, in as many
variants as the random numbers give. They need not be convincing: the teacher says what each sounds like.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from prepare_audio import RATE_HZ, decode

SYNTHETIC_CLIPS, SPOKEN_CLIPS = 1800, 900
LANGUAGES = "en-us en-gb en-gb-scotland de fr-fr es it pt-br nl pl ru sv tr cs el hi fi da ro hu vi ja ko cmn ar".split()
VARIANTS = "m1 m2 m3 m4 m5 m6 m7 f1 f2 f3 f4 f5 croak whisper whisperf klatt klatt4 robosoft Alicia Andrea Annie Denis Gene Lee Mario Michael belinda linda".split()
WORDS = (
    "help me please I have fallen down water bathroom towel where is the soap hello yes no what time good morning "
    "come here stop it hurts oh ah aaah nooo call somebody quickly the door is open coffee music tomorrow number seven "
    "radio news weather today sunny rain wind la la la do re mi bonjour guten Tag ich bin gefallen Hilfe ayuda"
).split()


def noise(rng, seconds):
    """Noise of any colour (power ~ 1/f^exponent)."""
    n = int(seconds * RATE_HZ)
    spectrum = rng.standard_normal(n // 2 + 1) + 1j * rng.standard_normal(n // 2 + 1)
    return np.fft.irfft(spectrum / np.maximum(np.arange(n // 2 + 1), 20) ** (rng.uniform(-0.5, 2.2) / 2), n)


def band(rng, sound, low=60, high=7000):
    """A smooth random band-pass, by FFT."""
    f = np.fft.rfftfreq(len(sound), 1 / RATE_HZ) + 1
    centre, width = np.exp(rng.uniform(np.log(low), np.log(high))), rng.uniform(0.3, 2.5)
    return np.fft.irfft(np.fft.rfft(sound) * np.exp(-0.5 * (np.log(f / centre) / width) ** 2), len(sound))


def wobble(rng, n, speed):
    """A slow random envelope around 1."""
    points = max(4, int(n / RATE_HZ * speed))
    return np.exp(0.7 * np.interp(np.linspace(0, points, n), np.arange(points + 1), rng.standard_normal(points + 1)))


def scatter(rng, seconds, count, event):
    """Adds `count` short events at random times."""
    out = np.zeros(int(seconds * RATE_HZ))
    for _ in range(count):
        sound, at = event(), rng.integers(len(out))
        piece = sound[: len(out) - at]
        out[at : at + len(piece)] += piece * rng.uniform(0.1, 1)
    return out


def decay(seconds, half_life):
    return 0.5 ** (np.arange(int(seconds * RATE_HZ)) / RATE_HZ / half_life)


def modes(rng, low, high, count, half_life, seconds=1.0):
    """A struck body: inharmonic decaying partials."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    partials = np.exp(rng.uniform(np.log(low), np.log(high), count))
    return sum(
        rng.uniform(0.1, 1) * np.sin(2 * np.pi * (f * t + rng.uniform())) * decay(seconds, half_life * rng.uniform(0.3, 1.5))
        for f in partials
    )


def running_water(rng, s):
    bubbles = scatter(rng, s, int(s * rng.uniform(5, 80)), lambda: drip(rng))
    steady = sum(band(rng, noise(rng, s), 200, 6000) for _ in range(3))
    return steady / np.std(steady) * wobble(rng, len(steady), rng.uniform(1, 20)) + rng.uniform(0, 1.5) * bubbles


def drip(rng):
    """A bubble: a short sine whose pitch rises."""
    t = np.arange(int(0.12 * RATE_HZ)) / RATE_HZ
    f = rng.uniform(300, 3500)
    return np.sin(2 * np.pi * f * t * (1 + rng.uniform(0, 4) * t)) * decay(0.12, rng.uniform(0.004, 0.03))


def dripping(rng, s):
    return scatter(rng, s, rng.integers(1, 15), lambda: drip(rng))


def impacts(rng, s):
    """Thuds, knocks, doors: low modes and a dull burst of noise."""
    def hit():
        burst = band(rng, noise(rng, 0.5), 60, 1500) * decay(0.5, rng.uniform(0.005, 0.05))
        return modes(rng, 40, rng.uniform(150, 900), rng.integers(2, 12), rng.uniform(0.01, 0.1), 0.5) + burst / np.abs(burst).max() * rng.uniform(0.5, 6)
    return scatter(rng, s, rng.integers(1, 6), hit)


def glass(rng, s):
    """Breaking and clinking: showers of high partials over a crack."""
    shard = lambda: modes(rng, 1500, 7800, rng.integers(3, 15), rng.uniform(0.01, 0.15), 0.6) * rng.uniform(0.1, 1) ** 2
    crack = np.zeros(int(s * RATE_HZ))
    burst = noise(rng, 0.3) * decay(0.3, rng.uniform(0.01, 0.06))
    crack[: len(burst)] = burst / np.abs(burst).max() * rng.uniform(0, 4)
    out = scatter(rng, s, rng.integers(2, 40), shard) * decay(s, rng.uniform(0.1, 1.5))
    return np.roll(out + crack, rng.integers(len(out)))


def dishes(rng, s):
    return scatter(rng, s, rng.integers(2, 20), lambda: modes(rng, 400, 6000, rng.integers(3, 10), rng.uniform(0.01, 0.12), 0.5))


def harmonic(rng, s, low, high, vibrato, rough):
    """A harmonic sound with a wandering pitch: motors, voices, cries, horns."""
    n = int(s * RATE_HZ)
    pitch = np.exp(rng.uniform(np.log(low), np.log(high))) * wobble(rng, n, 2) ** vibrato
    phase = 2 * np.pi * np.cumsum(pitch * (1 + rough * np.sin(2 * np.pi * rng.uniform(20, 90) * np.arange(n) / RATE_HZ))) / RATE_HZ
    tilt = rng.uniform(0.3, 2)
    out = sum(np.sin(k * phase + rng.uniform(0, 6)) / k**tilt * (pitch * k < 7800) for k in range(1, rng.integers(2, 40)))
    return band(rng, out, 200, 4000) + 0.3 * out


def motor(rng, s):
    hum = harmonic(rng, s, 25, 400, rng.uniform(0, 0.05), 0)
    air = band(rng, noise(rng, s), 200, 6000)
    return hum / np.std(hum) + rng.uniform(0.1, 4) * air / np.std(air)


def scream(rng, s):
    voice = harmonic(rng, s, 350, 1800, rng.uniform(0.05, 0.4), rng.uniform(0, 0.25))
    bursts = np.interp(np.arange(len(voice)), np.sort(rng.integers(0, len(voice), 8)), rng.permuted([0, 1, 1, 1, 0.3, 0.8, 0, 1]))
    return voice / np.std(voice) * bursts + 0.1 * rng.uniform() * noise(rng, s)[: len(voice)]


def beeps(rng, s):
    t = np.arange(int(s * RATE_HZ)) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * f * t) for f in rng.uniform(300, 4000, rng.integers(1, 4)))
    square = np.sin(2 * np.pi * rng.uniform(0.5, 12) * t) > rng.uniform(-1, 0.7)
    return np.clip(tones * square * rng.uniform(0.5, 5), -1, 1)


def sweep(rng, s):
    t = np.arange(int(s * RATE_HZ)) / RATE_HZ
    f0, f1 = np.exp(rng.uniform(np.log(50), np.log(7500), 2))
    return np.sin(2 * np.pi * s * (f0 * t / s + 0.5 * (f1 - f0) * (t / s) ** 2))


def clicks(rng, s):
    return scatter(rng, s, rng.integers(1, 60), lambda: band(rng, noise(rng, 0.05), 500, 7000) * decay(0.05, rng.uniform(0.0005, 0.005)) * 30)


def scrub(rng, s):
    """Brushing, sawing, breathing: noise in a rhythm."""
    t = np.arange(int(s * RATE_HZ)) / RATE_HZ
    rhythm = np.abs(np.sin(np.pi * rng.uniform(0.3, 8) * t + rng.uniform(0, 6))) ** rng.uniform(0.3, 4)
    return band(rng, noise(rng, s), 300, 7000) * rhythm


def plain_noise(rng, s):
    return band(rng, noise(rng, s)) if rng.uniform() < 0.5 else noise(rng, s) * wobble(rng, int(s * RATE_HZ), 1)


KINDS = [plain_noise, running_water, running_water, dripping, impacts, impacts, glass, dishes, motor, motor, scream, scream, beeps, sweep, clicks, scrub]


def synthesise(seed: int) -> tuple[str, bytes]:
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    sound = kind(rng, rng.uniform(1.5, 4.5))
    sound = sound / (np.abs(sound).max() + 1e-9) * 0.9
    return f"{kind.__name__}-{seed}", (sound * 32767).astype("<i2").tobytes()


def speak(seed: int) -> tuple[str, bytes]:
    rng = np.random.default_rng(10_000 + seed)
    voice = f"{rng.choice(LANGUAGES)}+{rng.choice(VARIANTS)}"
    text = " ".join(rng.choice(WORDS, rng.integers(1, 12)))
    options = ["-v", voice, "-s", str(rng.integers(80, 300)), "-p", str(rng.integers(0, 100)), "-a", "150"]
    wav = subprocess.run(["espeak-ng", *options, "--stdout", text], capture_output=True).stdout
    return f"{voice}-{seed}", decode("speech.wav", wav, 10) if wav else b""


def main(work: Path):
    index, offset = [], 0
    with open(work / "audio-made.i16", "wb") as out, ThreadPoolExecutor(2) as pool:
        for source, made in (("synthesis", map(synthesise, range(SYNTHETIC_CLIPS))), ("espeak-ng", pool.map(speak, range(SPOKEN_CLIPS)))):
            for name, samples in made:
                if len(samples) < RATE_HZ // 10:
                    continue
                out.write(samples)
                index.append([source, name, offset, len(samples) // 2])
                offset += len(samples) // 2
    (work / "audio-made.json").write_text(json.dumps(index))
    print(f"made: {offset / RATE_HZ / 3600:.2f} h, {len(index)} clips")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
