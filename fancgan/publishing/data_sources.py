"""The public data sets that bundles learn from: what a model card has to say of each."""

from __future__ import annotations

NON_COMMERCIAL = "cc-by-nc-4.0"
TIO2 = {
    "name": "TiO2 nanoparticles",
    "source": "Zenodo record 4563942 (BAM), https://doi.org/10.5281/zenodo.4563942",
    "doi": "10.5281/zenodo.4563942",
    "citation": "B. Ruehle, J. F. Krumrey, V.-D. Hodoroaba: Workflow towards automated "
    "segmentation of agglomerated, non-spherical particles from electron microscopy images using "
    "artificial neural networks. Scientific Reports 11, 4942 (2021), "
    "https://doi.org/10.1038/s41598-021-84287-6",
    "licence": "CC BY-NC-ND 4.0",
    "weights_licence": NON_COMMERCIAL,
}
EMPS = {
    "name": "EMPS, Electron Microscopy Particle Segmentation",
    "source": "GitHub repository by256/emps, commit dd8f86d; micrographs out of many papers",
    "doi": "10.1021/acs.jcim.0c01455",
    "citation": "B. Yildirim, J. M. Cole: Bayesian Particle Instance Segmentation for Electron "
    "Microscopy Image Quantification. J. Chem. Inf. Model. 61, 1136 (2021), "
    "https://doi.org/10.1021/acs.jcim.0c01455",
    "licence": "MIT as stated there; who owns the pictures, a collection's licence does not settle",
    "weights_licence": NON_COMMERCIAL,
}
PUBLIC = {"tio2": TIO2, "emps": EMPS}


def known_facts(name: str) -> dict:
    """Return what is known of a data set by the name of its folder."""
    own = {"name": name, "source": "not public", "licence": "not stated"}
    return own | PUBLIC.get(name.lower(), {})


def data_facts(data: dict) -> dict:
    """Return what a bundle says about its training data, from the `data` of a run's config.json."""
    name = str(data.get("name") or data.get("root name") or "own images")
    counts = {part: len(data.get(f"{part}_stems") or ()) for part in ("train", "val")}
    return known_facts(name) | {"modality": data.get("modality")} | counts


def data_facts_of_sets(data: dict) -> dict:
    """The same of a run that learned from several data sets; "sets" holds one of each."""
    sets = []
    for name, weight in zip(data["sets"], data["weights"], strict=True):
        folder, _, modality = name.partition(":")
        counts = {p: len(data[f"{p}_stems"].get(name, ())) for p in ("train", "val", "aside")}
        sets.append(known_facts(folder) | {"modality": modality or None, "weight": weight} | counts)
    public = all(each.get("weights_licence") for each in sets)
    return {
        "name": ", ".join(dict.fromkeys(each["name"] for each in sets)),
        "source": "; ".join(dict.fromkeys(each["source"] for each in sets)),
        "licence": "; ".join(dict.fromkeys(each["licence"] for each in sets)),
        **{part: sum(each[part] for each in sets) for part in ("train", "val")},
        **({"weights_licence": NON_COMMERCIAL} if public else {}),
        "sets": sets,
    }
