"""Links the project's own recordings into folders that training and `evaluate` read.

    python arrange.py DATA OUT     # DATA: the folders bathnet, cdda and extra

Writes OUT/{training,heldOut}/CLASS/KIND/SOURCE__NAME as links. `cdda/labels.csv` says what of cdda is held out; of
`extra`, half of the crying babies is trained on (no other source has any), the rest, the water and all speakers are
held out. BATHNet's clips need no links: `train` and `evaluate --split validation` keep back the same blocks.
"""

import csv
import sys
from pathlib import Path

ROLES = {"train": "training", "test": "heldOut"}
# By the identifier that the recording telephone gave, so that no device is on both sides.
TRAINING_BABIES = tuple("01234567")


def sounds(data: Path):
    """(role, class, kind, source, path)"""
    with open(data / "cdda/labels.csv") as rows:
        for row in csv.DictReader(rows):
            yield ROLES[row["split"]], row["label"], row["file"].split("/")[0], "cdda", data / "cdda" / row["file"]
    for label, kind in (("water", "water"), ("speech", "speech"), ("background", "baby_cry")):
        for path in sorted((data / "extra" / kind).iterdir()):
            trained = kind == "baby_cry" and path.name.lower().startswith(TRAINING_BABIES)
            yield "training" if trained else "heldOut", label, kind.replace("_", "-"), "extra", path


def main(data: Path, out: Path):
    counts = {}
    for role, label, kind, source, path in sounds(data):
        folder = out / role / label / kind
        folder.mkdir(parents=True, exist_ok=True)
        name = "-".join(path.relative_to(data / source).parts)
        (folder / f"{source}__{name}").unlink(missing_ok=True)
        (folder / f"{source}__{name}").symlink_to(path.resolve())
        counts[role, label] = counts.get((role, label), 0) + 1
    for (role, label), count in sorted(counts.items()):
        print(f"{role:9} {label:11} {count:4}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
