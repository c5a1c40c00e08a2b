"""The table of the study, made from the cells that are there: JSON, Markdown, plots."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.study_arms import HELP, Arm, Cell
from fancgan.errors import UserError
from fancgan.evaluation.report import bootstrap_interval
from fancgan.files import write_whole

RESULT, WHY = "result.json", "why.txt"
TABLES = {
    "help": "Does it help?",
    "ready": "The bundles that ship, for comparison",
    "segmenter": "Loss of the segmenter, and its attention gates",
    "cycle": "Configurations of the cycle",
    "extrapolation": "Sparse to dense, and back",
}
SEGMENTATION = {"dice": "Dice", "ap50": "AP50", "instance_pq": "PQ"}
PAINTING = {
    "cycle_dice": "cycle Dice",
    "kid_x1000": "KID x 1000",
    "two_sample_auc": "AUC",
    "background_spread": "spread of looks",
    "noise_ratio": "noise ratio",
    "retouching_gap": "retouching gap",
}
BLOCK = "<!-- study: {} -->"


def load(out: Path, cell: Cell) -> dict | str:
    """The result of a cell, or why there is none."""
    folder = out / "cells" / cell.name
    if (folder / RESULT).exists():
        return json.loads((folder / RESULT).read_text(encoding="utf-8"))
    if (folder / WHY).exists():
        return (folder / WHY).read_text(encoding="utf-8")
    return cell.arm.empty or "no budget left"


def rows_of(out: Path, cells: Sequence[Cell]) -> list[dict]:
    """A row for each arm and number of fields: its results by seed, and why others lack."""
    rows: dict[tuple[Arm, int], dict] = {}
    for cell in cells:
        row = rows.setdefault(
            (cell.arm, cell.fields),
            {
                "group": cell.arm.group,
                "arm": cell.arm.name,
                "words": cell.arm.words,
                "fields": cell.fields or "all",
                "flags": " ".join(cell.arm.flags),
                "seeds": {},
                "empty": {},
            },
        )
        result = load(out, cell)
        row["empty" if isinstance(result, str) else "seeds"][cell.seed] = result
    found = list(rows.values())
    for row in rows.values():
        tuned = {s: r | r["at_real_point"] for s, r in row["seeds"].items() if "at_real_point" in r}
        if tuned:
            name, words = f"{row['arm']}-real-point", "; operating point of two real fields"
            more = {
                "arm": name,
                "words": row["words"] + words,
                "seeds": tuned,
                "empty": {},
                "again": True,
            }
            found.insert(found.index(row) + 1, row | more)
    for row in found:
        row["figures"] = means(list(row["seeds"].values()))
    return found


def means(results: list[dict]) -> dict[str, dict]:
    """Mean of each figure over the seeds, its spread over them, and the mean interval."""
    found = {}
    for name in results[0]["figures"] if results else ():
        figures = [r["figures"][name] for r in results if name in r["figures"]]
        values = [f["value"] for f in figures if f["value"] is not None]
        if not values:
            continue
        intervals = [f["interval"] for f in figures if f["interval"]]
        found[name] = {
            "mean": statistics.fmean(values),
            "sd_of_seeds": statistics.stdev(values) if len(values) > 1 else None,
            "interval": np.mean(intervals, axis=0).tolist() if intervals else None,
            "references": figures[0]["references"],
        }
    return found


def paired(mine: dict, theirs: dict, name: str) -> dict | None:
    """Difference of a figure image by image, mean over the seeds that both have, by bootstrap.

    mine, theirs: rows judged on the same images. name: "dice" or "ap50", of single images. The
    ratio is that of the means, None where theirs is 0.
    """
    seeds = sorted(mine["seeds"].keys() & theirs["seeds"].keys())
    if not seeds:
        return None
    tables = [
        np.array([[image[name] for image in row["seeds"][s]["per_image"]] for s in seeds])
        for row in (mine, theirs)
    ]
    per_image = (tables[0] - tables[1]).mean(axis=0)
    interval = bootstrap_interval(lambda drawn: float(per_image[drawn].mean()), len(per_image))
    return {
        "difference": float(per_image.mean()),
        "interval": interval,
        "ratio": float(tables[0].mean() / tables[1].mean()) if tables[1].any() else None,
        "images": len(per_image),
        "seeds": len(seeds),
    }


def comparisons(rows: list[dict]) -> list[dict]:
    """Synthetic and both against real, for each number of fields."""
    helped = {(row["arm"], row["fields"]): row for row in rows if row["group"] == "help"}
    found = []
    for (arm, fields), row in helped.items():
        for name in ("dice", "ap50") if arm != "real" else ():
            against = paired(row, helped["real", fields], name)
            if against:
                found.append({"arm": arm, "fields": fields, "figure": name} | against)
    return found


def said(figure: dict | None) -> str:
    if figure is None:
        return "-"
    digits = 3 if abs(figure["mean"]) < 10 else 1
    text = f"{figure['mean']:.{digits}f}"
    if figure["sd_of_seeds"] is not None:
        text += f" ± {figure['sd_of_seeds']:.{digits}f}"
    if figure["interval"]:
        text += " [{}]".format(", ".join(f"{value:.{digits}f}" for value in figure["interval"]))
    return text


def line(*columns: object) -> str:
    return "| " + " | ".join(str(column) for column in columns) + " |"


def head(*columns: str) -> list[str]:
    return [line(*columns), line(*["---"] * len(columns))]


def minutes(row: dict) -> str:
    spent = [sum(r["seconds"].values()) for r in row["seeds"].values()]
    return f"{statistics.fmean(spent) / 60:.1f}"


def main_table(rows: list[dict], group: str) -> list[str]:
    """Rows with figures first, each with its seeds; then what is empty, and why."""
    names = SEGMENTATION | (PAINTING if group == "cycle" else {})
    mine = [row for row in rows if row["group"] == group]
    if group == "segmenter":
        mine = [r for r in rows if (r["group"], r["arm"], r["fields"]) == ("help", "real", "all")]
        mine[0] = mine[0] | {"words": "ours: cross-entropy + Dice, attention gates"}
        mine += [row for row in rows if row["group"] == group]
    lines = head("arm", "fields", "seeds", *names.values(), "minutes a seed")
    for row in mine:
        if row["seeds"]:
            figures = [said(row["figures"].get(name)) for name in names]
            words = row["words"] + (
                f", `{row['flags']}`" if group in ("segmenter", "cycle") else ""
            )
            lines.append(line(words, row["fields"], len(row["seeds"]), *figures, minutes(row)))
    return [*lines, *empty_cells(mine)]


def empty_cells(rows: list[dict]) -> list[str]:
    """Each reason with the arms that it keeps empty, their numbers of fields and seeds."""
    reasons: dict[str, dict[tuple[str, str], list[str]]] = {}
    for row in rows:
        for why in dict.fromkeys(row["empty"].values()):
            seeds = ", ".join(str(s) for s, words in row["empty"].items() if words == why)
            arms = reasons.setdefault(why.rstrip("."), {})
            arms.setdefault((row["words"], seeds), []).append(str(row["fields"]))
    lines = [
        f"- {why}: "
        + "; ".join(
            f"{words} (fields {', '.join(fields)}; seeds {seeds})"
            for (words, seeds), fields in arms.items()
        )
        for why, arms in reasons.items()
    ]
    return ["", "Not run:", "", *lines] if lines else []


def halves_table(rows: list[dict]) -> list[str]:
    """What segmenters of sparse and of dense fields find in other sparse and dense ones."""
    mine = [row for row in rows if row["group"] == "extrapolation"]
    judged = ("sparse", "dense")
    columns = [f"{name} on {half}" for half in judged for name in ("Dice", "AP50")]
    lines = head("arm", "seeds", *columns, "minutes a seed")
    for row in mine:
        results = list(row["seeds"].values())
        shown = []
        for half in judged if results else ():
            stems = results[0]["judged"][half]
            for name in ("dice", "ap50"):
                values = np.array(
                    [[i[name] for i in r["per_image"] if i["image"] in stems] for r in results]
                ).mean(axis=0)
                interval = bootstrap_interval(
                    lambda drawn, v=values: float(v[drawn].mean()), len(values)
                )
                known = {"mean": values.mean(), "sd_of_seeds": None, "interval": interval}
                shown.append(said(known))
        if results:
            lines.append(line(row["words"], len(results), *shown, minutes(row)))
    return [*lines, *empty_cells(mine)]


def comparison_table(rows: list[dict]) -> list[str]:
    lines = head("against real pairs alone", "fields", "figure", "ratio", "difference", "seeds")
    for found in comparisons(rows):
        span = found["interval"]
        of = "[{:+.3f}, {:+.3f}]".format(*span) if span else ""
        name = {"dice": "Dice", "ap50": "AP50, mean over images"}[found["figure"]]
        difference = f"{found['difference']:+.3f} {of}"
        ratio = "-" if found["ratio"] is None else f"{found['ratio']:.3f}"
        lines.append(line(found["arm"], found["fields"], name, ratio, difference, found["seeds"]))
    return lines


def setting_lines(rows: list[dict]) -> list[str]:
    """What all trainings had in common, and on what they ran."""
    results = [r for row in rows if "again" not in row for r in row["seeds"].values()]
    if not results:
        return []
    own = [r["hardware"] for r in results if "hardware" in r]
    machines = sorted(
        f"{h['name']}, {h['threads']} thread(s), {h['precision']}, torch {h['torch']}"
        for h in {json.dumps(h, sort_keys=True): h for h in own}.values()
    )
    painters = {json.dumps(r["settings"]["painter"]) for r in results if "painter" in r["settings"]}
    first = next((r["settings"]["flags"] for r in results if r["group"] == "help"), [])
    hours = sum(sum(r["seconds"].values()) for r in results) / 3600
    judged = len(next(r for r in results if r["group"] != "extrapolation")["images"])
    lines = [
        f"- judged on {judged} `val` images; {len(results)} cells, {hours:.1f} hours in all",
        *(f"- trained on {machine}" for machine in machines),
        f"- flags of the segmenters: `{' '.join(first)}`",
    ]
    for text in sorted(painters):
        bundle, steps, pairs, height, width = json.loads(text)
        by = f"a painter trained for {steps} steps on the same fields" if steps else f"`{bundle}`"
        lines.append(f"- synthetic: {pairs} pairs of {height} x {width} pixels, painted by {by}")
    return lines


def write_report(out: Path, cells: Sequence[Cell], page: Path | None) -> None:
    """Write study.json, study.md and plots to `out`; with a page, fill in its blocks too.

    A block of the page begins with <!-- study: NAME --> and ends with <!-- study: end -->. Its
    plots are written beside it, as STEM-NAME.png.
    """
    rows = rows_of(out, cells)
    table = {"rows": rows, "comparisons": comparisons(rows)}
    write_whole(out / "study.json", (json.dumps(table, indent=1) + "\n").encode())
    blocks = blocks_of(rows, plot(rows, out / "study"))
    words = ["# The study", "", *blocks["settings"]]
    for group, title in TABLES.items():
        words += ["", f"## {title}", "", *blocks[group]]
        words += ["", *blocks["comparison"]] if group == "help" else []
    write_whole(out / "study.md", ("\n".join(words) + "\n").encode())
    if page is not None:
        fill(page, blocks_of(rows, plot(rows, page.with_suffix(""))))


def blocks_of(rows: list[dict], plots: dict[str, str]) -> dict[str, list[str]]:
    """The lines of each block by its name. plots: file names by group."""
    blocks = {group: main_table(rows, group) for group in TABLES if group != "extrapolation"}
    blocks["extrapolation"] = halves_table(rows)
    for group, name in plots.items():
        blocks[group] += ["", f"![{TABLES[group].rstrip('?')}: every seed, mean, interval]({name})"]
    blocks["comparison"] = comparison_table(rows)
    blocks["settings"] = setting_lines(rows)
    return blocks


def fill(page: Path, blocks: dict[str, list[str]]) -> None:
    """Replace what stands in the named blocks of a page."""
    if not page.exists():
        raise UserError(f"{page} does not exist; give a page with blocks {BLOCK.format('NAME')}.")
    text, end = page.read_text(encoding="utf-8"), BLOCK.format("end")
    for name, lines in blocks.items():
        begin = BLOCK.format(name)
        whole = "\n".join([begin, "", *lines, "", end])
        text = re.sub(
            f"{re.escape(begin)}.*?{re.escape(end)}", lambda _, w=whole: w, text, flags=re.S
        )
    write_whole(page, text.encode())


def plot(rows: list[dict], stem: Path) -> dict[str, str]:
    """Draw the arms of each question with every seed as STEM-GROUP.png; return the names."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    drawn: dict[str, str] = {}
    reference = [r for r in rows if (r["group"], r["arm"]) == ("help", HELP[0].name)]
    for group in ("help", "segmenter", "cycle"):
        mine = [row for row in rows if row["group"] == group]
        mine = [*reference[:1], *mine] if group == "segmenter" else mine
        mine = [row for row in mine if row["seeds"]][::-1]
        if not any(row["group"] == group for row in mine):
            continue
        names = ("dice", "ap50") if group != "cycle" else ("dice", "cycle_dice", "kid_x1000")
        labels = SEGMENTATION | PAINTING
        figure, axes = plt.subplots(
            1,
            len(names),
            sharey=True,
            figsize=(11, 0.8 + 0.35 * len(mine)),
            constrained_layout=True,
        )
        for axis, name in zip(axes, names, strict=True):
            for height, row in enumerate(mine):
                known = row["figures"].get(name)
                if known is None:
                    continue
                if known["interval"]:
                    axis.plot(known["interval"], [height, height], color="0.7", lw=4, zorder=1)
                values = [r["figures"][name]["value"] for r in row["seeds"].values()]
                axis.plot(values, [height] * len(values), "o", color="C0", ms=4)
                axis.plot(known["mean"], height, "|", color="k", ms=12)
            axis.set_xlabel(labels[name])
            axis.grid(axis="x", alpha=0.3)
        words = [f"{row['words'].split(':')[0]}, {row['fields']} fields" for row in mine]
        axes[0].set_yticks(range(len(mine)), words)
        drawn[group] = f"{stem.name}-{group}.png"
        figure.savefig(stem.with_name(drawn[group]), dpi=90)
        plt.close(figure)
    return drawn
