"""Clips laid one by one into a quiet room, as life would -> what a backbone hears of each, window by window.

    python streams.py OUT.npz BUNDLE SET=FOLDER... [--per-source 40] [--ordinary FOLDER] [--as-recorded SET]
                      [--seed 1]

A folder has clips in [CLASS/]KIND/SOURCE__NAME. Each is laid once at a random time and level into 3.4 s and more of
room tone, so that how a file was cut decides nothing; half of them in a made room, none of the sets --as-recorded.
--ordinary: long recordings without anything abnormal, as they are. Writes embedding float16 [windows, 1024],
levels float16 [windows, 33], clip int32 [windows] (rows of one clip follow each other) and per clip set, kind, source,
name, peak_db.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from network import FRAMES, RATE_HZ, Teacher, log_mel
from prepare_audio import AUDIO, decode
from scenes import BLOCK, BLOCKS, HOP, HOP_FRAMES, SCENE, Effects, fast, levels_of

BEFORE, AFTER = 56_000, 40_000
SECONDS = 8


def read(path: Path, seconds: int = SECONDS) -> np.ndarray:
    return np.frombuffer(decode(path.name, path.read_bytes(), seconds), np.int16)


def heard(embed, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[n] -> embeddings [windows, 1024], levels [windows, 33] (of the samples there are: missing blocks are 0)"""
    mel = log_mel(samples[None])[0]
    count = (len(mel) - FRAMES) // HOP_FRAMES + 1
    windows = mel.unfold(0, FRAMES, HOP_FRAMES).transpose(1, 2)[:count]
    ends = [15_600 + HOP * i for i in range(count)]
    missing = [max(0, -(-(BLOCK * BLOCKS - end) // BLOCK)) for end in ends]
    parts = []
    for end, gone in zip(ends, missing):
        part = samples[max(0, end - SCENE) : end]
        level = torch.zeros(BLOCKS)
        if gone < BLOCKS - 2:
            level[gone:] = levels_of_part(part[len(part) - BLOCK * (BLOCKS - gone) :])
        parts.append(level)
    return embed(windows), torch.stack(parts)


def levels_of_part(samples: torch.Tensor) -> torch.Tensor:
    """levels_of for fewer blocks"""
    blocks = samples.double().view(-1, BLOCK)
    power = (blocks.square().mean(1) - blocks.mean(1).square()).clamp(min=0)
    floor = 10 * torch.log10(power.unfold(0, 3, 1).mean(1).amin() + 1e-10)
    return ((10 * torch.log10(power + 1e-10) - floor) / 20).clamp(0, 3).float()


def laid(clip: np.ndarray, effects: Effects, rng, as_recorded: bool) -> tuple[torch.Tensor, float]:
    """Into the tone of a room, at a level."""
    n = BEFORE + int(rng.integers(HOP)) + len(clip) + AFTER
    at = BEFORE + int(rng.integers(HOP))
    dry = np.zeros(n + HOP, np.float32)
    x = clip.astype(np.float32) / 32768
    fade = min(400, len(x) // 4)
    x = x.copy()
    x[:fade] *= np.linspace(0, 1, fade)
    x[len(x) - fade :] *= np.linspace(1, 0, fade)
    dry[at : at + len(x)] = x
    wave = torch.from_numpy(dry)
    if not as_recorded and rng.uniform() < 0.5:
        size = 1 << (len(dry) + RATE_HZ).bit_length()
        response = torch.fft.irfft(effects.rooms[rng.integers(len(effects.rooms))], 65_536)
        wave = torch.fft.irfft(torch.fft.rfft(wave, size) * torch.fft.rfft(response, size), size)[: len(dry)]
    peak_db = rng.uniform(-30, -3)
    wave = wave * (10 ** (peak_db / 20) / (wave.abs().max() + 1e-6))
    tone = effects.tones[rng.integers(len(effects.tones))]
    tone = np.tile(np.roll(tone, rng.integers(len(tone))), 1 + len(dry) // len(tone))[: len(dry)]
    wave = wave + torch.from_numpy(tone) * float(10 ** (rng.uniform(-80, -62) / 20))
    return (wave.clamp(-1, 1) * 32767).round() / 32768, peak_db


def network(bundle: Path, scratch: Path):
    scratch.mkdir(parents=True, exist_ok=True)
    return fast(Teacher(bundle).embedding, torch.zeros(2, FRAMES, 64), scratch / f"{bundle.name}.onnx")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("out", type=Path)
    options.add_argument("bundle", type=Path)
    options.add_argument("sets", nargs="*")
    options.add_argument("--per-source", type=int, default=40, help="clips of one kind and source at most")
    options.add_argument("--as-recorded", nargs="*", default=[])
    options.add_argument("--leave-out", nargs="*", default=[], help="kinds")
    options.add_argument("--ordinary", type=Path)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(given.seed)
    effects = Effects(np.random.default_rng(99), None, 60)
    embed = network(given.bundle, given.out.parent / "onnx")
    embeddings, levels, clips = [], [], []
    about: dict[str, list] = {name: [] for name in ("set", "kind", "source", "name", "peak_db")}

    def take(samples: torch.Tensor, **facts):
        embedding, level = heard(embed, samples)
        clips.append(np.full(len(embedding), len(about["name"]), np.int32))
        embeddings.append(embedding.half().numpy())
        levels.append(level.half().numpy())
        for name, value in facts.items():
            about[name].append(value)

    for entry in given.sets:
        name, folder = entry.split("=", 1)
        seen: dict[tuple, int] = {}
        for path in sorted(Path(folder).rglob("*")):
            kind, source = path.parent.name, path.name.split("__")[0] if "__" in path.name else name
            if not AUDIO.search(path.name) or kind in given.leave_out or seen.get((kind, source), 0) >= given.per_source:
                continue
            samples = read(path)
            if len(samples) < 800 or np.abs(samples.astype(int)).max() < 60:
                continue
            seen[kind, source] = seen.get((kind, source), 0) + 1
            wave, peak_db = laid(samples, effects, rng, name in given.as_recorded)
            take(wave, set=name, kind=kind, source=source, name=path.name, peak_db=peak_db)
        print(name, sum(seen.values()), flush=True)
    for path in sorted(given.ordinary.glob("*.wav")) if given.ordinary else []:
        samples = torch.from_numpy(read(path, 100_000).astype(np.float32)) / 32768
        for first in range(0, len(samples) - SCENE, 60 * RATE_HZ):  # minute by minute, overlapping by what is remembered
            part = samples[max(0, first - (SCENE - 15_600)) : first + 60 * RATE_HZ]
            take(part, set="ordinary", kind="hour", source=path.stem, name=f"{path.stem}-{first // (60 * RATE_HZ)}", peak_db=0)
        print(path.name, flush=True)
    np.savez(given.out, embedding=np.concatenate(embeddings), levels=np.concatenate(levels), clip=np.concatenate(clips), **about)


if __name__ == "__main__":
    main()
