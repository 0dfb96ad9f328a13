"""Made sounds of a bathroom -> OUT/{training,heldOut}/CLASS/KIND/made__KIND-N.wav.

    python bathroom.py OUT [KIND...]     # without kinds: all but UNCONVINCING

Synthesis by what happens physically: bubbles and drops (water), struck bodies (modes that ring and die away),
motors (harmonics and air), a voice (glottal pulses through formants), espeak-ng and flite for words; then a room, a
distance, a microphone and its noise. The two roles differ in every parameter: each range is cut into five strips,
training draws from the first, third and fifth, heldOut from the others. So do the voices and the words.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import impacts
from collect import CLASS_OF, write_wav
from prepare_audio import RATE_HZ, decode

COUNTS = {"training": 40, "heldOut": 25}
STRIPS = {"training": (0, 2, 4), "heldOut": (1, 3)}


class Draw:
    """Random parameters of one role; `rng` is for noise."""

    def __init__(self, role: str, seed: int):
        self.role, self.rng = role, np.random.default_rng([len(role), seed])

    def __call__(self, low: float, high: float) -> float:
        return low + (high - low) * (self.rng.choice(STRIPS[self.role]) + self.rng.uniform()) / 5

    def log(self, low: float, high: float) -> float:
        return float(np.exp(self(np.log(low), np.log(high))))

    def count(self, low: int, high: int) -> int:
        return int(round(self(low - 0.5, high + 0.5)))

    def chance(self, share: float) -> bool:
        return self.rng.uniform() < share


# ---- building blocks: all give a wave of about unit size


def unit(x: np.ndarray) -> np.ndarray:
    """Root mean square 1."""
    return x / (np.sqrt(np.mean(x**2)) + 1e-12)


def peak(x: np.ndarray) -> np.ndarray:
    return x / (np.abs(x).max() + 1e-12)


def convolve(x: np.ndarray, response: np.ndarray) -> np.ndarray:
    """As long as x."""
    size = 1 << (len(x) + len(response) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(response, size), size)[: len(x)]


def samples(seconds: float) -> int:
    return max(16, int(seconds * RATE_HZ))


def noise(d: Draw, seconds: float, humps: list[tuple[float, float, float]], tilt: float = 0.0) -> np.ndarray:
    """Noise whose spectrum is a sum of humps (centre Hz, width in octaves, dB), tilted by dB per octave."""
    n = samples(seconds)
    f = np.fft.rfftfreq(n, 1 / RATE_HZ)
    octave = np.log2(np.maximum(f, 20) / 1000)
    gain = sum(10 ** (db / 20) * np.exp(-0.5 * ((octave - np.log2(c / 1000)) / w) ** 2) for c, w, db in humps)
    spectrum = (d.rng.standard_normal(len(f)) + 1j * d.rng.standard_normal(len(f))) * gain * 10 ** (tilt * octave / 20)
    return unit(np.fft.irfft(spectrum, n))


def wander(d: Draw, n: int, per_second: float, depth: float) -> np.ndarray:
    """A slow random factor around 1."""
    points = max(4, int(n / RATE_HZ * per_second) + 2)
    return np.exp(depth * np.interp(np.linspace(0, points - 1, n), np.arange(points), d.rng.standard_normal(points)))


def envelope(n: int, *points: tuple[float, float]) -> np.ndarray:
    """Straight lines through (share of the duration, level)."""
    at, level = zip(*points)
    return np.interp(np.linspace(0, 1, n), at, level)


def decay(n: int, half_life_s: float) -> np.ndarray:
    return 0.5 ** (np.arange(n) / RATE_HZ / half_life_s)


def modes(d: Draw, low: float, high: float, count: int, half_life_s: float, seconds: float = 0.8) -> np.ndarray:
    """A struck body; high modes die first."""
    n = samples(seconds)
    t = np.arange(n) / RATE_HZ
    out = np.zeros(n)
    for _ in range(count):
        f = d.log(low, high)
        out += d(0.1, 1) * np.sin(2 * np.pi * (f * t + d.rng.uniform())) * decay(n, half_life_s * d(0.5, 1.5) * (low / f) ** 0.3)
    return peak(out)


def strike(d: Draw, centre: float, half_life_s: float, seconds: float = 0.5) -> np.ndarray:
    """The burst of noise at contact."""
    return peak(noise(d, seconds, [(centre, 1.0, 0)]) * decay(samples(seconds), half_life_s))


def add(out: np.ndarray, piece: np.ndarray, at_s: float, level: float = 1.0):
    begin = int(at_s * RATE_HZ)
    part = piece[: max(0, len(out) - begin)]
    out[begin : begin + len(part)] += level * part


def rain_of(d: Draw, seconds: float, per_second: float, event, kinds: int = 14, spread: float = 1.0) -> np.ndarray:
    """Very many small events: a few templates, each convolved with its own random pulses."""
    n = samples(seconds)
    out = np.zeros(n)
    for _ in range(kinds):
        pulses = np.zeros(n)
        at = d.rng.integers(0, n, d.rng.poisson(seconds * per_second / kinds) + 1)
        np.add.at(pulses, at, np.exp(spread * d.rng.standard_normal(len(at))) * d.rng.choice([-1, 1], len(at)))
        out += convolve(pulses, event())
    return out


def bubble(d: Draw, low: float, high: float) -> np.ndarray:
    """An air bubble (Minnaert): a sine that rises a little and dies in some ten periods."""
    f = d.log(low, high)
    n = samples(min(0.25, 60 / f))
    t = np.arange(n) / RATE_HZ
    return np.sin(2 * np.pi * f * t * (1 + d(0, 2.5) * t)) * decay(n, d(3, 9) / f) * (300 / f) ** 0.5


def drop(d: Draw) -> np.ndarray:
    """A drop on a hard wet surface: a click and sometimes its bubble."""
    click = strike(d, d.log(2000, 6500), d.log(0.0006, 0.003), 0.03)
    return np.concatenate([click, np.zeros(1500)]) + (0.6 * np.pad(bubble(d, 900, 3500), (60, 4000))[: len(click) + 1500])


def formants(d: Draw, source: np.ndarray, peaks: list[tuple[float, float, float]]) -> np.ndarray:
    """Vocal tract: resonances (Hz, bandwidth Hz, dB), in parallel."""
    f = np.fft.rfftfreq(len(source), 1 / RATE_HZ)
    gain = sum(10 ** (db / 20) / np.sqrt(1 + ((f - c) / (w / 2)) ** 2) for c, w, db in peaks) + 0.01
    return np.fft.irfft(np.fft.rfft(source) * gain, len(source))


def voice(d: Draw, pitch_hz: np.ndarray, rough: float, breath: float, tilt: float = 1.1) -> np.ndarray:
    """Glottal pulses with jitter, subharmonics when rough, and breath; `tilt` 0.5 is pressed, 1.5 soft."""
    n = len(pitch_hz)
    jitter = wander(d, n, 60, 0.008 + 0.05 * rough)
    phase = np.cumsum(pitch_hz * jitter) / RATE_HZ
    flutter = np.cumsum(d(40, 110) * wander(d, n, 20, 0.15)) / RATE_HZ
    sub = 1 + rough * np.sin(np.pi * phase) + rough * np.sin(2 * np.pi * flutter)
    top = int(7600 / pitch_hz.min())
    out = sum(np.where(k * pitch_hz < 7600, np.sin(2 * np.pi * k * phase), 0) / k**tilt for k in range(1, min(top, 60) + 1))
    return unit(out * sub) + breath * unit(d.rng.standard_normal(n))


VOWELS = {"a": (750, 1200, 2600), "o": (480, 880, 2500), "e": (500, 1850, 2600), "i": (300, 2250, 3000), "u": (330, 750, 2400)}


def vowel(d: Draw, source: np.ndarray, name: str, tract: float, bandwidth: float = 1.0) -> np.ndarray:
    """`tract` 1 for a man, about 1.2 for a woman, 1.5 for a child."""
    f1, f2, f3 = (f * tract * d(0.93, 1.07) for f in VOWELS[name])
    return formants(d, source, [(f1, 110 * bandwidth, 0), (f2, 130 * bandwidth, -4), (f3, 200 * bandwidth, -10), (3600 * tract, 350, -16)])


# ---- kinds: (d, seconds) -> wave; seconds is a wish


def shower(d, s):
    n = samples(s)
    hiss = noise(d, s, [(d.log(2500, 6000), d(0.8, 1.6), 0), (d.log(500, 1500), 1.0, d(-14, -5))], d(-2, 1)) * wander(d, n, 4, 0.08)
    drops = unit(rain_of(d, s, d.log(1500, 9000), lambda: drop(d), spread=0.7))
    tub = noise(d, s, [(d.log(120, 400), 0.8, 0)]) * wander(d, n, 6, 0.3)
    return hiss + d(0.3, 0.9) * drops + d(0.1, 0.5) * tub + d(0.1, 0.5) * unit(rain_of(d, s, 40, lambda: bubble(d, 300, 2000)))


def tap(d, s):
    n = samples(s)
    jet = noise(d, s, [(d.log(600, 2500), d(0.8, 1.5), 0), (d.log(3000, 6500), 0.9, d(-12, -2))]) * wander(d, n, 8, 0.15)
    bubbles = unit(rain_of(d, s, d.log(200, 1500), lambda: bubble(d, 350, 3500), kinds=24))
    return jet + d(0.4, 1.3) * bubbles


def bath_filling(d, s):
    n = samples(s)
    rush = noise(d, s, [(d.log(250, 900), d(1.0, 1.6), 0), (d.log(1500, 4000), 1.0, d(-16, -5))]) * wander(d, n, 8, 0.25)
    low = unit(rain_of(d, s, d.log(80, 400), lambda: bubble(d, 180, 900), kinds=24))
    high = unit(rain_of(d, s, d.log(200, 1200), lambda: bubble(d, 600, 3000), kinds=24))
    return rush + d(0.3, 0.9) * low + d(0.4, 1.2) * high


def toilet_flush(d, s):
    s = d(6, 9.5)
    n = samples(s)
    begin, end = d(0.03, 0.08), d(0.4, 0.65)
    rush = noise(d, s, [(d.log(400, 1200), 1.3, 0), (d.log(2500, 5000), 1.0, d(-12, -4))]) * wander(d, n, 12, 0.25)
    gurgle = unit(rain_of(d, s, d.log(150, 700), lambda: bubble(d, 200, 2000), kinds=24))
    refill = noise(d, s, [(d.log(2500, 6000), d(0.4, 0.9), 0)])
    out = (rush + d(0.3, 1) * gurgle) * envelope(n, (0, 0), (begin, 1), (end, 0.8), (end + 0.15, 0.12), (1, 0.02))
    out += d(0.05, 0.25) * refill * envelope(n, (0, 0), (end, 0.3), (end + 0.1, 1), (1, 1))
    add(out, modes(d, 300, 2500, 5, 0.01), d(0.05, 0.2), d(0.5, 3))
    return out


def dripping(d, s):
    s = d(2, 5)
    out = np.zeros(samples(s))
    every, at = d.log(0.25, 1.6), 0.1
    f = d.log(500, 2600)
    while at < s - 0.2:
        add(out, peak(np.pad(bubble(d, f * 0.9, f * 1.1), (0, 200))), at, d(0.5, 1))
        add(out, strike(d, 4000, 0.001, 0.02), at - 0.01, d(0.05, 0.3))
        at += every * d(0.9, 1.1)
    return out


def splash(d, s):
    s = d(0.8, 2.2)
    n = samples(s)
    burst = noise(d, s, [(d.log(700, 2500), 1.3, 0)]) * envelope(n, (0, 0), (d(0.02, 0.06), 1), (d(0.2, 0.4), 0.3), (1, 0))
    bubbles = rain_of(d, s, d.log(150, 700), lambda: bubble(d, 300, 3000), kinds=24)
    return burst + d(0.4, 1) * unit(bubbles) * envelope(n, (0, 0), (0.05, 1), (0.5, 0.5), (1, 0))


def motor(d, s, low, high, air, air_hz, brush=0.0, harmonics=20, wobble=0.01):
    """Harmonics of a rotation with uneven strengths, and moving air."""
    n = samples(s)
    phase = np.cumsum(d.log(low, high) * wander(d, n, 3, wobble)) / RATE_HZ
    hum = sum(d.log(0.05, 1) / k ** d(0.3, 0.9) * np.sin(2 * np.pi * (k * phase + d.rng.uniform())) for k in range(1, harmonics))
    blow = noise(d, s, [(air_hz, d(1.0, 1.8), 0), (air_hz * 3, 1.0, d(-15, -3))]) * wander(d, n, 3, 0.06)
    return unit(hum) * (1 + brush * np.sin(2 * np.pi * d(1.5, 5) * np.arange(n) / RATE_HZ)) + air * blow


def hair_dryer(d, s):
    out = motor(d, s, 180, 420, d(1.5, 5), d.log(900, 2800), harmonics=30)
    n = samples(s)
    whine = np.sin(2 * np.pi * d.log(1800, 6500) * np.arange(n) / RATE_HZ * wander(d, n, 1, 0.0005))
    up = envelope(n, (0, 0.02), (d(0.08, 0.2), 1), (1, 1)) if d.chance(0.4) else 1
    return (out + d(0.05, 0.4) * whine) * up


def shaver(d, s):
    n = samples(s)
    stroke = 1 + d(0.1, 0.5) * np.sin(2 * np.pi * d(0.4, 1.5) * np.arange(n) / RATE_HZ)
    return motor(d, s, 85, 135, d(0.15, 0.6), d.log(2500, 5500), harmonics=50) * stroke


def toothbrush(d, s):
    n = samples(s)
    if d.chance(0.5):  # by hand
        rhythm = np.abs(np.sin(np.pi * d(2.5, 6) * np.arange(n) / RATE_HZ)) ** d(0.6, 2)
        return noise(d, s, [(d.log(2500, 6000), d(0.6, 1.1), 0), (d.log(700, 1600), 0.6, d(-15, -6))]) * rhythm
    scrub = noise(d, s, [(d.log(2000, 5000), 0.8, 0)]) * (1 + 0.6 * np.sin(2 * np.pi * d(1, 3) * np.arange(n) / RATE_HZ))
    return motor(d, s, 150, 280, 0.1, 3000, brush=d(0.05, 0.3), harmonics=25) + d(0.1, 0.5) * scrub


def fan(d, s):
    return motor(d, s, 25, 110, d(2, 7), d.log(200, 900), harmonics=12)


def washing_machine(d, s):
    n = samples(s)
    t = np.arange(n) / RATE_HZ
    turn = d(0.7, 1.3)
    tumble = (0.5 + 0.5 * np.sin(2 * np.pi * turn * t)) ** 2
    drum = motor(d, s, 35, 120, d(0.5, 2), d.log(150, 500), harmonics=25)
    slosh = noise(d, s, [(d.log(400, 1400), 1.0, 0)]) * tumble
    out = drum + d(0.2, 1.2) * slosh
    for k in range(int(s * turn)):
        add(out, strike(d, d.log(90, 250), 0.03), (k + 0.5) / turn, d(0.5, 3))
    return out


def vacuum_cleaner(d, s):
    return motor(d, s, 90, 300, d(2, 6), d.log(600, 2200), harmonics=40) + d(0.2, 1) * noise(d, s, [(d.log(3000, 6000), 0.8, 0)])


def bounces(d, s, hit, first_gap, restitution, level=1.0):
    """One body that falls, bounces and comes to rest."""
    out = np.zeros(samples(s))
    at, gap = 0.1, first_gap
    while gap > 0.012 and at < s - 0.1:
        add(out, hit(level), at, level)
        at, gap, level = at + gap, gap * restitution, level * restitution * d(0.7, 1.1)
    return out


def dropped_bottle(d, s):
    low, glassy = d.log(350, 1100), d.chance(0.25)
    body = [d.log(low, low * 6) for _ in range(6)]

    def hit(level):
        n = samples(0.4)
        t = np.arange(n) / RATE_HZ
        ring = sum(d(0.3, 1) * np.sin(2 * np.pi * f * t) * decay(n, (0.05 if glassy else 0.012) * (low / f) ** 0.4) for f in body)
        return peak(ring) * 0.7 + 0.6 * strike(d, d.log(900, 3500), d.log(0.003, 0.012), 0.4)

    out = bounces(d, d(1, 2), hit, d(0.12, 0.35), d(0.5, 0.75))
    if d.chance(0.4):  # and rolls
        roll = noise(d, 1, [(d.log(400, 1500), 0.8, 0)]) * np.abs(np.sin(2 * np.pi * d(3, 8) * np.arange(RATE_HZ) / RATE_HZ))
        add(out, roll * envelope(RATE_HZ, (0, 0), (0.2, 1), (1, 0)), 0.6, 0.03)
    return out


def dishes(d, s):
    out = np.zeros(samples(d(1.5, 4)))
    for _ in range(d.count(3, 14)):
        ring = modes(d, d.log(900, 2200), 6500, d.count(4, 9), d.log(0.015, 0.09), 0.5)
        add(out, ring + 0.3 * strike(d, 4500, 0.002), d.rng.uniform(0.05, len(out) / RATE_HZ - 0.3), d(0.15, 1))
    return out


def wood(d, low, high, half_life):
    return modes(d, low, high, d.count(6, 14), half_life, 0.6) + d(0.3, 1) * strike(d, d.log(low, high), half_life, 0.6)


def latch(d):
    return modes(d, 1200, 5500, 6, d.log(0.004, 0.015), 0.2) + 0.5 * strike(d, 3000, 0.002, 0.2)


def door(d, s):
    s = d(1.2, 2.5)
    out = np.zeros(samples(s))
    add(out, latch(d), 0.1, d(0.2, 0.7))
    if d.chance(0.35):  # the hinge
        n = samples(d(0.4, 0.9))
        creak = formants(d, voice(d, d.log(90, 280) * wander(d, n, 6, 0.25), 0.8, 0.2), [(d.log(700, 1400), 200, 0), (d.log(1800, 3200), 300, -3)])
        add(out, peak(creak) * envelope(n, (0, 0), (0.3, 1), (1, 0)), 0.25, d(0.1, 0.5))
    at = d(0.7, 1.0)
    add(out, wood(d, 80, 900, d.log(0.012, 0.04)), at, d(0.5, 1))
    add(out, latch(d), at + d(0.01, 0.06), d(0.2, 0.6))
    return out


def slammed_door(d, s):
    out = np.zeros(samples(d(1.2, 2)))
    at = d(0.15, 0.4)
    air = noise(d, 0.2, [(200, 1.5, 0)]) * envelope(samples(0.2), (0, 0), (1, 1))
    add(out, air, at - 0.15, 0.05)
    add(out, wood(d, 50, 700, d.log(0.03, 0.08)) + strike(d, d.log(80, 200), 0.05, 0.6), at)
    add(out, latch(d), at + d(0, 0.03), d(0.3, 0.8))
    for _ in range(d.count(0, 4)):  # frame and panes rattle
        add(out, modes(d, 300, 2500, 6, 0.02, 0.3), at + d(0.05, 0.35), d(0.03, 0.2))
    return out


def knock(d, s):
    out = np.zeros(samples(2.2))
    seed, every = int(d.rng.integers(1 << 30)), d(0.13, 0.32)
    low, half_life = d.log(150, 400), d.log(0.008, 0.025)
    for k in range(d.count(2, 5)):
        same = Draw(d.role, seed)  # the same door and knuckle each time
        add(out, wood(same, low, low * 7, half_life), 0.15 + k * every * d(0.95, 1.05), d(0.7, 1))
    return out


def footsteps(d, s):
    s = d(2, 4)
    out = np.zeros(samples(s))
    at, every, centre = 0.15, d(0.4, 0.75), d.log(150, 900)
    while at < s - 0.3:
        add(out, strike(d, centre * d(0.8, 1.2), d.log(0.01, 0.03)) + 0.4 * wood(d, 90, 500, 0.015)[: samples(0.5)], at, d(0.6, 1))
        add(out, strike(d, centre * 4, 0.02), at + 0.07, d(0.05, 0.3))
        at += every * d(0.93, 1.07)
    return out


def cloth(d, s):
    s = d(1, 3)
    rub = noise(d, s, [(d.log(1500, 5000), d(0.8, 1.4), 0)])
    return rub * np.clip(wander(d, len(rub), d(4, 9), 1.2) - 0.4, 0, 4)


def body_impact(d, low=45):
    """Flesh on a floor: dull, short, the floor's own modes below 200 Hz."""
    n = samples(0.6)
    floor = modes(d, low, 220, d.count(5, 10), d.log(0.012, 0.03), 0.6)
    boom = noise(d, 0.6, [(d.log(70, 160), 0.7, 0)]) * decay(n, d.log(0.02, 0.06))
    slap = noise(d, 0.6, [(d.log(150, 600), 1.2, 0), (d.log(900, 2500), 0.9, d(-18, -6))]) * decay(n, d.log(0.01, 0.035))
    return peak(d(0.2, 0.6) * floor + d(0.4, 1) * peak(boom) + d(0.6, 1.3) * peak(slap))


def crash(d, s):
    """A shelf comes down: dozens of short hits of wood, metal, crockery, ever fewer."""
    s = d(1.5, 3)
    out = np.zeros(samples(s))
    add(out, strike(d, d.log(500, 2000), d.log(0.05, 0.15), 0.6) + body_impact(d), 0.2)
    fewer, ring = d(0.2, 0.5), d(0.2, 0.7)
    for _ in range(d.count(40, 90)):
        at = 0.2 + d.rng.exponential(fewer)
        piece = strike(d, d.log(600, 5500), d.log(0.006, 0.03)) + ring * modes(d, d.log(300, 1500), 7000, 30, d.log(0.005, 0.03), 0.5)
        if at < s - 0.1:
            add(out, piece, at, d.log(0.08, 1) * np.exp(0.2 - at))
    return out


def breaking_glass(d, s):
    s = d(1.2, 2.5)
    out = np.zeros(samples(s))
    crack = noise(d, 0.5, [(d.log(3000, 6000), 1.3, 0)]) * decay(samples(0.5), d.log(0.02, 0.06))
    add(out, 1.5 * peak(crack), 0.15)
    add(out, modes(d, 500, 3000, 8, 0.03, 0.4), 0.15, d(0.3, 0.8))
    for _ in range(d.count(40, 120)):  # shards on the floor
        at = 0.16 + d.rng.exponential(d(0.12, 0.4))
        shard = modes(d, d.log(1800, 3500), 7800, d.count(5, 12), d.log(0.004, 0.025), 0.4) + d(0.2, 0.8) * strike(d, 5000, 0.003, 0.4)
        if at < s - 0.05:
            add(out, shard, at, d.log(0.05, 0.8) * np.exp(-at))
    return out


def blow(d, s):
    out = np.zeros(samples(1.0))
    for k in range(d.count(1, 3)):
        add(out, strike(d, d.log(250, 900), d.log(0.008, 0.025)) + 0.7 * body_impact(d, 70)[: samples(0.5)], 0.15 + 0.27 * k, d(0.6, 1))
    return out


def scream(d, s):
    s = d(0.7, 2.6)
    n = samples(s)
    top = d.log(650, 1500)
    pitch = top * envelope(n, (0, d(0.55, 0.8)), (d(0.08, 0.25), 1), (d(0.6, 0.85), d(0.92, 1.05)), (1, d(0.55, 0.85))) * wander(d, n, 14, 0.04)
    source = voice(d, pitch, d(0.0, 0.12), d(0.03, 0.1), d(0.4, 0.75))
    out = formants(d, source, [(d(950, 1400), 300, 0), (d(1700, 2400), 350, 0), (d(2800, 3800), 500, -2)])
    return np.tanh(unit(out) * d(0.5, 1.6)) * envelope(n, (0, 0), (0.05, 1), (0.85, 0.9), (1, 0))


def groan(d, s):
    s = d(0.7, 2)
    n = samples(s)
    man = d.chance(0.6)
    base = d.log(85, 150) if man else d.log(160, 260)
    pitch = base * envelope(n, (0, 0.95), (0.1, d(1.1, 1.3)), (1, d(0.55, 0.75))) * wander(d, n, 12, 0.05)
    source = voice(d, pitch, d(0.0, 0.1), d(0.5, 1.0), d(0.7, 0.9))
    out = vowel(d, source, str(d.rng.choice(["o", "a", "a"])), 1.0 if man else 1.17, 1.1)
    return unit(out) * envelope(n, (0, 0), (0.12, 1), (0.6, 0.8), (1, 0))


def baby_cry(d, s):
    s = d(3, 6)
    out, at = np.zeros(samples(s)), 0.1
    base = d.log(330, 560)
    while at < s - 0.5:
        m = samples(d(0.5, 1.1))
        pitch = base * envelope(m, (0, 0.75), (0.2, d(1, 1.2)), (0.7, 1), (1, 0.65)) * wander(d, m, 8, 0.02)
        cry = formants(d, voice(d, pitch, d(0, 0.35), 0.08), [(d(900, 1250), 250, 0), (d(2600, 3600), 450, 2)])
        add(out, unit(cry) * envelope(m, (0, 0), (0.1, 1), (0.8, 0.8), (1, 0)), at)
        at += m / RATE_HZ + d(0.15, 0.4)
    return out


def expulsion(d, seconds, tract, voiced):
    n = samples(seconds)
    air = noise(d, seconds, [(1500, 2.5, 0)])
    vocal = voice(d, d.log(150, 330) * tract * envelope(n, (0, 1.3), (1, 0.8)), 0.3, 0.5)
    out = unit(formants(d, air, [(700 * tract, 500, 0), (1300 * tract, 700, 0), (2600 * tract, 1200, -3), (4500, 2500, -6)])) + voiced * unit(vowel(d, vocal, "a", tract, 2))
    return unit(out) * envelope(n, (0, 0), (0.03, 1), (0.3, 0.6), (0.7, 0.35), (1, 0))


def coughing(d, s):
    out, at, tract = np.zeros(samples(d(1.3, 2.5))), 0.1, d(0.9, 1.3)
    for _ in range(d.count(1, 4)):
        add(out, expulsion(d, d(0.18, 0.4), tract, d(0.2, 0.9)), at, d(0.6, 1))
        at += d(0.3, 0.5)
    return out


def sneezing(d, s):
    out, tract = np.zeros(samples(1.8)), d(0.9, 1.3)
    n = samples(0.5)
    add(out, noise(d, 0.5, [(1800, 1.2, 0)]) * envelope(n, (0, 0), (0.9, 1), (1, 0)), 0.1, d(0.05, 0.15))
    add(out, expulsion(d, d(0.25, 0.45), tract, d(0.3, 1)), 0.65)
    hiss = noise(d, 0.4, [(d.log(3000, 5500), 0.7, 0)]) * envelope(samples(0.4), (0, 1), (1, 0))
    add(out, hiss, 0.7, d(0.3, 0.8))
    return out


def singing(d, s):
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    man = d.chance(0.5)
    base, tract = (d.log(110, 180), 1.0) if man else (d.log(220, 350), 1.18)
    s, out, at = d(4, 7), [], 3
    while sum(map(len, out)) < s * RATE_HZ:
        n = samples(d(0.25, 0.9))
        at = int(np.clip(at + d.rng.integers(-2, 3), 0, 7))
        vibrato = 2 ** (d(0.2, 0.6) / 12 * np.sin(2 * np.pi * d(4.8, 6.3) * np.arange(n) / RATE_HZ))
        note = vowel(d, voice(d, base * 2 ** (scale[at] / 12) * vibrato, 0.02, 0.06), str(d.rng.choice(list(VOWELS))), tract)
        out.append(unit(note) * envelope(n, (0, 0.05), (0.12, 1), (0.85, 0.9), (1, 0.05)))
    return np.concatenate(out)


def laughing(d, s):
    out, at = np.zeros(samples(d(1.5, 3))), 0.1
    man = d.chance(0.5)
    base, tract, every = (d.log(130, 220) if man else d.log(240, 420)), (1.0 if man else 1.18), d(0.17, 0.26)
    name = str(d.rng.choice(["a", "e"]))
    for k in range(d.count(4, 10)):
        n = samples(every * 0.62)
        note = vowel(d, voice(d, base * (1.25 - 0.04 * k) * envelope(n, (0, 1.15), (1, 0.85)), 0.1, 0.35), name, tract, 1.3)
        if at < len(out) / RATE_HZ - 0.3:
            add(out, unit(note) * envelope(n, (0, 0), (0.25, 1), (1, 0)), at, 0.93**k)
            add(out, noise(d, 0.08, [(1500 * tract, 1.2, 0)]), at + every * 0.65, 0.25)
        at += every * d(0.95, 1.05)
    return out


def quiet(d, s):
    return noise(d, s, [(d.log(60, 300), d(1, 3), 0)], d(-6, -1))


def hum(d, s):
    t = np.arange(samples(s)) / RATE_HZ
    mains = sum(d.log(0.02, 1) * np.sin(2 * np.pi * (50 * k * t + d.rng.uniform())) for k in range(1, 13))
    return unit(mains) + d(0.05, 0.6) * quiet(d, s)


# ---- words

TALK = {
    "training": (
        ["en-us", "de", "fr-fr", "es", "it", "nl", "pl", "sv"], ["m1", "m3", "m7", "f1", "f3", "Annie", "Gene", "Mario"], ["kal16", "awb"],
        ["Good morning, have you seen the big towel?", "I will be ready in five minutes.", "What shall we have for dinner tonight?",
         "The weather today will be sunny with a little wind.", "Can you turn the music down, please?", "Guten Morgen, wie geht es dir heute?",
         "Il fait beau aujourd'hui, allons au marché.", "Mañana vamos a la playa con los niños.", "Dove hai messo le chiavi della macchina?"],
        ["Help! Help me!", "Help! Somebody help me, please!", "Hilfe! Hilfe!", "Au secours! Aidez-moi!", "Socorro! Ayuda!", "Aiuto! Aiuto!", "Call an ambulance!"],
    ),
    "heldOut": (
        ["en-gb", "pt-br", "da", "cs", "ro", "fi", "en-gb-scotland"], ["m2", "m4", "m6", "f2", "f4", "Andrea", "Lee", "Denis"], ["slt", "rms"],
        ["Did somebody call me while I was out?", "The train leaves at half past seven tomorrow.", "I am going to wash my hair now.",
         "And here is the news at eight o'clock.", "Please bring me another roll of paper.", "We should paint this wall in a different colour.",
         "Bom dia, o café está pronto.", "Godmorgen, hvordan har du det?", "Dobré ráno, jak se máš?"],
        ["Help! I fell down! Help!", "Please help me! I can't get up!", "Help! Is anybody there?", "Socorro! Me ajude!", "Hjælp! Hjælp mig!", "Pomoc! Pomozte mi!", "Ajutor!"],
    ),
}  # fmt: skip


def spoken(d, text, loud):
    languages, variants, flite, *_ = TALK[d.role]
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        if d.chance(0.35) and text.isascii():
            stretch = d(0.9, 1.15) if loud else d(0.85, 1.2)
            command = ["flite", "-voice", str(d.rng.choice(flite)), "--setf", f"duration_stretch={stretch}", "-t", text, "-o", file.name]
        else:
            speed, pitch = (d(110, 170), d(65, 99)) if loud else (d(120, 200), d(20, 70))
            command = ["espeak-ng", "-v", f"{d.rng.choice(languages)}+{d.rng.choice(variants)}", "-s", str(int(speed)), "-p", str(int(pitch)), "-w", file.name, text]
        subprocess.run(command, check=True, capture_output=True)
        wave = np.frombuffer(decode("speech.wav", Path(file.name).read_bytes(), 8), "<i2").astype(float)
    return peak(wave)


def talk(d, s):
    return spoken(d, str(d.rng.choice(TALK[d.role][3])), False)


def call_for_help(d, s):
    """Shouted: higher, brighter, pressed."""
    words = spoken(d, str(d.rng.choice(TALK[d.role][4])), True)
    higher = np.interp(np.arange(0, len(words), d(1.1, 1.35)), np.arange(len(words)), words)
    f = np.fft.rfftfreq(len(higher), 1 / RATE_HZ)
    bright = np.fft.irfft(np.fft.rfft(higher) * (np.maximum(f, 100) / 1000) ** d(0.3, 0.7), len(higher))
    return np.tanh(unit(bright) * d(0.8, 1.8))


def radio(d, s):
    """Talk over chords, out of a small loudspeaker."""
    words = talk(d, s)
    n = len(words)
    t = np.arange(n) / RATE_HZ
    chord = lambda root: sum(np.sin(2 * np.pi * root * 2 ** (k / 12) * h * t) / h**1.5 for k in (0, 4, 7, 12) for h in range(1, 6))
    beat = d(0.35, 0.7)
    tune = np.where((t // (beat * 4)).astype(int) % 2 == 0, chord(d.log(130, 220)), chord(d.log(130, 220))) * decay(n, 1e9) * (1 - (t % beat) / beat * d(0.2, 0.8))
    f = np.fft.rfftfreq(n, 1 / RATE_HZ)
    small = 1 / (1 + (d(180, 450) / np.maximum(f, 1)) ** 4) / (1 + (f / d(3500, 6500)) ** 6)
    return np.fft.irfft(np.fft.rfft(unit(words) + d(0.15, 0.6) * unit(tune)) * small, n)


MAKERS = {
    "shower": shower, "tap": tap, "bath-filling": bath_filling, "toilet-flush": toilet_flush, "drip": dripping, "splash": splash,
    "hair-dryer": hair_dryer, "shaver": shaver, "toothbrush": toothbrush, "fan": fan, "washing-machine": washing_machine,
    "vacuum-cleaner": vacuum_cleaner, "dropped-bottle": dropped_bottle, "dishes": dishes, "door": door, "slammed-door": slammed_door,
    "knock": knock, "footsteps": footsteps, "cloth": cloth, "baby-cry": baby_cry, "coughing": coughing, "sneezing": sneezing,
    "silence": quiet, "room-noise": quiet, "hum": hum, "talk": talk, "singing": singing, "laughing": laughing, "radio": radio,
    "crash": crash, "breaking-glass": breaking_glass, "blow": blow,
    "scream": scream, "groan": groan, "call-for-help": call_for_help,
}  # fmt: skip
MAKERS |= impacts.makers(sys.modules[__name__])
UNCONVINCING = {"scream", "groan"}  # YAMNet hears violins and animals, breathing and snoring: worse than none
PEAK_DBFS = {"silence": (-75, -55), "room-noise": (-55, -38), "hum": (-55, -30)}  # others -42 … -2
LOUD = {"fall", "thud", "crash", "breaking-glass", "scream", "call-for-help", "slammed-door", "blow"}  # -26 … -1


def room(d: Draw) -> np.ndarray:
    """Impulse response: the direct sound, some early reflections off tiles, an exponential tail; far or near."""
    t60 = d.log(0.2, 1.1)
    n = samples(t60)
    tail = d.rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail = np.convolve(tail, [1, d(0.1, 0.7)])[:n]  # walls take the treble
    out = tail / np.sqrt(np.sum(tail**2)) * 10 ** (d(-18, 2) / 20)
    out[: samples(0.004)] *= 0.2
    for _ in range(d.count(3, 8)):
        out[int(d(0.002, 0.02) * RATE_HZ)] += d(-0.4, 0.4)
    out[0] = 1
    return out


def microphone(d: Draw, x: np.ndarray) -> np.ndarray:
    """Low cut, tilt and a broad peak or dip."""
    f = np.maximum(np.fft.rfftfreq(len(x), 1 / RATE_HZ), 10)
    db = d(-2, 2) * np.log2(f / 1000) + d(-6, 6) * np.exp(-0.5 * (np.log2(f / d.log(300, 5000)) / d(0.5, 1.5)) ** 2)
    db -= 10 * np.log10(1 + (d.log(25, 120) / f) ** 4)
    return np.fft.irfft(np.fft.rfft(x) * 10 ** (db / 20), len(x))


def recorded(d: Draw, kind: str, wave: np.ndarray) -> np.ndarray:
    """int16, in a room, at a level, over the noise of a microphone."""
    heard = microphone(d, convolve(np.pad(wave, (0, samples(0.3))), room(d)))
    low, high = PEAK_DBFS.get(kind, (-26, -1) if kind in LOUD else (-42, -2))
    level = 10 ** (d(low, high) / 20)
    floor = 10 ** (d(-85, -58) / 20) * noise(d, len(heard) / RATE_HZ, [(200, 3, 0)], -2)[: len(heard)]
    out = peak(heard) * level
    out[: len(floor)] += floor
    return (np.clip(out, -1, 1) * 32767).astype("<i2")


def make(kind: str, role: str, seed: int) -> np.ndarray:
    d = Draw(role, seed)
    return recorded(d, kind, MAKERS[kind](d, d(3, 6)))


def main(out: Path, only: list[str]):
    for number, kind in enumerate(MAKERS):
        if kind not in only if only else kind in UNCONVINCING:
            continue
        for role, count in COUNTS.items():
            for k in range(count):
                sound = make(kind, role, 1000 * number + k)
                write_wav(out / role / CLASS_OF[kind] / kind / f"made__{kind}-{k:02}.wav", sound.tobytes())
        print(kind, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
