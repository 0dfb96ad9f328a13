"""Stage 3: a backbone's bundle and the heads of stage 2 -> the bundle that ships.

    python shelve.py BUNDLE HEADS OUT --version 0.2.0 --description TEXT

BUNDLE: model.json and weights.safetensors, of which the backbone, the head `audioset`, the licence, the source and
the metrics are taken. HEADS: heads.json and heads.safetensors of fit.py; its metrics are added. OUT is replaced as a
whole or not at all; whatever else lies there (README.md) stays. Nothing is written where a head does not fit.
"""

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "distill"))
from bundle import safetensors  # noqa: E402
from network import read_bundle, read_tensors  # noqa: E402

AUDIOSET, OWN_FILES = "audioset", ("model.json", "weights.safetensors")
ACTIVATIONS = {"linear", "relu", "softmax", "sigmoid"}


def dense_problems(name: str, head: dict, size: int, tensors: dict[str, torch.Tensor]) -> list[str]:
    """size: of the embedding"""
    found = [f"layer {i} has the activation {layer['activation']}" for i, layer in enumerate(head["layers"]) if layer["activation"] not in ACTIVATIONS]
    if head["layers"][-1]["units"] != len(head["labels"]):
        found.append(f"{head['layers'][-1]['units']} outputs, {len(head['labels'])} labels")
    for i, layer in enumerate(head["layers"]):
        for part, shape in (("kernel", [size, layer["units"]]), ("bias", [layer["units"]])):
            tensor = tensors.get(f"heads.{name}.{i}.{part}")
            if tensor is None or list(tensor.shape) != shape:
                found.append(f"layer {i} wants a {part} {shape}, there is {'none' if tensor is None else list(tensor.shape)}")
        size = layer["units"]
    return found


def map_problems(head: dict, heads: dict) -> list[str]:
    source = heads.get(head["from"], {})
    if source.get("type") != "dense":
        return [f"maps {head['from']}, which is no dense head"]
    named = [name for names in head["classes"].values() for name in names]
    return [
        *(f"there is no class {name!r} in {head['from']}" for name in named if name not in source["labels"]),
        *(f"the class {name!r} is named twice" for name in sorted({n for n in named if named.count(n) > 1})),
        *(f"{label!r} is none of its labels" for label in [*head["classes"], head["rest"]] if label not in head["labels"]),
    ]


def blend_problems(head: dict, heads: dict) -> list[str]:
    parts = [heads.get(part["head"], {}) for part in head["parts"]]
    names = [part["head"] for part in head["parts"]]
    return [
        *(f"blends {name}, which is no head or a blend" for name, part in zip(names, parts) if part.get("type") not in ("dense", "map")),
        *(f"{name} has other labels" for name, part in zip(names, parts) if part.get("labels") != head["labels"]),
        *([f"{len(head['bias'])} biases, {len(head['labels'])} labels"] if len(head["bias"]) != len(head["labels"]) else []),
        *(["blends a head twice"] if len(set(names)) != len(names) else []),
    ]


def problems(manifest: dict, own: dict[str, torch.Tensor]) -> list[str]:
    """What src/model/manifest.ts and bundle.ts would refuse. own: the tensors of all heads but `audioset`."""
    heads, found = manifest["heads"], []
    if manifest["defaultHead"] not in heads:
        found.append(f"the default head {manifest['defaultHead']} is none of the heads")
    for name, head in heads.items():
        if name == AUDIOSET:
            continue
        each = [f"alarm label {label!r} is none of its labels" for label in head.get("alarm", {}).get("labels", []) if label not in head["labels"]]
        if head["type"] == "dense":
            each += dense_problems(name, head, manifest["embeddingSize"], own)
        else:
            each += map_problems(head, heads) if head["type"] == "map" else blend_problems(head, heads)
        found += [f"head {name}: {problem}" for problem in each]
    for name, tensor in own.items():
        head = heads.get(name.split(".")[1], {})
        if head.get("type") != "dense" or int(name.split(".")[2]) >= len(head["layers"]):
            found.append(f"tensor {name} belongs to no head")
        if not tensor.half().isfinite().all():
            found.append(f"tensor {name} has values that float16 cannot hold")
    return found


def combined(bundle: Path, heads: Path, version: str, description: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Manifest (without the weights' size and hash) and tensors; ends with all that is wrong."""
    base, tensors = read_bundle(bundle)
    given = json.loads((heads / "heads.json").read_text())
    weights = heads / "heads.safetensors"
    own = read_tensors(weights) if weights.exists() else {}
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
    if wrong := problems(manifest, own):
        sys.exit("\n".join([f"{heads} does not fit {bundle}:", *(f"  {each}" for each in wrong)]))
    kept = {name: tensor for name, tensor in tensors.items() if name.startswith(("backbone.", f"heads.{AUDIOSET}."))}
    return manifest, {**kept, **own}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("bundle", type=Path)
    options.add_argument("heads", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--version", required=True)
    options.add_argument("--description", required=True)
    given = options.parse_args()
    manifest, tensors = combined(given.bundle, given.heads, given.version, given.description)
    weights = safetensors(tensors)
    manifest["weights"] = {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    fresh, old = (given.out.with_name(f"{given.out.name}.{suffix}") for suffix in ("new", "old"))
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    if given.out.exists():
        shutil.copytree(given.out, fresh)
    fresh.mkdir(parents=True, exist_ok=True)
    for name, content in zip(OWN_FILES, ((json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode(), weights)):
        (fresh / name).write_bytes(content)
    if given.out.exists():
        given.out.rename(old)
    fresh.rename(given.out)
    shutil.rmtree(old, ignore_errors=True)
    print(f"{given.out}: {manifest['name']} {manifest['version']}, heads {', '.join(manifest['heads'])}, {len(weights)} bytes")


if __name__ == "__main__":
    main()
