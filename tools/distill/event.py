"""The event head in torch: what the last six windows were, as log-odds of each kind (events.json).

Per window: dense embedding [1024] -> z [U], ReLU. Then dense over (z of six windows, oldest first [6 U], their maximum
[U], levels [33]) -> hidden [H], ReLU -> two opinions on all kinds [2 K]: of the labelled sounds, of mn04's classes ->
a last dense layer weighs them into calibrated log-odds [K]. Under 100,000 multiplications a window.
"""

import torch
import torch.nn.functional as F
from torch import nn

from scenes import BLOCKS, KINDS, WINDOWS

UNITS, HIDDEN = 48, 96
ALARMS = 4


class EventHead(nn.Module):
    def __init__(self, inputs: int = 1024, units: int = UNITS, hidden: int = HIDDEN):
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.window = nn.Linear(inputs, units)
        self.hidden = nn.Linear(units * (WINDOWS + 1) + BLOCKS, hidden)
        self.kinds = nn.Linear(hidden, 2 * len(KINDS))
        self.audioset = nn.Linear(hidden, 527)  # only a teacher of the hidden layer, not exported

    def standardise(self, embeddings: torch.Tensor):
        """embeddings: [N, 1024] of some windows"""
        self.mean.copy_(embeddings.mean(0))
        self.deviation.copy_(embeddings.std(0) + 0.05)

    def remembered(self, embeddings: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
        """[..., 1024] -> z [..., U]"""
        x = (embeddings - self.mean) / self.deviation
        return F.relu(self.window(F.dropout(x, dropout, self.training)))

    def body(self, z: torch.Tensor, levels: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
        """z [N, 6, U], levels [N, 33] -> [N, H]"""
        x = torch.cat([z.flatten(1), z.amax(1), levels], 1)
        return F.relu(self.hidden(F.dropout(x, dropout, self.training)))

    def forward(self, embeddings: torch.Tensor, levels: torch.Tensor, dropout: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
        """embeddings [N, 6, 1024], levels [N, 33] -> opinions [N, 2 K], AudioSet logits [N, 527]"""
        h = self.body(self.remembered(embeddings, dropout), levels, dropout)
        h = F.dropout(h, dropout, self.training)
        return self.kinds(h), self.audioset(h)

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Kernel [1024, U] and bias [U] of the first layer with the standardisation multiplied in."""
        kernel = self.window.weight / self.deviation
        return kernel.T, self.window.bias - kernel @ self.mean


def event_loss(opinions: torch.Tensor, audioset: torch.Tensor, labels: torch.Tensor, taught: torch.Tensor, classes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """
    labels [N, K] 1, 0, -1; taught [N, K] what a probe on mn04's embedding says (probability), classes [N, K] mn04's
    log-odds of the kinds' AudioSet classes, scores [N, 527] mn04's probabilities.
    """
    own, other = opinions.chunk(2, 1)
    known = labels >= 0
    # A label counts, but what is not to be heard in it the teacher does not hear either.
    wanted = torch.where(known, 0.8 * labels.clamp(min=0).float() + 0.2 * taught, taught)
    weight = torch.where(known, 1.0, 0.5)
    weight = torch.cat([3 * weight[:, :ALARMS], weight[:, ALARMS:]], 1)
    first = (F.binary_cross_entropy_with_logits(own, wanted, reduction="none") * weight).sum(1).mean()
    second = F.smooth_l1_loss(other, classes, reduction="none", beta=1.0)
    second = (second[:, :ALARMS].sum(1) * 2 + second[:, ALARMS:].sum(1)).mean()
    third = F.binary_cross_entropy_with_logits(audioset, scores, reduction="none").sum(1).mean()
    return first + 0.1 * second + 0.1 * third


def fit_probe(mn04: torch.Tensor, labels: torch.Tensor, steps: int = 2000, seed: int = 1):
    """A small network on mn04's embedding that knows our kinds: (N, 384) -> probability (N, K). What a label does not say, it says."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    mean, deviation = mn04.mean(0), mn04.std(0) + 0.02
    net = nn.Sequential(nn.Dropout(0.2), nn.Linear(384, 128), nn.ReLU(), nn.Dropout(0.4), nn.Linear(128, len(KINDS)))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=2e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    known = (labels >= 0).float()
    for _ in range(steps):
        rows = torch.randint(len(mn04), (256,), generator=generator)
        got = net((mn04[rows] - mean) / deviation)
        loss = F.binary_cross_entropy_with_logits(got, labels[rows].clamp(min=0).float(), reduction="none")
        loss = (loss * known[rows]).sum() / known[rows].sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    return torch.no_grad()(lambda x: net((x - mean) / deviation).sigmoid())
