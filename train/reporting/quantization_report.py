"""The error report of an export, as Markdown: the difference between the integers and the float network."""


def markdown(report: dict) -> str:
    """The error report of `train/export.py`."""
    text = [f"# Quantization of {report['model']}", ""]
    text += [
        f"{report['macs'] / 1e6:.2f} M multiply-accumulates a window, {report['weight_bytes']} bytes without metadata. "
        f"Embedding dimensions have a standard deviation of 1; int16 counts steps of 2^-{report['exponent']}.",
        "",
        "| windows | form | mean cosine to float | 5th percentile | least | saturated |",
        "|---|---|---|---|---|---|",
    ]
    for kind in ("clean", "noisy"):
        for form in ("int16", "int8"):
            r = report[kind][form]
            numbers = " | ".join(f"{r[k]:.4f}" for k in ("cosine_mean", "cosine_5th_percentile", "cosine_least"))
            text.append(f"| {report[kind]['windows']} {kind} | {form} | {numbers} | {r['saturated']:.2%} |")
    text += ["", "ONNX Runtime against the integer reference on the clean windows:", ""]
    text += ["| graph | identical int8 | identical int16 | worst int8 | worst int16 |", "|---|---|---|---|---|"]
    for form, r in report["onnx"].items():
        shares = f"{r['identical_int8']:.4%} | {r['identical_int16']:.4%}"
        text.append(f"| {form} | {shares} | {r['worst_int8']} | {r['worst_int16']} |")
    text += ["", "Layers, on the calibration windows: signal to quantization noise, all layers before it included.", ""]
    text += ["| tensor | layer | SNR dB | saturated | smallest m | dead channels |", "|---|---|---|---|---|---|"]
    for r in report["layers"]:
        smallest = "" if r["smallest_m"] is None else r["smallest_m"]
        text.append(
            f"| {r['tensor']} | {r['op']} {r['shape']} | {r['snr_db']} | {r['saturated']:.3%} | {smallest} | "
            f"{r['dead_channels']} |"
        )
    return "\n".join([*text, ""])
