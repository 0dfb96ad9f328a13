"""Voices that scream or groan so that a network takes them for real: voices.json, of which screams.mjs makes sounds.

    python find_voices.py MN04.pt [COUNT]    # COUNT voices at random, 3000 if not given: 2 minutes and 6 more

Of voices anywhere in RANGES one in 160 is a scream to mn04. Each of the best is moved a little, twice, to the best of 32
neighbours; what more than a tenth of the neighbours are, too, is kept: a voice, not a trick. YAMNet, which had no say in
it, hears screaming in them, too: the 26 screaming voices' scores for it have the quartiles 0.20, 0.41 and 0.60.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "distill"))
from mine import EVENTS, LOGIT, Ear  # noqa: E402

RANGES = {  # of tools/scene/sounds.mjs's scream, and the length of a cry and of the pause after it
    "pitchHz": (300, 1400), "attack": (0.5, 0.95), "release": (0.5, 1), "vibrato": (0.003, 0.05), "vibratoHz": (3, 9), "jitter": (0.5, 20),
    "subharmonics": (0.01, 0.8), "tilt": (0.2, 1.2), "roughness": (0.01, 0.9), "roughnessHz": (30, 150), "breath": (0.02, 1), "direct": (0.02, 0.7),
    "formantHz": (600, 1500), "formant2": (1.3, 2.4), "formant3": (2, 3.4), "formant4": (2.8, 4.2), "q": (1.5, 10), "drive": (0.7, 6),
    "seconds": (0.6, 1.6), "pauseSeconds": (0.1, 0.5),
}  # fmt: skip
BY_OCTAVES = {"pitchHz", "vibrato", "jitter", "breath", "formantHz", "q", "drive"}
BEST = {"scream": 45, "groan": 25}
NEIGHBOURS, STEPS, SPREAD, SHARE = 32, 2, 0.09, 0.1
KINDS = list(EVENTS["kinds"])


def heard(ear: Ear, voices: list[dict]) -> dict[str, np.ndarray]:
    """How surely each is a scream, and a groan that is no baby."""
    with tempfile.TemporaryDirectory() as folder:
        given, raw = Path(folder) / "voices.json", Path(folder) / "raw.i16"
        given.write_text(json.dumps(voices))
        subprocess.run(["node", HERE / "screams.mjs", given, raw], check=True)
        waves = torch.from_numpy(np.fromfile(raw, np.int16).reshape(len(voices), -1).astype(np.float32) / 32_768)
    said = {kind: ear.kinds(waves)[:, KINDS.index(kind)].numpy() for kind in ("scream", "distress", "cry")}
    return {"scream": said["scream"], "groan": said["distress"] - np.maximum(0, said["cry"] - said["distress"] + 1)}


def anywhere(rng) -> dict:
    draw = lambda name, low, high: float(np.exp(rng.uniform(np.log(low), np.log(high))) if name in BY_OCTAVES else rng.uniform(low, high))
    return {name: draw(name, *ends) for name, ends in RANGES.items()}


def near(rng, voice: dict) -> dict:
    return {name: float(value * np.exp(SPREAD * rng.standard_normal())) for name, value in voice.items()}


def main(weights: Path, count: int):
    torch.set_num_threads(1)
    rng, ear = np.random.default_rng(1), Ear(weights, Path(tempfile.gettempdir()))
    voices = [anywhere(rng) for _ in range(count)]
    said, found = heard(ear, voices), []
    for kind, best in BEST.items():
        for i in np.argsort(-said[kind])[:best]:
            voice = voices[i]
            for _ in range(STEPS):
                some = [voice, *(near(rng, voice) for _ in range(NEIGHBOURS - 1))]
                sure = heard(ear, some)[kind]
                voice = some[int(sure.argmax())]
            if sure.max() > LOGIT and np.mean(sure > LOGIT) > SHARE:
                found.append({"kind": kind, **{name: float(f"{value:.4g}") for name, value in voice.items()}})
                print(f"{kind} {sure.max():.2f}, {np.mean(sure > LOGIT):.0%} of its neighbours", flush=True)
    (HERE / "voices.json").write_text("[\n" + ",\n".join(" " + json.dumps(voice) for voice in found) + "\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3000)
