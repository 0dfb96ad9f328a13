"""The event head of ../distill/fit_event.py beside heads for a network that does not come with the program.

    python attach_event.py ../../models/yamnet EVENT [--alarm BUNDLE]

Into heads.json and heads.safetensors of the first folder, from event.json and event.safetensors of the second; an older
event head there goes. --alarm: when it alarms, from the bundle that rule.mjs has written it into.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "distill"))
from bundle import safetensors  # noqa: E402
from network import read_tensors  # noqa: E402


def main():
    options = argparse.ArgumentParser()
    options.add_argument("heads", type=Path)
    options.add_argument("event", type=Path)
    options.add_argument("--alarm", type=Path)
    given = options.parse_args()
    manifest, weights = given.heads / "heads.json", given.heads / "heads.safetensors"
    heads = json.loads(manifest.read_text())
    heads["event"] = json.loads((given.event / "event.json").read_text())
    if given.alarm:
        heads["event"]["alarm"] = json.loads((given.alarm / "model.json").read_text())["event"]["alarm"]
    kept = {name: tensor for name, tensor in read_tensors(weights).items() if not name.startswith("event.")}
    weights.write_bytes(safetensors({**kept, **read_tensors(given.event / "event.safetensors")}))
    manifest.write_text(json.dumps(heads, indent=1) + "\n")


if __name__ == "__main__":
    main()
