"""Windows of the eight independent leads in mV, for views that mix leads before the front end (train/views/vcg.py)."""

from pathlib import Path

import numpy as np
import torch

from edgeecg.constants import WINDOW
from edgeecg.errors import InputError
from train.data.cache import Cache
from train.data.corpora import Recording, corpus, corpus_folder, present_corpora
from train.data.positives import RowGroups
from train.data.resample import cut_windows, resample
from train.data.wfdb_files import INDEPENDENT
from train.data.windows import Batch, is_validation

MICROVOLTS = 1000.0  # per mV: windows are kept as int16


def read_twelve_lead(data: Path | None, corpora: tuple[str, ...]) -> Cache:
    """Windows of all recordings that have the eight leads. `samples` (n, 8, 1280) int16 microvolts; a row a window.

    `index` has the columns set, record (with the window's number), patient, lead (empty), start (that number), length.
    """
    pieces, rows = [], []
    for name in present_corpora(data, corpora) if data else []:
        for record in corpus(name).records(corpus_folder(data, name)):
            place = {lead.name: number for number, lead in enumerate(record.leads)}
            if not all(lead in place for lead in INDEPENDENT):
                break  # the other recordings of a corpus have the same leads
            windows = np.stack([microvolts(record.recording(place[lead])) for lead in INDEPENDENT], 1)
            pieces.append(windows)
            rows += [(name, f"{record.name}/{i}", record.patient, "", i, WINDOW) for i in range(len(windows))]
    if not pieces:
        raise InputError(
            f"vcg views need recordings with the leads {', '.join(INDEPENDENT)} (for instance ptbxl), and there are "
            "none"
        )
    columns = zip(("set", "record", "patient", "lead", "start", "length"), zip(*rows, strict=True), strict=True)
    return Cache(np.concatenate(pieces), {name: np.array(column) for name, column in columns}, Path())


def microvolts(rec: Recording) -> np.ndarray:
    """(n, 1280) int16; samples that were not measured are 0."""
    volts = cut_windows(resample(rec.millivolts(), rec.fs)) * MICROVOLTS
    return np.rint(np.clip(volts, -32768, 32767)).astype(np.int16)


class TwelveLeadSampler:
    """Draws windows (N, 8, 1280) float32 mV with the same probability each; `positives` "window", "lead" or "patient".

    With "window" and "lead" both windows of a pair are the same one; the view selects its leads.
    """

    def __init__(self, cache: Cache, rows: np.ndarray, positives: str):
        self.cache, self.rows, self.positives = cache, np.flatnonzero(rows), positives
        self.drawn = self.rows
        self.patient = torch.from_numpy(cache.patients()[self.rows].astype(np.int64))
        self.groups = RowGroups(self.patient.numpy())

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        first = torch.randint(len(self.rows), (count,), generator=generator)
        second = self.groups.member(first, generator) if self.positives == "patient" else first
        segment = torch.from_numpy(self.cache.index["start"][self.rows].astype(np.int64))[first]
        whole = torch.zeros(count, dtype=torch.long)  # all leads
        number = torch.from_numpy(self.rows)[first]
        return Batch(self.take(first), self.take(second), self.patient[first], segment, whole, number)

    def take(self, row: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.cache.samples[self.rows[row.numpy()]].astype(np.float32) / MICROVOLTS)


def split_twelve_lead(cache: Cache, share: float, positives: str) -> tuple[TwelveLeadSampler, TwelveLeadSampler | None]:
    """Training windows, and windows of held-out patients: the same patients as in train/data/windows.py."""
    held_out = is_validation(cache, share)
    if not held_out.any() or held_out.all():
        return TwelveLeadSampler(cache, np.ones(len(held_out), bool), positives), None
    return TwelveLeadSampler(cache, ~held_out, positives), TwelveLeadSampler(cache, held_out, positives)
