"""Stage 3: a backbone's bundle and the heads of stage 2 -> the bundle that ships.

    python shelve.py BUNDLE HEADS OUT --version 0.2.0 --description TEXT [--event EVENT]     # after npm run build

BUNDLE: model.json and weights.safetensors, of which the backbone, the head `audioset`, the licence, the source and
the metrics are taken. HEADS: heads.json and heads.safetensors of fit.py; its metrics are added. The daemon itself
checks the result (`models verify`); where that refuses it, OUT stays as it was.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "distill"))
from bundle import put_bundle, safetensors  # noqa: E402
from network import read_bundle, read_tensors  # noqa: E402

AUDIOSET = "audioset"
DAEMON = Path(__file__).resolve().parents[2] / "dist/main.js"


def combined(bundle: Path, heads: Path, version: str, description: str, event: Path | None = None) -> tuple[dict, dict[str, torch.Tensor]]:
    """Manifest (without the weights' size and hash) and tensors."""
    base, tensors = read_bundle(bundle)
    given = json.loads((heads / "heads.json").read_text())
    if AUDIOSET in given["heads"] or AUDIOSET not in base["heads"]:
        sys.exit(f"the head {AUDIOSET} must come with the backbone, from {bundle}, and only from there")
    manifest = {
        **base,
        "version": version,
        "description": description,
        "heads": {**given["heads"], AUDIOSET: base["heads"][AUDIOSET]},
        "defaultHead": given["defaultHead"],
        "metrics": {**base.get("metrics", {}), **given.get("metrics", {})},
    }
    weights = heads / "heads.safetensors"
    own = read_tensors(weights) if weights.exists() else {}
    dense = {name: len(head["layers"]) for name, head in given["heads"].items() if head["type"] == "dense"}
    # What is missing the daemon finds; what is too much it would carry along.
    if stray := own.keys() - {f"heads.{name}.{i}.{part}" for name, n in dense.items() for i in range(n) for part in ("kernel", "bias")}:
        sys.exit(f"{weights}: {', '.join(sorted(stray))}: of no head")
    kept = {name: tensor for name, tensor in tensors.items() if name.startswith(("backbone.", f"heads.{AUDIOSET}."))}
    manifest.pop("event", None)
    if event:
        manifest["event"] = json.loads((event / "event.json").read_text())
        own |= read_tensors(event / "event.safetensors")
    return manifest, {**kept, **own}


def verified(folder: Path):
    if subprocess.run(["node", DAEMON, "models", "verify", folder]).returncode != 0:
        sys.exit("nothing was written")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("bundle", type=Path)
    options.add_argument("heads", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--version", required=True)
    options.add_argument("--description", required=True)
    options.add_argument("--event", type=Path, help="event.json and event.safetensors of ../distill/fit_event.py")
    given = options.parse_args()
    manifest, tensors = combined(given.bundle, given.heads, given.version, given.description, given.event)
    put_bundle(given.out.resolve(), manifest, safetensors(tensors), verified)


if __name__ == "__main__":
    main()
