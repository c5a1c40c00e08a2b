"""The model card: what a bundle is, how to use it, what it learned from and how well."""

from __future__ import annotations

from fancgan.publishing.card_usage import usage

TIO2 = {
    "name": "TiO2 nanoparticles",
    "source": "Zenodo record 4563942 (BAM), https://doi.org/10.5281/zenodo.4563942",
    "doi": "10.5281/zenodo.4563942",
    "citation": "B. Ruehle, J. F. Krumrey, V.-D. Hodoroaba: Workflow towards automated "
    "segmentation of agglomerated, non-spherical particles from electron microscopy images using "
    "artificial neural networks. Scientific Reports 11, 4942 (2021), "
    "https://doi.org/10.1038/s41598-021-84287-6",
    "licence": "CC BY-NC-ND 4.0",
    "weights_licence": "cc-by-nc-4.0",
}
SHEET = "samples.png"
PAPER = "https://arxiv.org/abs/2505.18106"


def data_facts(data: dict) -> dict:
    """Return what a bundle says about its training data, from the `data` of a run's config.json."""
    known = TIO2 if str(data.get("name", data.get("root name", ""))).lower() == "tio2" else {}
    own = {
        "name": data.get("name") or data.get("root name") or "own images",
        "source": "not public",
        "licence": "not stated",
    }
    return (
        own
        | known
        | {
            "modality": data.get("modality"),
            "train": len(data.get("train_stems") or ()),
            "val": len(data.get("val_stems") or ()),
        }
    )


def write_card(config: dict, *, repo_id: str | None = None, tag: str | None = None) -> str:
    """Return the README.md of a bundle, with the front matter that the Hub reads.

    repo_id, tag: where the bundle is published; then the card says how to get it from there, and
    shows the sample sheet that lies beside it. Without a tag the reader looks up the commit.
    """
    parts = [
        front_matter(config),
        _introduction(config),
        *([f"![Particle masks, and synthetic images painted from them]({SHEET})"] * bool(repo_id)),
        usage(config, repo_id, tag),
        _data(config),
        _numbers(config),
        _limits(config),
        _citation(config),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def front_matter(config: dict) -> str:
    """YAML between --- lines; strings are plain ASCII or quoted."""
    licence = config["data"].get("weights_licence")
    lines = [
        "---",
        f"license: {licence}" if licence else "license: other",
        *([] if licence else ["license_name: not-stated"]),
        "library_name: fancgan",
        "pipeline_tag: image-to-image",
        "tags:",
        *(f"  - {tag}" for tag in ("electron-microscopy", "sem", "nanoparticles", "gan")),
        "  - image-segmentation",
        "  - synthetic-data",
        *_model_index(config),
        "---",
    ]
    return "\n".join(lines)


def _model_index(config: dict) -> list[str]:
    measured = config.get("metrics") or {}
    rows = [
        (name, figure)
        for name, figure in measured.get("figures", {}).items()
        if figure["value"] is not None
    ]
    if not rows:
        return []
    split, count = measured["split"], len(measured["images"])
    lines = [
        "model-index:",
        f"  - name: {_quoted(config['name'])}",
        "    results:",
        "      - task:",
        "          type: image-segmentation",
        "        dataset:",
        f"          name: {_quoted(config['data']['name'])}",
        f"          type: {_quoted(config['data']['name'])}",
        f"          split: {_quoted(f'{split} ({count} images)')}",
        "        metrics:",
    ]
    for name, figure in rows:
        lines += [
            f"          - type: {_quoted(name)}",
            f"            name: {_quoted(figure['meaning'] + _basis(figure))}",
            f"            value: {_yaml_number(figure['value'])}",
        ]
    return lines


def _quoted(text: str) -> str:
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _yaml_number(value: float) -> str:
    """The number in full; YAML takes an exponent only after a decimal point."""
    text = repr(float(value))
    return text if "." in text else text.replace("e", ".0e")


def _basis(figure: dict) -> str:
    return f" (n = {figure['n']} {figure['of']})"


def _introduction(config: dict) -> str:
    data = config["data"]
    kinds = {"sem": "an SEM", "tsem": "a transmission (TSEM)"}
    kind = kinds.get(data.get("modality") or "", "an electron-microscope")
    scale = config.get("nm_per_px")
    return f"""# {config["name"]}

Two networks of F-ANcGAN ([paper]({PAPER})), trained together: one paints {kind} image from a
particle mask, in a look and with a noise that a seed chooses; the other finds the particles in
an image and parts those that touch. Trained on {data["name"]}, {data["train"]} images
{f"at {scale:.4g} nm per pixel" if scale else "of unknown pixel size"}.

**What the generator paints is synthetic. It is no evidence of any real sample; keep it marked.**"""


def _data(config: dict) -> str:
    data = config["data"]
    lines = [
        "## Training data and licence",
        "",
        f"- {data['name']}: {data['train']} images for training, {data['val']} for validation"
        + (f" ({data['modality'].upper()})" if data.get("modality") else ""),
        f"- Source: {data['source']}",
        f"- Licence of the data: {data['licence']}",
    ]
    if data.get("weights_licence"):
        lines.append(
            "- Licence of these weights: CC BY-NC 4.0. The data forbid commercial use, and so do "
            "the weights; no image of the data is contained in this folder."
        )
    else:
        lines.append("- Licence of these weights: not stated; ask whoever trained them.")
    training = config.get("training") or {}
    runs = training.get("averaged") or []
    facts = [f"mean of the weights of {len(runs)} runs"] if runs else []
    for run in runs or [training]:
        run = training | run
        facts += [f"seed {run['seed']}"] if "seed" in run else []
        steps = run.get("trained_steps", run.get("steps"))
        facts += [f"{steps} steps"] if steps else []
    # Otherwise the steps would read as all that the weights have seen.
    facts += [f"begun from the weights of {training['init']}"] if training.get("init") else []
    hardware = training.get("hardware") or {}
    facts += [f"on {hardware['name']} ({hardware['device']})"] if "name" in hardware else []
    if facts:
        lines.append(f"- Training: {', '.join(facts)}; all settings are in `config.json`")
    return "\n".join(lines)


def _numbers(config: dict) -> str:
    point = config["operating_point"]
    chosen = (
        f"Operating point: particle above {point['threshold']}, seed above "
        f"{point['core_threshold']} and of {point.get('min_core_px', 0)} px where one comes apart, "
        f"particles of at least {point['min_area_px']} px."
    )
    measured = config.get("metrics")
    if not measured:
        return f"## Measured\n\nNot measured: exported without a data set. {chosen}"
    lines = [
        "## Measured",
        "",
        f"On {measured['split']}, {len(measured['images'])} images at native resolution, "
        f"{measured['seeds_per_image']} seeds from {measured['seed']} on. {chosen} It was chosen "
        "on the same images, so the numbers of segmentation lean to the bright side.",
        "",
        "| figure | value | 95 % interval | n | what |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, figure in measured["figures"].items():
        low_high = figure["interval"]
        lines.append(
            f"| {name} | {_number(figure['value'])} {figure['unit']} | "
            + (f"{_number(low_high[0])} to {_number(low_high[1])}" if low_high else "-")
            + f" | {figure['n']} {figure['of']} | {figure['meaning']} |"
        )
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _limits(config: dict) -> str:
    return f"""## Limits

- It knows one material, one instrument and one magnification: {config["data"]["name"]}. Images of
  another kind, or pixels of another size, have to be tried before the result is believed.
- Sizes are as good as the manual masks it learned from.
- The style is drawn from few images: it does not reach beyond their looks."""


def _citation(config: dict) -> str:
    lines = ["## Citation", "", f"- Method: F-ANcGAN, {PAPER}"]
    if config["data"].get("citation"):
        lines.append(f"- Data: {config['data']['citation']}")
    return "\n".join(lines)
