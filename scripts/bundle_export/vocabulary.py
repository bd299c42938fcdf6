"""The files of CLIP's tokenizer."""

import json

from .refusal import Refusal

VOCABULARY, MERGES = "vocab.json", "merges.txt"


def length_of(tokenizer, text_encoder):
    """Ids a prompt."""
    return min(tokenizer.model_max_length, text_encoder.config.max_position_embeddings)


def require_no_additions(tokenizer, folder):
    """Words added to the vocabulary, such as those of textual inversion, have no place in its files."""
    special = {tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token}
    more = sorted(set(tokenizer.get_added_vocab()) - special)
    if more:
        raise Refusal(f"{folder}: has the added words {', '.join(more[:5])}, which are not supported; "
                      "export the model without them")


def write(tokenizer, out):
    """vocab.json and merges.txt, whether the model has them or the tokenizer.json of later
    versions of transformers."""
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    (out / VOCABULARY).write_text(json.dumps(model["vocab"], ensure_ascii=False))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (out / MERGES).write_text("#version: 0.2\n" + "".join(line + "\n" for line in merges))


def entry(tokenizer, length):
    """`tokenizer` of bundle.json and reward.json."""
    return {"kind": "clip_bpe", "vocab": VOCABULARY, "merges": MERGES,
            "bos_id": tokenizer.bos_token_id, "eos_id": tokenizer.eos_token_id,
            "length": length, "pad_id": tokenizer.pad_token_id}
