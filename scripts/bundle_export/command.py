"""What the exporters' command lines share."""

import argparse
import logging
import re
import sys
import warnings

import torch
import transformers

from .refusal import Refusal


def positive(kind):
    def parse(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not greater than 0")
        return value
    parse.__name__ = kind.__name__
    return parse


def resolution(text):
    """512 or 512x768, height first."""
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text}: write 512, or 512x768 with the height first")
    return int(match[1]), int(match[2] or match[1])


def run(name, export, arguments):
    """export(arguments); a Refusal is one line on stderr and the status 2."""
    if getattr(arguments, "threads", None):
        torch.set_num_threads(arguments.threads)
    # TorchScript is deprecated upstream and is a bundle's format all the same.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.jit")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity(logging.CRITICAL)  # its errors are raised, too
    try:
        export(arguments)
    except Refusal as refusal:
        print(f"{name}: {refusal}", file=sys.stderr)
        sys.exit(2)
