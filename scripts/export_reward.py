"""Makes a Loopline reward bundle of a reward model that people use with Stable Diffusion: a local
directory in transformers' layout (`save_pretrained`), nothing is fetched. The bundle is compared with
the model, and the differences are printed. See docs/rewards.md.

    scripts/export_env python scripts/export_reward.py aesthetic clip-vit-large-patch14 \\
        --head sac+logos+ava1-l14-linearMSE.pth --out rewards/aesthetic --resolution 512
    scripts/export_env python scripts/export_reward.py similarity PickScore_v1 --out rewards/pickscore \\
        --name pickscore --resolution 512
    scripts/export_env python scripts/export_reward.py binding blip-vqa-base --out rewards/binding \\
        --resolution 512
"""

import argparse
from pathlib import Path

from bundle_export.command import positive, resolution, run
from bundle_export.directories import write_bundle
from reward_export import questions
from reward_export.blip import AMONG
from reward_export.write import Bundle, write_aesthetic, write_binding, write_similarity


def add_common(command, name):
    command.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="directory to write")
    command.add_argument("--name", default=name,
                         help="of the reward and its component (default: %(default)s)")
    command.add_argument("--resolution", type=resolution, metavar="H[xW]",
                         help="of the pictures that are judged: the network itself resizes them as the "
                              "model's image processor does (default: what the network takes, other "
                              "pictures are resized bilinearly)")
    command.add_argument("--force", action="store_true", help="replace a bundle that is there")
    command.add_argument("--threads", type=positive(int), help="(default: all)")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True, metavar="KIND")

    aesthetic = kinds.add_parser("aesthetic", help="LAION's aesthetic predictor on CLIP ViT-L/14")
    aesthetic.add_argument("model", type=Path, metavar="CLIP_DIR")
    aesthetic.add_argument("--head", type=Path, required=True, metavar="FILE",
                           help="the predictor's weights, .pth or .safetensors")
    add_common(aesthetic, "aesthetic")
    aesthetic.set_defaults(write=lambda given, bundle: write_aesthetic(given.model, given.head, bundle))

    similarity = kinds.add_parser("similarity", help="CLIP's logit of picture and prompt; PickScore")
    similarity.add_argument("model", type=Path, metavar="CLIP_DIR")
    add_common(similarity, "similarity")
    similarity.set_defaults(write=lambda given, bundle: write_similarity(given.model, bundle))

    binding = kinds.add_parser("binding", help="BLIP's answers to questions about the prompt's phrases")
    binding.add_argument("model", type=Path, metavar="BLIP_DIR", help="a BlipForQuestionAnswering")
    binding.add_argument("--among", choices=AMONG, default="yes-no",
                         help="the probability of yes is among yes and no, as T2I-CompBench's code has it, "
                              "or among the whole vocabulary (default: %(default)s)")
    binding.add_argument("--phrases", type=positive(int), default=questions.PHRASES, metavar="P",
                         help="most phrases a prompt (default: %(default)s)")
    binding.add_argument("--length", type=positive(int), default=questions.LENGTH, metavar="L",
                         help="ids a question (default: %(default)s)")
    add_common(binding, "binding")
    binding.set_defaults(write=lambda given, bundle: write_binding(
        given.model, (given.phrases, given.length), given.among, bundle))
    return parser.parse_args()


def export(arguments):
    write_bundle(arguments.out, arguments.force, "reward.json", lambda new: arguments.write(
        arguments, Bundle(new, arguments.name, arguments.resolution)))


def main():
    run("export_reward", export, parse_arguments())


if __name__ == "__main__":
    main()
