"""Stage 3: random scenes from the clips, heard by the teacher -> shards of (log-mel, embedding).

    python make_targets.py WORK TEACHER_BUNDLE ROLE FIRST STEP END     # ROLE: training or heldOut

Writes WORK/shards-ROLE/N.npz, 4,096 windows each: mel float16 [n,96,64], embedding float16 [n,1024]. The
AudioSet scores follow from the embedding by the teacher's own last layer, so they are not stored. Makes the shards
FIRST, FIRST + STEP ... below END that are not there yet: one process per core, one thread each, does not wait for
its neighbour on a busy machine. A trainer may read while more are made.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from network import WINDOW_SAMPLES, Teacher, log_mel

SHARD, BATCH = 4096, 256
FFT = 16_384  # reverberation wraps around: the room was not silent before
PLAIN = 0.25  # share of windows that stay as recorded


class Clips:
    """Clips by source, so that a large package does not drown the small ones."""

    def __init__(self, work: Path, names: list[str]):
        self.sources = {}
        for name in names:
            samples = np.memmap(work / f"audio-{name}.i16", np.int16, "r")
            for source, _, first, length in json.loads((work / f"audio-{name}.json").read_text()):
                self.sources.setdefault(source, []).append((samples, first, length))
        self.names = list(self.sources)
        seconds = np.array([sum(c[2] for c in clips) / 16_000 for clips in self.sources.values()])
        self.weights = seconds**0.6 / (seconds**0.6).sum()

    def draw(self, rng) -> np.ndarray:
        """A window from a random place of a random clip, at a random speed; short clips lie somewhere in it."""
        clips = self.sources[self.names[rng.choice(len(self.names), p=self.weights)]]
        samples, first, length = clips[rng.integers(len(clips))]
        speed = np.exp(rng.uniform(-0.35, 0.35)) if rng.uniform() < 0.4 else 1.0
        need = int(WINDOW_SAMPLES * speed) + 2
        out = np.zeros(WINDOW_SAMPLES, np.float32)
        start = rng.integers(0, length - need) if length > need else 0
        piece = samples[first + start : first + min(start + need, length)].astype(np.float32) / 32768
        if speed != 1.0:
            at = np.arange(int((len(piece) - 1) / speed)) * speed
            piece = np.interp(at, np.arange(len(piece)), piece).astype(np.float32)
        if len(piece) < WINDOW_SAMPLES and rng.uniform() < 0.3:
            gap = rng.integers(0, 4000)
            piece = np.tile(np.pad(piece, (0, gap)), 1 + WINDOW_SAMPLES // (len(piece) + gap))
        place = rng.integers(0, max(1, WINDOW_SAMPLES - len(piece)))
        piece = piece[: WINDOW_SAMPLES - place]
        out[place : place + len(piece)] = piece
        return out


class Effects:
    """Rooms, microphones and noises, drawn once: making them anew for each window costs more than the teacher."""

    def __init__(self, rng, count: int = 512):
        uniform = lambda low, high: torch.from_numpy(rng.uniform(low, high, (count, 1)).astype(np.float32))
        chance = lambda p: torch.from_numpy((rng.uniform(size=(count, 1)) < p).astype(np.float32))
        f = torch.fft.rfftfreq(FFT, 1 / 16_000)[None] + 1
        # A room: exponentially decaying noise behind the direct sound.
        time_s = torch.arange(FFT)[None] / 16_000
        tail = torch.randn(count, FFT) * torch.exp(-6.9 * time_s / uniform(0.15, 1.0))
        tail[:, :8] = 0
        tail = tail / tail.square().sum(1, keepdim=True).sqrt()
        self.rooms = 1 + 10 ** (uniform(-18, 3) / 20) * torch.fft.rfft(tail)
        # A microphone: tilt, a broad peak or dip, high cut, low cut.
        db = uniform(-4, 4) * torch.log2(f / 1000)
        db = db + uniform(-12, 12) * torch.exp(-0.5 * (torch.log(f / torch.exp(uniform(4.6, 8.7))) / uniform(0.2, 1)) ** 2)
        db = db - chance(0.4) * 12 * torch.log2(1 + (f / torch.exp(uniform(7.3, 9.0))) ** 2)
        db = db - chance(0.4) * 12 * torch.log2(1 + (torch.exp(uniform(3.5, 6.0)) / f) ** 2)
        self.microphones = 10 ** (db / 20)
        noises = torch.fft.irfft(torch.fft.rfft(torch.randn(count, FFT)) / f ** uniform(0, 1), FFT)
        self.noises = noises / noises.square().mean(1, keepdim=True).sqrt()


def scenes(clips: Clips, effects: Effects, rng, n: int) -> torch.Tensor:
    """[n, 15600]: one to three clips, a room, a microphone's colour, coloured noise, a level."""
    uniform = lambda low, high: torch.from_numpy(rng.uniform(low, high, (n, 1)).astype(np.float32))
    chance = lambda p: torch.from_numpy(rng.uniform(size=(n, 1)) < p)
    some = lambda bank: bank[torch.from_numpy(rng.integers(len(bank), size=n))]
    mix = torch.zeros(n, WINDOW_SAMPLES)
    plain = chance(PLAIN)
    for k, share in enumerate((1.0, 0.45, 0.15)):
        for i in np.flatnonzero((rng.uniform(size=n) < share) & ((k == 0) | ~plain[:, 0].numpy())):
            wave = clips.draw(rng)
            loudness = 1.0 if k == 0 else 10 ** (rng.uniform(-25, 6) / 20)
            mix[i] += torch.from_numpy(wave * (loudness / (np.sqrt(np.mean(wave**2)) + 1e-4)))
    response = torch.where(chance(0.4), some(effects.rooms), 1) * torch.where(chance(0.6), some(effects.microphones), 1)
    heard = torch.fft.irfft(torch.fft.rfft(mix, FFT) * response, FFT)[:, :WINDOW_SAMPLES]
    level = heard.square().mean(1, keepdim=True).sqrt() * 10 ** (uniform(-50, -5) / 20)
    heard = heard + torch.where(chance(0.5), level, 0) * some(effects.noises)[:, :WINDOW_SAMPLES]
    mix = torch.where(plain, mix, heard)

    peak = mix.abs().amax(1, keepdim=True) + 1e-6
    loudness_db = torch.from_numpy((3 - 45 * rng.beta(1.0, 2.0, (n, 1))).astype(np.float32))  # a few clip
    loud = (mix / peak * 10 ** (loudness_db / 20)).clamp(-1, 1)
    return (loud * 32767).round() / 32768


def main(work: Path, teacher_folder: Path, role: str, first: int, step: int, end: int):
    torch.set_num_threads(1)
    folder = work / f"shards-{role}"
    folder.mkdir(exist_ok=True)
    teacher = Teacher(teacher_folder)
    clips = Clips(work, ["training", "made"] if role == "training" else ["heldOut"])
    for k in range(first, end, step):
        if (folder / f"{k}.npz").exists():
            continue
        seed = k + (0 if role == "training" else 1_000_000)
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        effects = Effects(rng)
        begin = time.time()
        mels, embeddings = [], []
        for _ in range(SHARD // BATCH):
            mel = log_mel(scenes(clips, effects, rng, BATCH)).half()
            # bfloat16 is 1.7 times as fast and turns the embedding by a cosine of 0.9996 only; it is not for measuring.
            with torch.autocast("cpu", torch.bfloat16, enabled=role == "training"):
                embedding = torch.cat([teacher.embedding(part) for part in mel.float().split(32)])
            mels.append(mel.numpy())
            embeddings.append(embedding.half().numpy())
        part = folder / f"{k}.part"
        with open(part, "wb") as out:
            np.savez(out, mel=np.concatenate(mels), embedding=np.concatenate(embeddings))
        part.rename(folder / f"{k}.npz")
        print(f"{role} shard {k}: {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:7]))
