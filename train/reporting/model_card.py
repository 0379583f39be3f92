"""The model card, as Markdown: what a model is, what it was made from, what it must not be used for."""

from train.data.corpora import NOT_STATED

VOLTAGE = {
    False: "- Questions of voltage. The front end takes out gain, so tall or low complexes (hypertrophy, low voltage) "
    "show only as "
    "far as their shape tells.",
    True: "- Signals of unknown gain beside calibrated ones. The third number from the end is the size of the signal: "
    "leave it out, or "
    "give the gain, where devices are mixed. The two behind it, the wander of the baseline and the range, are "
    "relative to it.",
}


def card(meta: dict) -> str:
    """The model card, of a model's metadata: what it is, what it was made from, what it must not be used for."""
    how, uses = meta["training"], {source["use"] for source in meta["sources"]}
    each = f" in each of {how['processes']} processes" if how.get("processes", 1) > 1 else ""
    text = [f"# {meta['name']}, version {meta['version']}", ""]
    text += [
        f"A single-lead ECG encoder ({meta['encoder']}): 10 s at 128 Hz to {meta['embedding_dim']} numbers, "
        f"{meta['macs'] / 1e6:.2f} M integer multiply-accumulates. Licence {meta['licence']}.",
        "",
        "## Data",
        "",
        f"{'Trained with and without' if 'labels' in uses else 'Pretrained without'} labels "
        f"({how.get('objective', 'untrained')}, {how.get('steps', 0)} steps{each}, "
        f"{how.get('minutes', 0)} minutes) on {how.get('hours', 0)} h of recordings:",
        "",
    ]
    text += [source_line(source) for source in meta["sources"]] or ["- nothing"]
    if all(source["licence"] != NOT_STATED for source in meta["sources"]):  # else nobody here knows what was in it
        text += [
            "",
            "Not in training: MIT-BIH DS2 (nor record 201, whose patient is in DS2), the MIT-BIH Supraventricular "
            "Arrhythmia Database, and the second half of each nstdb noise.",
        ]
    text += [
        "",
        f"The int8 embedding follows the float network with a mean cosine of {meta['cosine_to_float']:.4f} on windows "
        "of these corpora.",
        "",
        *what_numbers_hold(meta),
        "## What it must not be used for",
        "",
        "- Diagnosis, alarms or monitoring by itself. Not a medical device: it names nothing and diagnoses nothing. A "
        "classifier on top of it has to be validated on the people, leads and devices that it is meant for.",
        "- Finding out who somebody is without their consent. Windows of one person lie near each other (identity, "
        "below): embeddings are health data that identify people.",
        VOLTAGE[bool(meta.get("levels"))],
        "- Leads whose sign is not known. An electrode pair the wrong way round gives another embedding.",
        "",
    ]
    return "\n".join(text)


def source_line(source: dict) -> str:
    hours = f", {source['hours']} h" if "hours" in source else ""
    return f"- {source['name']} ({source['licence']}): {source['use']}{hours}"


GROUPS = {
    "statistics": "rhythm and beats",
    "signal": "spectrum and evenness",
    "noise": "noise",
    "contrast": "who and what else",
    "levels": "size, wander, range",
}


def what_numbers_hold(meta: dict) -> list[str]:
    """Which dimensions of the embedding hold what, if the training states it."""
    groups = meta.get("dimensions") or {}
    if "contrast" not in groups:
        return []
    text = ", ".join(
        f"[{first}:{end}] {GROUPS.get(name, name)}"
        for name, (first, end) in sorted(groups.items(), key=lambda group: group[1])
    )
    few = groups["contrast"][0]
    return [
        f"What the numbers hold: {text}. Where few people are labelled, try a probe of the first {few} alone too: it "
        "cannot learn those "
        "people by heart.",
        "",
    ]
