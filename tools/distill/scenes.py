"""Stage 3: scenes of 3.375 s from the pool's clips, heard by both teachers -> shards for train.py.

    python scenes.py WORK YAMNET_BUNDLE MN04.pt ROLE FIRST STEP END [--rooms DATA/rooms]

Writes WORK/scenes-ROLE/N.mel.npy (log-mel float16 [n, 336, 64]: window i of six is frames 48 i .. 48 i + 96) and N.npz:

    levels   float16 [n, 33]      how the level of each 0.1 s stands above the floor (levels_of)
    mn04     float16 [n, 384]     mn04's embedding of the whole scene; its logits follow by its own last layers
    yamnet   float16 [n, 2, 1024] YAMNet's embedding of the windows `first` and `first` + 3
    first    int8 [n]             0, 1 or 2
    labels   int8 [n, kinds]      1 is to be heard, 0 is not, -1 nobody knows (kinds: events.json)
    kind, source  bytes [n]       of the first sound, empty for none
    onset_s, peak_db, snr_db  float16 [n]

A scene is a room's tone with none to three sounds in it, a room, a microphone, a level. Half of them have one sound
alone; alarms and what is taken for them are over-represented. Shards that are there are left; a trainer may read
while more are made.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from mn04 import Mn04, front_end_16k
from network import FRAMES, RATE_HZ, WINDOW_SAMPLES, Teacher, log_mel
from prepare_audio import decode

HERE = Path(__file__).parent
SCENE, HOP, WINDOWS = 54_000, 7_680, 6
HOP_FRAMES = HOP // 160
BLOCK, BLOCKS = 1600, 33
SHARD, BATCH = 512, 32
FFT = 65_536
EVENTS = json.loads((HERE / "events.json").read_text())
KINDS = list(EVENTS["kinds"])
OF_SOUND = {sound: kind for kind, given in EVENTS["kinds"].items() for sound in given["sounds"]}
OPEN = {kind: set(given.get("open", [])) for kind, given in EVENTS["kinds"].items()}
# What the first sound of a scene is: share of each kind; "" is a clip without a label, "mined" one that mn04 takes
# for an alarm (mine.py).
SHARES = {
    "impact": 0.17, "breaking": 0.06, "scream": 0.10, "distress": 0.05, "open": 0.04, "door": 0.08, "knock": 0.04, "dishes": 0.05,
    "drop": 0.06, "steps": 0.05, "throat": 0.04, "speech": 0.05, "laugh": 0.02, "cry": 0.02, "animal": 0.06, "water": 0.035,
    "music": 0.035, "tone": 0.02, "motor": 0.05, "other": 0.06, "": 0.15, "mined": 0.08,
}  # fmt: skip
# Of which any mixture, any speed, any direction still is one.
LOOSE = {"animal", "music", "motor", "other", "water", "tone", ""}
# Of which two within a moment still are one.
BLOWS = {"impact", "breaking", "door", "knock", "dishes", "drop", "steps"}
WATER = ["shower", "tap", "bath-filling"]
STEADY = [*WATER, "rain", "hair-dryer", "shaver", "fan", "washing-machine", "vacuum-cleaner", "engine", "hum", "music", "talk", "room-noise"]


def kind_of(sound: str) -> str:
    """Of a sound of the pool; "" of a clip without a label."""
    return OF_SOUND.get(sound, "open" if sound else "")


def levels_of(waves: torch.Tensor) -> torch.Tensor:
    """[N, 54000] -> [N, 33]: level of the last 33 blocks of 0.1 s above the quietest 0.3 s, in steps of 20 dB, 0 to 3."""
    blocks = waves[:, -BLOCK * BLOCKS :].double().view(len(waves), BLOCKS, BLOCK)
    power = blocks.square().mean(2) - blocks.mean(2).square()
    decibel = 10 * torch.log10(power.clamp(min=0) + 1e-10)
    floor = 10 * torch.log10(power.clamp(min=0).unfold(1, 3, 1).mean(2).amin(1, keepdim=True) + 1e-10)
    return ((decibel - floor) / 20).clamp(0, 3).float()


def mel_of(waves: torch.Tensor) -> torch.Tensor:
    """[N, 54000] -> [N, 336, 64]"""
    return log_mel(waves)


def windows_of(mel: torch.Tensor) -> torch.Tensor:
    """[N, 336, 64] -> [N, 6, 96, 64]"""
    return mel.unfold(1, FRAMES, HOP_FRAMES).transpose(2, 3)


class Pool:
    def __init__(self, work: Path, role: str):
        self.samples = np.memmap(work / f"pool-{role}.i16", np.int16, "r")
        self.index = json.loads((work / f"pool-{role}.json").read_text())
        groups: dict[str, dict[str, dict[str, list[int]]]] = {}
        for i, (sound, source, *_) in enumerate(self.index):
            groups.setdefault(kind_of(sound), {}).setdefault(sound, {}).setdefault(source, []).append(i)
        mined = work / f"mined-{role}.json"
        if mined.exists():
            groups["mined"] = {}
            for kind, clips in json.loads(mined.read_text()).items():
                for i in clips:
                    groups["mined"].setdefault(kind, {}).setdefault(self.index[i][1], []).append(i)
        self.groups = groups
        self.kinds = [kind for kind in SHARES if kind in groups]
        self.shares = np.array([SHARES[kind] for kind in self.kinds])
        self.shares /= self.shares.sum()

    def choose(self, rng, kind: str | None = None, sound: str | None = None) -> int:
        """A clip's number: the kinds by their shares; then the sound, then the source by the root of their clips."""
        group = self.groups[kind if kind is not None else self.kinds[rng.choice(len(self.kinds), p=self.shares)]]
        if sound is None:
            sound = _by_root(rng, group, lambda sources: sum(map(len, sources.values())))
        source = _by_root(rng, group[sound], len)
        clips = group[sound][source]
        return clips[rng.integers(len(clips))]

    def clip(self, i: int) -> np.ndarray:
        _, _, _, first, length = self.index[i]
        return self.samples[first : first + length]


def _by_root(rng, group: dict, size) -> str:
    names = list(group)
    weight = np.sqrt([size(group[name]) for name in names])
    return names[rng.choice(len(names), p=weight / weight.sum())]


class Effects:
    """Rooms, microphones and tones, drawn once."""

    def __init__(self, rng, rooms: Path | None, count: int = 160):
        f = np.fft.rfftfreq(FFT, 1 / RATE_HZ) + 1
        responses = []
        for _ in range(count):  # bathrooms and other small rooms: reflections off tiles, a tail that loses its treble
            t60 = np.exp(rng.uniform(np.log(0.15), np.log(1.0))) if rng.uniform() < 0.4 else rng.uniform(0.4, 1.0)
            n = int(t60 * 1.1 * RATE_HZ)
            t = np.arange(n) / RATE_HZ
            bright = rng.standard_normal(n)
            dull = np.convolve(bright, np.ones(6) / 6)[:n] * 1.5
            tail = bright * 10 ** (-3 * t / (t60 * rng.uniform(0.4, 1))) + dull * 10 ** (-3 * t / t60)
            tail[: int(0.003 * RATE_HZ)] *= 0.1
            out = tail / np.sqrt(np.sum(tail**2)) * 10 ** (rng.uniform(-16, 6) / 20)
            for _ in range(rng.integers(3, 12)):
                out[int(rng.uniform(0.0008, 0.02) * RATE_HZ)] += rng.uniform(-0.6, 0.6)
            out[0] += 1
            responses.append(out)
        for path in sorted(rooms.rglob("*.flac")) if rooms else []:
            x = np.frombuffer(decode(path.name, path.read_bytes(), 1), np.int16).astype(np.float64)
            if "odd" not in path.parts[-2] and np.abs(x).max() > 0:
                responses.append(x)
        self.rooms = torch.stack([torch.fft.rfft(torch.from_numpy((r / np.sqrt(np.sum(r**2))).astype(np.float32)), FFT) for r in responses])
        microphones = []
        for _ in range(count):
            db = rng.uniform(-3, 3) * np.log2(f / 1000)
            db += rng.uniform(-9, 9) * np.exp(-0.5 * (np.log(f / np.exp(rng.uniform(4.6, 8.7))) / rng.uniform(0.2, 1)) ** 2)
            if rng.uniform() < 0.35:
                db -= 12 * np.log2(1 + (f / np.exp(rng.uniform(7.6, 9.0))) ** 2)
            if rng.uniform() < 0.5:
                db -= 12 * np.log2(1 + (np.exp(rng.uniform(3.2, 5.3)) / f) ** 2)
            band = rng.uniform()
            if band < 0.07:  # 8 kHz sampling
                db -= 60 / (1 + np.exp(-(f - 3850) / 60))
            elif band < 0.12:  # a telephone
                db -= 60 / (1 + np.exp(-(f - 3400) / 80)) + 40 / (1 + np.exp((f - 280) / 30))
            microphones.append(10 ** (db / 20))
        self.microphones = torch.from_numpy(np.array(microphones, np.float32))
        tones = []
        for _ in range(64):
            spectrum = rng.standard_normal(len(f)) + 1j * rng.standard_normal(len(f))
            tone = np.fft.irfft(spectrum / f ** rng.uniform(0, 1.1), FFT)
            tones.append(tone / np.std(tone))
        self.tones = np.array(tones, np.float32)


def varied(rng, pool: Pool, sound: str, x: np.ndarray) -> np.ndarray:
    """A clip turned round, coloured, or with another of its kind in it: few sources, many sounds."""
    kind = kind_of(sound)
    x = x[: 8 * RATE_HZ].astype(np.float32)
    if kind in LOOSE | BLOWS and rng.uniform() < 0.3:
        other = pool.clip(pool.choose(rng, kind, sound))[: len(x)].astype(np.float32)
        at = int(rng.integers(0, max(1, len(x) - len(other) + 1)))
        top = np.abs(x).max() + 1e-3
        x[at : at + len(other)] += other * (top / (np.abs(other).max() + 1e-3) * 10 ** (rng.uniform(-12, 0) / 20))
    if kind in LOOSE and rng.uniform() < 0.2:
        x = x[::-1].copy()
    return coloured(rng, x)


def coloured(rng, x: np.ndarray) -> np.ndarray:
    """Every other one with a random curve of 3 dB an octave and two peaks or dips of up to 8 dB."""
    if rng.uniform() >= 0.5:
        return x
    n = 1 << (len(x) - 1).bit_length() if len(x) > 1 else 2
    f = np.log2(np.fft.rfftfreq(n, 1 / RATE_HZ) + 1)
    db = rng.uniform(-3, 3) * (f - 10)
    for _ in range(2):
        db += rng.uniform(-8, 8) * np.exp(-0.5 * ((f - rng.uniform(7, 13)) / rng.uniform(0.3, 1.5)) ** 2)
    return np.fft.irfft(np.fft.rfft(x, n) * 10 ** (db / 20), n)[: len(x)].astype(np.float32)


def played(rng, x: np.ndarray, spread: float) -> np.ndarray:
    """Three of four faster or slower, at most by a factor of two."""
    if rng.uniform() >= 0.75:
        return x
    speed = np.exp(np.clip(rng.normal(0, spread), -0.7, 0.7))
    return np.interp(np.arange(0, len(x) - 1, speed), np.arange(len(x)), x).astype(np.float32)


def place(rng, clip: np.ndarray, steady: bool, spread: float = 0.16) -> tuple[np.ndarray, int, float]:
    """A clip at a random speed and place -> wave float32 [54000] of peak 1, its onset, the share of its energy inside."""
    x = clip[: 8 * RATE_HZ].astype(np.float32)
    if len(x) > SCENE:
        start = rng.integers(0, len(x) - SCENE // 2)
        x = x[start : start + int(1.5 * SCENE)]
    x = played(rng, x, spread)
    x = x / (np.abs(x).max() + 1e-3)
    at = int(rng.integers(-min(len(x) // 3, 8000), SCENE - min(3200, len(x) // 2)))
    if steady or len(x) > SCENE:
        at = int(rng.integers(-len(x) // 2, SCENE // 2))
        if steady:
            x = np.tile(x, 1 + 2 * SCENE // len(x))
    out = np.zeros(SCENE, np.float32)
    inside = x[max(0, -at) :][: SCENE - max(0, at)]
    out[max(0, at) :][: len(inside)] = inside
    return out, max(0, at), float(np.sum(inside**2) / (np.sum(x**2) + 1e-9)) if not steady else 1.0


def labels_of(sounds: list[tuple[str, bool]]) -> np.ndarray:
    """[kinds] 1, 0 or -1 from (sound, is it surely to be heard)."""
    out = np.zeros(len(KINDS), np.int8)
    for sound, sure in sounds:
        for k, kind in enumerate(KINDS):
            if not sound:
                out[k] = out[k] if out[k] == 1 else -1
            elif OF_SOUND.get(sound) == kind:
                out[k] = 1 if sure else (out[k] if out[k] == 1 else -1)
            elif sound in OPEN[kind]:
                out[k] = out[k] if out[k] == 1 else -1
    return out


def scenes(pool: Pool, effects: Effects, rng, n: int) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """[n, 54000] as int16 would have it, and what is in them."""
    wet, beds = torch.zeros(n, SCENE), np.zeros((n, SCENE), np.float32)
    about = {name: np.zeros(n, np.float32) for name in ("onset_s", "peak_db", "snr_db")}
    kind, source = np.full(n, b"", "S32"), np.full(n, b"", "S32")
    labels = np.zeros((n, len(KINDS)), np.int8)
    peaks_db, beds_db = np.zeros(n), np.zeros(n)
    for i in range(n):
        sounds = []
        mix = np.zeros(SCENE, np.float32)
        count = rng.choice([0, 1, 2, 3], p=[0.03, 0.6, 0.25, 0.12])
        peaks_db[i] = -2 - 43 * rng.beta(1.1, 1.5)
        quiet = rng.uniform() < 0.55
        beds_db[i] = rng.uniform(-88, -58) if quiet else rng.uniform(-65, -35)
        for k in range(count):
            chosen = pool.choose(rng)
            sound, from_source = pool.index[chosen][0], pool.index[chosen][1]
            wave, onset, share = place(rng, varied(rng, pool, sound, pool.clip(chosen)), False, 0.3 if kind_of(sound) in LOOSE else 0.22)
            if k == 0:
                kind[i], source[i] = (sound or "?").encode(), from_source.encode()
                about["onset_s"][i] = onset / RATE_HZ
            below = 0 if k == 0 else rng.uniform(-25, 6)
            mix += wave * 10 ** (below / 20)
            sounds.append((sound, share > 0.35 and below > -12))
        beside = rng.uniform()
        if count and beside < 0.3:
            names = [name for name in (WATER if beside < 0.1 else STEADY) if name in pool.groups.get(OF_SOUND[name], {})]
            name = names[rng.integers(len(names))]
            wave, _, _ = place(rng, pool.clip(pool.choose(rng, OF_SOUND[name], name)), True)
            below = rng.uniform(-38, -4)
            mix += wave * 10 ** (below / 20)
            sounds.append((name, below > -20))
        labels[i] = labels_of(sounds)
        wet[i] = torch.from_numpy(mix)
        tone = effects.tones[rng.integers(len(effects.tones))]
        beds[i] = np.roll(tone, rng.integers(FFT))[:SCENE]
    some = lambda bank: bank[torch.from_numpy(rng.integers(len(bank), size=n))]
    chance = lambda p: torch.from_numpy(rng.uniform(size=(n, 1)) < p)
    spectrum = torch.fft.rfft(wet, FFT)
    heard = torch.fft.irfft(spectrum * torch.where(chance(0.75), some(effects.rooms), 1) * torch.where(chance(0.7), some(effects.microphones), 1), FFT)[:, :SCENE]
    top = heard.abs().amax(1, keepdim=True)
    gain = torch.from_numpy(10 ** (peaks_db / 20)).float()[:, None] / (top + 1e-6)
    heard = torch.where(top > 1e-4, heard * gain, heard * 0)
    bed = torch.from_numpy(beds) * torch.from_numpy(10 ** (beds_db / 20)).float()[:, None]
    loud = heard.square().unfold(1, 3200, 1600).mean(2).amax(1)
    snr = 10 * torch.log10(loud / bed.square().mean(1) + 1e-9)
    overdriven = chance(0.06)
    out = (heard + bed) * torch.where(overdriven, torch.from_numpy(10 ** (rng.uniform(0, 40, (n, 1)) / 20)).float(), 1)
    out = ((out.clamp(-1, 1) * 32767).round() / 32768).contiguous()
    drowned = (snr.numpy() < 6)[:, None] & (labels == 1)
    labels[drowned] = -1
    about["peak_db"], about["snr_db"] = peaks_db, snr.numpy()
    return out, {"labels": labels, "kind": kind, "source": source, **{k: v.astype(np.float16) for k, v in about.items()}}


def fast(module, example: torch.Tensor, path: Path):
    """The module in ONNX Runtime, one thread: twice to four times as fast as torch on a CPU. Plain torch without it."""
    try:
        import onnxruntime
    except ImportError:
        return lambda x: module(x)

    class Wrapped(torch.nn.Module):
        def forward(self, x):
            return module(x)

    torch.onnx.export(Wrapped(), (example,), path, dynamo=False, input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, opset_version=17)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    run = lambda x: torch.from_numpy(session.run(None, {"x": x.contiguous().numpy()})[0])
    return lambda x: torch.cat([run(part) for part in x.split(8)])


class Teachers:
    def __init__(self, yamnet: Path, mn04: Path, scratch: Path):
        second = Mn04(mn04)
        scratch.mkdir(parents=True, exist_ok=True)
        tag = f"{time.time_ns()}"
        self.yamnet = fast(Teacher(yamnet).embedding, torch.zeros(2, FRAMES, 64), scratch / f"yamnet-{tag}.onnx")
        self.second = fast(second.network, torch.zeros(2, 1, 128, 338), scratch / f"mn04-{tag}.onnx")

    def mn04(self, waves: torch.Tensor) -> torch.Tensor:
        """[N, samples at 16 kHz] -> [N, 384]"""
        return torch.cat([self.second(front_end_16k(part)) for part in waves.split(8)])


def main():
    options = argparse.ArgumentParser()
    for name in ("work", "yamnet", "mn04"):
        options.add_argument(name, type=Path)
    options.add_argument("role", choices=["training", "heldOut"])
    for name in ("first", "step", "end"):
        options.add_argument(name, type=int)
    options.add_argument("--rooms", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    folder = given.work / f"scenes-{given.role}"
    folder.mkdir(exist_ok=True)
    teachers = Teachers(given.yamnet, given.mn04, given.work / "onnx")
    pool = Pool(given.work, given.role)
    effects = Effects(np.random.default_rng([len(given.role), 7]), given.rooms)
    for number in range(given.first, given.end, given.step):
        if (folder / f"{number}.npz").exists():
            continue
        begin = time.time()
        rng = np.random.default_rng([len(given.role), number])
        mels, parts = [], []
        for _ in range(SHARD // BATCH):
            waves, about = scenes(pool, effects, rng, BATCH)
            mel = mel_of(waves)
            first = rng.integers(3, size=BATCH)
            windows = windows_of(mel)[np.arange(BATCH)[:, None], first[:, None] + np.array([0, 3])]
            about |= {
                "levels": levels_of(waves).half().numpy(),
                "mn04": teachers.mn04(waves).half().numpy(),
                "yamnet": teachers.yamnet(windows.reshape(-1, FRAMES, 64)).view(BATCH, 2, -1).half().numpy(),
                "first": first.astype(np.int8),
            }
            mels.append(mel.half().numpy())
            parts.append(about)
        np.save(folder / f"{number}.mel.npy", np.concatenate(mels))
        part = folder / f"{number}.part.npz"
        np.savez(part, **{name: np.concatenate([p[name] for p in parts]) for name in parts[0]})
        part.rename(folder / f"{number}.npz")
        print(f"{given.role} {number}: {(time.time() - begin) / SHARD * 1e3:.1f} ms a scene", flush=True)


if __name__ == "__main__":
    main()
