"""Stage 1: labelled clips -> windows as a bathroom's microphone would hear them, as log-mel.

    python windows.py OUT.npz FOLDER... [--per-clip 8] [--plain 0.3] [--leave-out FILE]

    python windows.py OUT.npz --ordinary FOLDER

Each FOLDER has clips in CLASS/[KIND/]PACKAGE__NAME.wav (see ../sounds) or CLASS/NAME.wav. `--leave-out` names a
text file of paths that are not to be used (BATHNet's validation blocks). Writes mel float16 [n, 96, 64], label (index
into LABELS), kind and package (index into their names). With --ordinary the folders hold long recordings in which
nothing is abnormal; all their windows are written, and nothing but mel.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "distill"))
from network import WINDOW_SAMPLES, log_mel  # noqa: E402
from prepare_audio import AUDIO, decode  # noqa: E402
from scenes import FFT, Effects, coloured, played  # noqa: E402

LABELS = ["background", "water", "speech", "abnormal"]
RENAMED = {"singing": "speech"}  # BATHNet's name
AT_START = 0.25  # share of short clips that begin the window, as a file of one does
ACCOMPANIED = 0.5  # of the others: share with something else to be heard
SPEED = 0.22  # deviation of the speeds' logarithm
BATCH = 64
# Sounds that go on: what may be heard beside another one, which then decides the label.
STEADY = {"room-noise", "silence", "fan", "hair-dryer", "washing-machine", "engine", "shower", "tap", "bath-filling", "wind", "rain", "stream", "vehicle"}


class Clip:
    def __init__(self, path: Path, label: str, kind: str):
        self.path, self.label, self.kind = path, label, kind
        self.package = path.name.split("__")[0] if "__" in path.name else "bathnet"
        self.samples = np.frombuffer(decode(path.name, path.read_bytes(), 10), np.int16)

    def window(self, rng, varied: bool = True) -> np.ndarray:
        """A window with some of the clip's loud part in it, which is played at another speed and coloured where it is varied."""
        x = self.samples.astype(np.float32) / 32768
        if varied:
            x = coloured(rng, played(rng, x, SPEED))
        if len(x) <= WINDOW_SAMPLES:
            # Anywhere, if only its beginning or half a second of it is inside.
            first = rng.integers(-max(0, len(x) - 8000), max(1, WINDOW_SAMPLES - min(len(x), 5000) + 1))
            if rng.uniform() < AT_START:
                first = 0
            out = np.zeros(WINDOW_SAMPLES, np.float32)
            piece = x[max(0, -first) :][: WINDOW_SAMPLES - max(0, first)]
            out[max(0, first) :][: len(piece)] = piece
            return out
        starts = rng.integers(0, len(x) - WINDOW_SAMPLES, 8)
        windows = [x[s : s + WINDOW_SAMPLES] for s in starts]
        level = np.array([np.mean(w**2) for w in windows])
        return windows[rng.choice(np.flatnonzero(level >= level.max() / 100))]


def clips_of(folder: Path, left_out: set[str]):
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        label = RENAMED.get(parts[0], parts[0])
        if AUDIO.search(path.name) and label in LABELS and str(path) not in left_out:
            clip = Clip(path, label, parts[1] if len(parts) > 2 else f"bathnet-{label}")
            if len(clip.samples) > 300:
                yield clip


def heard(mix: torch.Tensor, plain: torch.Tensor, effects: Effects, rng) -> torch.Tensor:
    """[n, 15600] -> a room, a microphone's colour, its noise, a level."""
    n = len(mix)
    uniform = lambda low, high: torch.from_numpy(rng.uniform(low, high, (n, 1)).astype(np.float32))
    chance = lambda p: torch.from_numpy(rng.uniform(size=(n, 1)) < p)
    some = lambda bank: bank[torch.from_numpy(rng.integers(len(bank), size=n))]
    response = torch.where(chance(0.6), some(effects.rooms), 1) * torch.where(chance(0.5), some(effects.microphones), 1)
    wet = torch.fft.irfft(torch.fft.rfft(mix, FFT) * response, FFT)[:, :WINDOW_SAMPLES]
    loudness = wet.square().mean(1, keepdim=True).sqrt() * 10 ** (uniform(-60, -12) / 20)
    wet = wet + loudness * some(torch.from_numpy(effects.tones))[:, :WINDOW_SAMPLES]
    level_db = torch.from_numpy((-1 - 35 * rng.beta(1.0, 1.6, (n, 1))).astype(np.float32))
    wet = wet / (wet.abs().amax(1, keepdim=True) + 1e-6) * 10 ** (level_db / 20)
    out = torch.where(plain[:, None], mix, wet)
    # Digital silence is what files have around a sound; a converter has its smallest step.
    return ((out + torch.where(chance(0.7), 1e-5, 0) * torch.randn(n, WINDOW_SAMPLES)).clamp(-1, 1) * 32767).round() / 32768


def write_recordings(folders: list[Path], out: Path):
    mels = []
    for path in sorted(path for folder in folders for path in folder.glob("*.wav")):
        samples = np.frombuffer(decode(path.name, path.read_bytes(), 100_000), np.int16)
        windows = torch.from_numpy(samples[: len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES].copy()).view(-1, WINDOW_SAMPLES)
        mels += [log_mel(part / 32768).half().numpy() for part in windows.split(BATCH)]
    np.savez(out, mel=np.concatenate(mels))
    print(f"{sum(map(len, mels))} windows of ordinary sound")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("out", type=Path)
    options.add_argument("folders", type=Path, nargs="+")
    options.add_argument("--ordinary", action="store_true")
    options.add_argument("--per-clip", type=int, default=8)
    options.add_argument("--plain", type=float, default=0.3, help="share of windows that stay as recorded")
    options.add_argument("--leave-out", type=Path)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    rng = np.random.default_rng(given.seed)
    if given.ordinary:
        write_recordings(given.folders, given.out)
        return
    left_out = set(given.leave_out.read_text().split("\n")) if given.leave_out else set()
    clips = [clip for folder in given.folders for clip in clips_of(folder, left_out)]
    kinds, packages = (sorted({getattr(c, name) for c in clips}) for name in ("kind", "package"))
    steady = [c for c in clips if c.kind in STEADY and len(c.samples) > WINDOW_SAMPLES]
    quiet = [c for c in steady if c.label == "background"]
    effects = Effects(rng, None)
    chosen = [clip for clip in clips for _ in range(given.per_clip)]
    mels = []
    for first in range(0, len(chosen), BATCH):
        some = chosen[first : first + BATCH]
        plain = rng.uniform(size=len(some)) < given.plain
        mix = np.zeros((len(some), WINDOW_SAMPLES), np.float32)
        for i, clip in enumerate(some):
            mix[i] = clip.window(rng, not plain[i])
            if not plain[i] and steady and rng.uniform() < ACCOMPANIED:
                # Water beside a background sound would make it water.
                beside = (steady if clip.label in ("speech", "abnormal") else quiet)
                other = beside[rng.integers(len(beside))].window(rng)
                below = 10 ** (-rng.uniform(3, 30) / 20) * np.sqrt(np.mean(mix[i] ** 2) / (np.mean(other**2) + 1e-9))
                mix[i] += below * other
        mels.append(log_mel(heard(torch.from_numpy(mix), torch.from_numpy(plain), effects, rng)).half().numpy())
    np.savez(
        given.out,
        mel=np.concatenate(mels),
        label=np.array([LABELS.index(c.label) for c in chosen]),
        kind=np.array([kinds.index(c.kind) for c in chosen]),
        package=np.array([packages.index(c.package) for c in chosen]),
        kinds=kinds,
        packages=packages,
    )
    print(f"{len(clips)} clips, {len(chosen)} windows, {len(kinds)} kinds, {len(packages)} packages")


if __name__ == "__main__":
    main()
