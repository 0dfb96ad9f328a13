"""Stage 5b: the mean of finished networks that went on from the same one, backbone and event head -> a bundle and its event head.

    python mean.py OUT EVENT_OUT BUNDLE:EVENT.pt BUNDLE:EVENT.pt...

Weights that were trained on from the same ones lie so near each other that the mean of them says nearly what the mean of
what they say would be, in the time of one network; and that is wrong less often than any of them. The event.pt are those
of fit_event.py. The four classes' heads are fitted on the mean anew (../heads/fit.py): each of theirs began by itself.
"""

import json
import sys
from pathlib import Path

import torch

from bundle import put_bundle, safetensors
from event import EventHead
from fit_event import shelve
from network import read_bundle
from scenes import KINDS


def mean(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Of the same tensors of each."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def main(out: Path, event_out: Path, networks: list[tuple[Path, Path]]):
    bundles = [read_bundle(bundle) for bundle, _ in networks]
    manifest, _ = bundles[0]
    network = ("backbone.", "heads.audioset.")
    tensors = mean([{name: tensor for name, tensor in tensors.items() if name.startswith(network)} for _, tensors in bundles])
    manifest = {name: part for name, part in manifest.items() if name not in ("event", "quantization", "metrics")}
    manifest |= {"heads": {"audioset": manifest["heads"]["audioset"]}, "defaultHead": "audioset"}
    put_bundle(out, manifest, safetensors(tensors))
    states = [torch.load(event, weights_only=True) for _, event in networks]
    head, layer = EventHead(), torch.nn.Linear(2 * len(KINDS), len(KINDS))
    for part, module in (("head", head), ("layer", layer)):
        module.load_state_dict(mean([state[part] for state in states]))
    shelve(event_out, head.eval(), layer.requires_grad_(False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [tuple(map(Path, network.rsplit(":", 1))) for network in sys.argv[3:]])
