"""Reads the shards of scenes.py while more are made."""

from pathlib import Path

import numpy as np
import torch

from scenes import SHARD


class Shards:
    """All scenes made so far; log-mel stays on disk."""

    SMALL = ("levels", "mn04", "first", "labels", "onset_s", "peak_db", "snr_db")
    NAMES = ("kind", "source")

    def __init__(self, folder: Path, most: int | None = None):
        self.folder, self.numbers, self.most = folder, [], most
        self.mels, self.yamnets = [], []
        self.parts: dict[str, list[torch.Tensor]] = {name: [] for name in self.SMALL}
        self.names: dict[str, list[np.ndarray]] = {name: [] for name in self.NAMES}
        self.all: dict[str, torch.Tensor | np.ndarray] = {}
        self.grow()

    def grow(self) -> bool:
        fresh = sorted(int(p.stem) for p in self.folder.glob("*.npz") if p.stem.isdigit() and int(p.stem) not in self.numbers)
        if self.most:
            fresh = fresh[-(self.most - len(self.numbers)) :] if len(self.numbers) < self.most else []  # the latest are the best
        for number in fresh:
            with np.load(self.folder / f"{number}.npz") as part:
                for name in self.SMALL:
                    self.parts[name].append(torch.from_numpy(part[name]))
                for name in self.NAMES:
                    self.names[name].append(part[name].astype(str))
                self.yamnets.append(torch.from_numpy(part["yamnet"]))
            self.mels.append(np.load(self.folder / f"{number}.mel.npy", mmap_mode="r"))
            self.numbers.append(number)
        if fresh:
            self.all = {name: torch.cat(parts) for name, parts in self.parts.items()} | {name: np.concatenate(parts) for name, parts in self.names.items()}
        return bool(fresh)

    def __len__(self) -> int:
        return SHARD * len(self.numbers)

    def mel(self, rows) -> torch.Tensor:
        """[n, 336, 64]"""
        return torch.from_numpy(np.stack([self.mels[i // SHARD][i % SHARD] for i in rows])).float()

    def yamnet(self, rows) -> torch.Tensor:
        """[n, 2, 1024]"""
        return torch.stack([self.yamnets[i // SHARD][i % SHARD] for i in rows]).float()
