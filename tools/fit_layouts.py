"""Fit the layout statistics to the masks of a data set.

    python tools/fit_layouts.py --data DIR

writes fancgan/layouts/mask_statistics.json, from which layouts are drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from fancgan.datasets.fields import load_fields  # noqa: E402
from fancgan.errors import UserError  # noqa: E402
from fancgan.files import write_whole  # noqa: E402
from fancgan.layouts.mask_statistics import measure_mask, summarise  # noqa: E402

OUT = ROOT / "fancgan/layouts/mask_statistics.json"


def main() -> int:
    parser = argparse.ArgumentParser(description="Fit the layout statistics to training masks.")
    parser.add_argument("--data", required=True, help="folder of image / mask pairs")
    parser.add_argument("--modality", choices=("sem", "tsem"))
    parser.add_argument("--out", default=str(OUT))
    args = parser.parse_args()
    try:
        fields = load_fields(args.data, "train", args.modality)
        if fields[0].nm_per_px is None:
            raise UserError(f"The pixel size of {fields[0].stem} is unknown; nanometres need it.")
        measured = [measure_mask(field.mask) for field in fields]
        summary = summarise(measured, fields[0].mask.shape, fields[0].nm_per_px)
        write_whole(Path(args.out), (json.dumps(summary, indent=1) + "\n").encode())
    except UserError as error:
        print(f"fit_layouts: {error}", file=sys.stderr)
        return 2
    print(f"{args.out}: {len(fields)} masks, {summary['visible_quantiles']['n']} particles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
