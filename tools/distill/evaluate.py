"""How well a student bundle agrees with the teacher, by source.

    python evaluate.py WORK TEACHER_BUNDLE STUDENT_BUNDLE [FOLDER ...]

First the held-out scenes (WORK/scenes-heldOut: made as training's are, of other sources), then
each folder of recordings as they are: the first window of every sound file below it, zero-padded where it is short.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from network import WINDOW_SAMPLES, Teacher, log_mel
from prepare_audio import AUDIO, decode
from scenes import windows_of
from shards import Shards

BATCH = 64


def windows(folder: Path) -> torch.Tensor:
    """[files, 15600]"""
    out = []
    for file in sorted(folder.rglob("*")):
        if not AUDIO.search(file.name):
            continue
        samples = np.frombuffer(decode(file.name, file.read_bytes(), 1), np.int16)[:WINDOW_SAMPLES]
        if len(samples):
            out.append(np.pad(samples, (0, WINDOW_SAMPLES - len(samples))))
    return torch.from_numpy(np.stack(out).astype(np.float32) / 32768)


def compare(name: str, mel: torch.Tensor, teacher: Teacher, student: Teacher, wanted: torch.Tensor | None = None):
    cosine, agree = [], []
    for i in range(0, len(mel), BATCH):
        part = mel[i : i + BATCH].float()
        goal = teacher.embedding(part) if wanted is None else wanted[i : i + BATCH].float()
        got = student.embedding(part)
        cosine.append(F.cosine_similarity(got, goal))
        agree.append(student.logits(got).argmax(1) == teacher.logits(goal).argmax(1))
    cosine, agree = torch.cat(cosine), torch.cat(agree).float()
    print(f"{name:28} {len(mel):6} windows  cosine {cosine.mean():.3f}  top 1 {agree.mean():.3f}", flush=True)


def main(work: Path, teacher_folder: Path, student_folder: Path, folders: list[Path]):
    torch.set_num_threads(2)
    teacher, student = Teacher(teacher_folder), Teacher(student_folder)
    scenes = Shards(work / "scenes-heldOut")
    rows = np.arange(len(scenes))
    mel = torch.cat([windows_of(scenes.mel([i]))[0, int(scenes.all["first"][i])][None] for i in rows])
    compare("held-out scenes", mel, teacher, student, scenes.yamnet(rows)[:, 0])
    for folder in folders:
        compare("/".join(folder.parts[-2:]), log_mel(windows(folder)), teacher, student)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), [Path(folder) for folder in sys.argv[4:]])
