"""Makers of heavy falls and of what is easily taken for one; bathroom.py adds them to its own.

A fall is heard in stages: knee, hip, trunk, arm, head meet the floor within a second, each a soft heavy body of its
own stiffness on the same floor, with cloth that rubs and things that are dragged along. A soft body excites a floor
only up to a few hundred hertz (its pulse is 5 to 25 ms long); what is hard and light rings higher and bounces.
"""

import numpy as np

FLOORS = {  # modes from .. to (Hz), half-life (s) of the lowest, how much of a blow becomes modes, treble left (Hz)
    "tile": (70, 420, (0.008, 0.02), (0.1, 0.35), (2500, 7000)),
    "concrete": (60, 300, (0.006, 0.015), (0.05, 0.25), (2000, 6000)),
    "wood": (28, 260, (0.025, 0.09), (0.5, 1.3), (1500, 6000)),
    "carpet": (35, 200, (0.015, 0.05), (0.2, 0.8), (350, 1500)),
    "tub": (90, 900, (0.03, 0.12), (0.3, 1.0), (1500, 6000)),
}


def makers(bathroom):
    """The makers, built from bathroom.py's blocks (handed over, since it imports this file)."""
    add, decay, envelope, modes, noise = bathroom.add, bathroom.decay, bathroom.envelope, bathroom.modes, bathroom.noise
    peak, samples, strike, unit, wander, latch = (
        bathroom.peak, bathroom.samples, bathroom.strike, bathroom.unit, bathroom.wander, bathroom.latch,
    )  # fmt: skip

    class Floor:
        """One floor, the same for every blow on it."""

        def __init__(self, d, names):
            low, high, half, share, treble = FLOORS[str(d.rng.choice(names))]
            self.modes = [(d.log(low, high), d(0.2, 1), d.rng.uniform()) for _ in range(d.count(5, 14))]
            self.low, self.half, self.share, self.treble = low, d.log(*half), d(*share), d.log(*treble)
            self.rattle = d.chance(0.3)

        def hit(self, d, pulse_s, slap, seconds=0.8):
            """A blow by a body whose contact lasts pulse_s: a half sine, the floor's modes as far as it excites them, a slap."""
            n = samples(seconds)
            t = np.arange(n) / 16_000
            m = samples(pulse_s)
            push = np.zeros(n)
            push[:m] = np.sin(np.pi * np.arange(m) / m) ** d(1, 2)
            push = np.diff(push, prepend=0.0)  # a microphone hears how the air is pushed, not the pressure on the floor
            ring = np.zeros(n)
            for f, level, phase in self.modes:
                excited = 1 / (1 + (f * pulse_s * 1.3) ** 2)
                ring += level * excited * np.sin(2 * np.pi * (f * t + phase)) * decay(n, self.half * (self.low / f) ** 0.5)
            dull = peak(noise(d, seconds, [(d.log(0.35, 0.8) / pulse_s, d(0.7, 1.2), 0)]) * decay(n, pulse_s * d(0.8, 2)))
            skin = peak(noise(d, seconds, [(d.log(350, 1800), d(0.8, 1.5), 0)]) * decay(n, d.log(0.006, 0.03)))
            out = 0.7 * peak(push) + self.share * peak(ring) + d(0.5, 1.1) * dull + slap * skin
            if self.rattle:  # windows, shelves, a mirror
                for _ in range(d.count(1, 5)):
                    add(out, modes(d, 250, 3500, 6, d.log(0.006, 0.03), 0.3), d(0.02, 0.3), d.log(0.01, 0.12))
            f = np.fft.rfftfreq(n, 1 / 16_000)
            return peak(np.fft.irfft(np.fft.rfft(out) / (1 + (f / self.treble) ** 2), n))

    def fall(d, s):
        out = np.zeros(samples(d(1.8, 3.2)))
        floor = Floor(d, ["tile", "tile", "concrete", "wood", "wood", "carpet", "tub"])
        at = d(0.35, 0.8)
        if d.chance(0.5):  # a foot slips, a hand grabs for something
            add(out, unit(noise(d, 0.3, [(d.log(700, 3500), 1.0, 0)]) * envelope(samples(0.3), (0, 0), (0.5, 1), (1, 0))), at - d(0.2, 0.35), d(0.01, 0.08))
        stages = d.count(1, 5)
        heavy = int(d.rng.integers(stages))
        for k in range(stages):
            pulse = d.log(0.006, 0.022)
            add(out, floor.hit(d, pulse, d.log(0.05, 1.0)), at, d(0.75, 1) if k == heavy else d.log(0.08, 0.8))
            at += d.log(0.05, 0.38)
        if d.chance(0.4):  # an arm, a heel, a dummy's hard hand
            add(out, floor.hit(d, d.log(0.0015, 0.005), d(0.5, 1.5)), at, d.log(0.05, 0.5))
        rub = noise(d, 1.2, [(d.log(600, 4000), d(0.8, 1.5), 0)])
        add(out, rub * np.clip(wander(d, len(rub), d(3, 9), 1.0) - 0.5, 0, 3), d(0.1, 0.6), d.log(0.003, 0.06))
        if d.chance(0.25):
            add(out, bathroom.dropped_bottle(d, 1), at - d(0, 0.3), d.log(0.05, 0.4))
        return out

    def thud(d, s):
        """Something heavy, once: a sack, a body that sits down hard, a box."""
        out = np.zeros(samples(1.4))
        floor = Floor(d, list(FLOORS))
        add(out, floor.hit(d, d.log(0.005, 0.025), d.log(0.05, 0.8)), 0.2)
        if d.chance(0.4):
            add(out, floor.hit(d, d.log(0.005, 0.025), d.log(0.05, 0.8)), 0.2 + d(0.06, 0.3), d.log(0.1, 0.6))
        return out

    def body(d, low, high, count, half_life):
        """Partials of one light thing, for all its blows."""
        parts = [(d.log(low, high), d(0.2, 1)) for _ in range(count)]

        def hit(level):
            n = samples(0.4)
            t = np.arange(n) / 16_000
            ring = sum(a * np.sin(2 * np.pi * f * t + d.rng.uniform(0, 6)) * decay(n, half_life * (low / f) ** 0.4) for f, a in parts)
            return peak(ring) + d(0.2, 0.9) * strike(d, d.log(low, high), half_life, 0.4)

        return hit

    def dropped_thing(d, s):
        """Shampoo, soap, a brush, a shower head, a book, a roll of paper: light, hard or hollow, bounces."""
        low, half = ((250, 0.012), (450, 0.02), (900, 0.03), (160, 0.009), (1400, 0.012))[int(d.rng.integers(5))]
        low, half = low * d(0.7, 1.4), half * d(0.5, 1.6)
        hit = body(d, low, low * d(5, 10), d.count(4, 12), half)
        out = bathroom.bounces(d, d(0.9, 1.8), hit, d(0.06, 0.3), d(0.35, 0.7))
        if d.chance(0.25):  # a hose or a cable drags along
            drag = noise(d, 0.8, [(d.log(1200, 4500), 0.8, 0)])
            add(out, drag * np.clip(wander(d, len(drag), 12, 1) - 0.5, 0, 3), 0.1, 0.03)
        return out

    def toilet_seat(d, s):
        """A seat and its lid fall on the bowl: two or three hard hollow clacks close together."""
        out = np.zeros(samples(1.3))
        hit, at = body(d, d.log(180, 420), d.log(1800, 4500), d.count(6, 14), d.log(0.008, 0.03)), d(0.15, 0.3)
        for k in range(d.count(1, 3)):
            add(out, hit(1), at, 1.0 if k == 0 else d(0.1, 0.6))
            at += d.log(0.03, 0.16)
        return out

    def drawer(d, s):
        """Rolls or scrapes, then stops; what lies in it shifts."""
        slide = d(0.25, 0.7)
        out = np.zeros(samples(slide + 1.0))
        n = samples(slide)
        roll = noise(d, slide, [(d.log(200, 1800), d(0.8, 1.5), 0)]) * envelope(n, (0, 0), (0.2, 0.5), (0.9, 1), (1, 0.3)) * wander(d, n, 25, 0.4)
        add(out, unit(roll), 0.1, d.log(0.03, 0.15))
        add(out, body(d, d.log(110, 350), d.log(1500, 4000), d.count(6, 14), d.log(0.008, 0.03))(1), 0.1 + slide)
        for _ in range(d.count(0, 5)):
            add(out, modes(d, 900, 6000, 5, d.log(0.004, 0.03), 0.3), 0.1 + slide + d.log(0.005, 0.2), d.log(0.03, 0.4))
        return out

    def cupboard(d, s):
        out = np.zeros(samples(1.2))
        add(out, body(d, d.log(120, 320), d.log(1200, 3500), d.count(6, 14), d.log(0.01, 0.03))(1), 0.2)
        if d.chance(0.6):
            add(out, latch(d), 0.2 + d(0, 0.05), d(0.1, 0.7))
        if d.chance(0.3):
            add(out, modes(d, 900, 6000, 5, d.log(0.004, 0.03), 0.3), 0.2 + d(0.01, 0.1), d.log(0.03, 0.3))
        return out

    def heavy_steps(d, s):
        """Heels on a wooden floor, somebody above: like a fall, but again and again and alike."""
        out = np.zeros(samples(d(2, 3.6)))
        floor, every, at = Floor(d, ["wood", "wood", "carpet", "concrete"]), d(0.28, 0.7), d(0.05, 0.5)
        pulse, slap = d.log(0.004, 0.014), d.log(0.03, 0.5)
        while at < len(out) / 16_000 - 0.3:
            add(out, floor.hit(d, pulse * d(0.85, 1.2), slap, 0.5), at, d(0.55, 1))
            at += every * d(0.9, 1.1)
        return out

    def clapping(d, s):
        out, at, every = np.zeros(samples(d(0.6, 3))), 0.1, d(0.15, 0.6)
        centre = d.log(700, 2200)
        while at < len(out) / 16_000 - 0.2:
            add(out, strike(d, centre * d(0.9, 1.1), d.log(0.003, 0.01), 0.2), at, d(0.6, 1))
            at += every * d(0.9, 1.1)
        return out

    def yawning(d, s):
        seconds = d(1.2, 3)
        n = samples(seconds)
        man = d.chance(0.5)
        base, tract = (d.log(100, 170), 1.0) if man else (d.log(180, 300), 1.18)
        pitch = base * envelope(n, (0, 1.0), (0.25, d(1.2, 1.7)), (1, d(0.5, 0.8))) * wander(d, n, 5, 0.03)
        out = bathroom.vowel(d, bathroom.voice(d, pitch, 0.02, d(0.3, 1.2), d(1.0, 1.5)), "a", tract, 1.5)
        return unit(out) * envelope(n, (0, 0), (0.3, 1), (0.6, 0.6), (1, 0))

    def throat(d, s):
        out, at = np.zeros(samples(d(0.8, 1.6))), 0.1
        tract = d(0.9, 1.2)
        for _ in range(d.count(1, 3)):
            n = samples(d(0.15, 0.4))
            rough = bathroom.voice(d, d.log(70, 140) * envelope(n, (0, 1.1), (1, 0.9)), d(0.4, 0.9), d(0.4, 1.2), 0.9)
            add(out, unit(bathroom.vowel(d, rough, "e", tract, 2)) * envelope(n, (0, 0), (0.2, 1), (0.7, 0.7), (1, 0)), at, d(0.5, 1))
            at += n / 16_000 + d(0.05, 0.3)
        return out

    def aerosol(d, s):
        out = np.zeros(samples(d(0.8, 3)))
        at = 0.1
        while at < len(out) / 16_000 - 0.3:
            n = samples(d(0.2, 1.2))
            hiss = noise(d, n / 16_000, [(d.log(3500, 7000), d(0.7, 1.3), 0)])
            add(out, hiss * envelope(len(hiss), (0, 0), (0.02, 1), (0.95, 1), (1, 0)), at)
            at += n / 16_000 + d(0.1, 0.6)
        return out

    def ringing(d, s):
        """A telephone: a warble or a few notes, again and again."""
        n = samples(d(2, 4))
        t = np.arange(n) / 16_000
        notes = [d.log(400, 2600) for _ in range(d.count(2, 5))]
        step = d.log(0.03, 0.25)
        f = np.array(notes)[(t // step).astype(int) % len(notes)]
        tone = np.sin(2 * np.pi * np.cumsum(f) / 16_000) + d(0, 0.5) * np.sin(4 * np.pi * np.cumsum(f) / 16_000)
        return tone * ((t % d(1.0, 3.0)) < d(0.6, 1.5)) * (1 - (t % step) / step * d(0, 0.7))

    return {
        "fall": fall, "thud": thud, "dropped-thing": dropped_thing, "toilet-seat": toilet_seat, "drawer": drawer,
        "cupboard": cupboard, "heavy-steps": heavy_steps, "clapping": clapping, "yawning": yawning, "throat": throat,
        "aerosol": aerosol, "phone": ringing,
    }  # fmt: skip
