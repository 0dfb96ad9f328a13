"""Labelled clips from Debian packages -> OUT/{training,heldOut}/CLASS/KIND/PACKAGE__NAME.wav.

    python collect.py DEBS OUT [PACKAGE...]     # DEBS: the folder with the .deb files; named packages only

kinds.json gives each kind of sound its class, labels.json the kinds of a package's files by their names: the first
rule whose pattern is found in the path (in any case) decides, kind null and no match leave a file out. A package's
role is that of tools/distill/sources.json; packages that only serve here have theirs in labels.json. Writes 16 kHz
mono, at most 10 s of a file and 60 files of one package and kind, the same ones each time.
"""

import hashlib
import json
import re
import sys
import wave
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "distill"))
from prepare_audio import RATE_HZ, decode, members  # noqa: E402

CLIP_SECONDS, FILES_PER_KIND = 10, 60
SHORTEST_SECONDS = 0.08
TWIN = 0.7  # correlation of two clips above which they are one recording
SILENT_PEAK = 60  # of 32768: such a file is silence whatever its name says

KINDS = json.loads((HERE / "kinds.json").read_text())
CLASS_OF = {kind: name for name, kinds in KINDS.items() for kind in kinds}


def kind_of(path: str, rules: list[dict]) -> str | None:
    return next((rule["kind"] for rule in rules if re.search(rule["match"], path, re.I)), None)


def safe_name(package: str, path: str) -> str:
    """Unique by a digest of the whole path, readable by the file's own name."""
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", Path(path).stem).strip("-.")[:40]
    return f"{package}__{stem}-{hashlib.sha256(path.encode()).hexdigest()[:6]}.wav"


def write_wav(file: Path, samples: bytes):
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples)


def chosen(deb: Path, rules: list[dict]) -> list[tuple[str, str, bytes]]:
    """(kind, path, file) of the package's labelled files, at most FILES_PER_KIND of a kind; one of equal files."""
    by_kind: dict[str, list] = {}
    seen = set()
    for path, data in members(deb):
        kind = kind_of(path, rules)
        content = hashlib.sha256(data).hexdigest()
        if kind is not None and content not in seen:
            seen.add(content)
            by_kind.setdefault(kind, []).append((content, path, data))
    return [(kind, path, data) for kind, found in by_kind.items() for _, path, data in sorted(found)[:FILES_PER_KIND]]


def is_sound(kind: str, samples: bytes) -> bool:
    long_enough = len(samples) // 2 >= SHORTEST_SECONDS * RATE_HZ
    audible = long_enough and np.abs(np.frombuffer(samples, "<i2").astype(int)).max() >= SILENT_PEAK
    return audible or (long_enough and kind == "silence")


def drop_twins(out: Path):
    """Removes held-out clips that also lie in training: games share sounds, often encoded anew."""

    def read(file: Path) -> tuple[np.ndarray, np.ndarray]:
        with wave.open(str(file)) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32)
        slow = np.pad(samples, (0, -len(samples) % 4)).reshape(-1, 4).mean(1)  # 4 kHz do for the comparison
        slow = slow / (np.linalg.norm(slow) + 1e-9)
        bands = np.array_split(np.abs(np.fft.rfft(slow, 1 << 16)) ** 2, 48)
        colour = np.log(np.array([band.mean() for band in bands]) + 1e-9)
        colour -= colour.mean()
        return slow, colour / np.linalg.norm(colour)

    recorded = lambda role: [(file, *read(file)) for file in sorted(out.glob(f"{role}/*/*/*.wav")) if not file.name.startswith("made__")]
    training = [each for each in recorded("training") if "silence" not in each[0].parts]
    colours = np.stack([colour for *_, colour in training])
    for file, sound, colour in recorded("heldOut"):
        for k in np.flatnonzero(colours @ colour > 0.97):
            twin, other, _ = training[k]
            size = 1 << (len(sound) + len(other)).bit_length()
            alike = np.abs(np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(other, size).conj(), size)).max()
            if alike > TWIN and "silence" not in file.parts:
                print(f"left out, since {twin.name} is the same: {file.name} ({alike:.2f})")
                file.unlink()
                break


def print_table(out: Path):
    count = Counter(file.relative_to(out).parts[:3] for file in out.glob("*/*/*/*.wav"))
    print(f"{'class':<12}{'kind':<18}{'training':>9}{'heldOut':>9}")
    for name, kinds in KINDS.items():
        for kind in kinds:
            print(f"{name:<12}{kind:<18}" + "".join(f"{count[role, name, kind]:>9}" for role in ("training", "heldOut")))
        print(f"{name:<30}" + "".join(f"{sum(count[role, name, k] for k in kinds):>9}" for role in ("training", "heldOut")))


def main(debs: Path, out: Path, only: list[str]):
    labels = json.loads((HERE / "labels.json").read_text())
    sources = json.loads((HERE.parent / "distill" / "sources.json").read_text())
    roles = labels["roles"] | {package: role for role, packages in sources.items() for package in packages}
    with ThreadPoolExecutor(2) as pool:
        for package, rules in labels["rules"].items():
            deb = next(debs.glob(f"{package}_*.deb"), None)
            if (only and package not in only) or deb is None or package not in roles:
                if not only:
                    print(f"{package}: {'has no role' if deb else 'not downloaded'}, left out", flush=True)
                continue
            for old in out.glob(f"*/*/*/{package}__*.wav"):
                old.unlink()
            sounds = chosen(deb, rules)
            written = 0
            for (kind, path, _), samples in zip(sounds, pool.map(lambda s: decode(s[1], s[2], CLIP_SECONDS), sounds)):
                if is_sound(kind, samples):
                    write_wav(out / roles[package] / CLASS_OF[kind] / kind / safe_name(package, path), samples[: len(samples) // 2 * 2])
                    written += 1
            print(f"{roles[package]} {package}: {written} clips", flush=True)
    drop_twins(out)
    print_table(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
