"""Scores and differences as Markdown tables."""

from train.downstream.predictions import MEASURES, verdict
from train.probes.protocol import Score


def percent(share: float) -> str:
    return f"{100 * share:g} %"


def number(score: Score, sign: str = "") -> str:
    return f"{score.value:{sign}.3f} ({score.low:{sign}.3f} to {score.high:{sign}.3f})"


def markdown(head: tuple[str, ...], rows: list[tuple]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)]) + "\n"


def score_table(head: tuple[str, ...], scores: dict[tuple[str, ...], dict[str, Score]]) -> str:
    """A row a classifier, named by the cells of its key: all measures with their intervals."""
    rows = [(*cells, *(number(score[name]) for name in MEASURES)) for cells, score in scores.items()]
    return markdown((*head, *MEASURES), rows)


def verdict_table(head: tuple[str, ...], gaps: dict[tuple[str, ...], Score]) -> str:
    """One row per comparison, named by the cells of its key: the paired difference and its verdict."""
    rows = [(*cells, number(gap, "+"), verdict(gap)) for cells, gap in gaps.items()]
    return markdown((*head, "difference", "verdict"), rows)
