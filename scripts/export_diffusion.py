"""Makes a Loopline bundle of a Stable Diffusion 1.x or 2.x pipeline: a local directory in diffusers'
layout (`pipeline.save_pretrained`). The bundle is compared with the pipeline at two other sizes and
batches, and the differences are printed. See docs/stable_diffusion.md.

    scripts/export_env python scripts/export_diffusion.py stable-diffusion-v1-5 --out models/sd15
    scripts/export_env python scripts/export_diffusion.py sd-2-1 --out models/sd21 --lora-rank 16
    scripts/export_env python scripts/export_diffusion.py my-finetune --out models/mine --full

Stable Diffusion XL, 3 and inpainting models are not supported.
"""

import argparse
import re
from pathlib import Path

from bundle_export.command import positive, resolution, run
from bundle_export.directories import write_bundle
from diffusion_export.write import Adapters, write

ATTENTION = r".*\.(to_q|to_k|to_v|to_out\.0)"


def pattern(text):
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None
    return text


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path, metavar="PIPELINE_DIR", help="holds model_index.json")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="directory to write")
    parser.add_argument("--lora-rank", type=positive(int), default=4, metavar="R",
                        help="rank of the adapters that are trained (default: 4)")
    parser.add_argument("--lora-alpha", type=positive(float), metavar="A",
                        help="their scale is A / R (default: R)")
    parser.add_argument("--targets", type=pattern, default=ATTENTION, metavar="REGEX",
                        help="the linear layers that get adapters, a regular expression over the whole "
                             "name (default: %(default)s)")
    parser.add_argument("--full", action="store_true", help="no adapters: the UNet itself is trained")
    parser.add_argument("--resolution", type=resolution, metavar="H[xW]",
                        help="of the pictures (default: the pipeline's own)")
    parser.add_argument("--force", action="store_true", help="replace a bundle that is there")
    parser.add_argument("--threads", type=positive(int), help="(default: all)")
    return parser.parse_args()


def export(arguments):
    rank = arguments.lora_rank
    wanted = None if arguments.full else Adapters(rank, arguments.lora_alpha or rank, arguments.targets)
    write_bundle(arguments.out, arguments.force, "bundle.json",
                 lambda new: write(arguments.pipeline, new, wanted, arguments.resolution))


def main():
    run("export_diffusion", export, parse_arguments())


if __name__ == "__main__":
    main()
