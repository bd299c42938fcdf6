"""Networks in local directories, as save_pretrained writes them. Nothing is fetched."""

import json

import torch
from safetensors import SafetensorError

from .refusal import Refusal


def read_json(path, expected):
    """`expected`: what the file should be part of, for the error."""
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}; expected {expected}, as save_pretrained writes "
                      "it") from None
    except ValueError as error:
        raise Refusal(f"{path}: not JSON: {error}") from None


def load(kind, folder):
    """In float32 and in eval mode, with every weight from its files: from half-precision ones where
    there are no others."""
    names = [path.name for path in folder.iterdir()]
    half = [name for name in names if ".fp16." in name]
    variant = {"variant": "fp16"} if half and not any(
        name.endswith((".safetensors", ".bin")) and name not in half for name in names) else {}
    try:
        network, loading = kind.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True,
                                                output_loading_info=True, **variant)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise Refusal(f"{folder}: cannot be loaded: {str(error).strip().splitlines()[0]}") from None
    if missing := sorted(loading["missing_keys"]):
        raise Refusal(f"{folder}: lacks weights of the network, {missing[0]} among them")
    return network.eval()
