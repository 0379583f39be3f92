"""Probe frozen embeddings: one table of linear-probe scores, with baseline features.

    python train/evaluate.py --model default                      the installed model, on the recordings in EDGEECG_DATA
    python train/evaluate.py --model my.eecg --data DIR --baselines random hrv catch22 minirocket
    python train/evaluate.py --model my.eecg --float runs/recipe/encoder.safetensors --tasks S_ds1_ds2 identity
    python train/evaluate.py --model default --fractions 0.01 0.1 1
    python train/evaluate.py --model default default+hrv --tasks ptbxl_super_I_cv4           concatenated features
    python train/evaluate.py --model default "default[:47]" --tasks S_mitdb_to_svdb          some dimensions
    python train/evaluate.py --model default --tasks more         rhythm, single diagnoses, sleep, noise, retrieval
    python train/evaluate.py --model default --tasks transfer     labels from one dataset, subjects from another
    python train/evaluate.py --model default --labels labels.csv --data CLINIC             labels of your own
    python train/evaluate.py --model default --tasks leads        quality and diagnoses from all leads instead of one
    python train/evaluate.py --model runs/channels/encoder.safetensors default@mean --tasks ptbxl_super_leads_cv4
    python train/evaluate.py --model --baselines supervised --seeds 1 --json supervised.json  slow; can continue

Models are exported ones, run by `edgeecg` in integers. The protocol is in train/probes/protocol.py: StandardScaler, L2
logistic regression averaged over four strengths, patient-disjoint splits, 95 % bootstrap intervals over patients. Where
something is random (which patients have labels, random weights), value and interval are means over --seeds draws.
Prints Markdown. --json keeps the results task by task and skips those it already holds. A baseline whose package is
missing raises a one-sentence error.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

from train.probes.evaluation import EvaluationConfig, evaluate, results_table
from train.runs.command_line import run_command
from train.runs.folder import write_text


@dataclass(frozen=True)
class Config(EvaluationConfig):
    """The probe bench."""

    markdown: Path | None = None  # the table


def main(config: Config) -> None:
    results = evaluate(config)
    table = results_table(results)
    print(table)
    if config.markdown:
        write_text(config.markdown, table)


if __name__ == "__main__":
    run_command(main, Config, __doc__)
