"""What a bundle says of the golden windows, computed by torch: an implementation independent of the daemon's.

    python golden.py BUNDLE FOLDER_OF_WAVS OUT       # here: ../../models/bathnet-mini ../../test/golden ../../test/golden

For every WAV of 15 600 samples (16 kHz, 16 bit, mono) OUT gets NAME.mini-embedding.f32 and NAME.mini-audioset.f32
(after the sigmoid), little-endian float32. The log-mel is computed in float64, the network in float32 from the
bundle's float16 weights.
"""

import sys
import wave
from pathlib import Path

import numpy as np
import torch

from network import WINDOW_SAMPLES, Teacher, log_mel


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        found = file.getframerate(), file.getsampwidth(), file.getnchannels(), file.getnframes()
        if found != (16_000, 2, 1, WINDOW_SAMPLES):
            sys.exit(f"{path}: {found}, expected 16 kHz, 2 bytes, 1 channel, {WINDOW_SAMPLES} samples")
        return np.frombuffer(file.readframes(WINDOW_SAMPLES), "<i2")


def main(bundle: Path, wavs: Path, out: Path):
    net = Teacher(bundle)
    paths = sorted(wavs.glob("*.wav"))
    if not paths:
        sys.exit(f"{wavs}: no .wav files")
    out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        mel = log_mel(torch.from_numpy(samples(path) / 32768)[None])
        embedding = net.embedding(mel.float())
        scores = net.logits(embedding).sigmoid()
        for name, values in (("embedding", embedding), ("audioset", scores)):
            (out / f"{path.stem}.mini-{name}.f32").write_bytes(values.numpy().astype("<f4").tobytes())
    print(f"{len(paths)} windows")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
