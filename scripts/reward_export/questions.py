"""Questions to BLIP about the phrases of a prompt, as ids: bundles have no tokenizer of BERT's."""

from dataclasses import dataclass

from bundle_export.pretrained import read_json
from bundle_export.refusal import Refusal
from transformers import BertTokenizer

KEY = "questions"          # of the prompts' metadata
PHRASES, LENGTH = 2, 16    # of a prompt, and ids a question


@dataclass(frozen=True)
class Words:
    """Ids that mean something. `begin`: [ENC], with which BLIP's questions begin; transformers' own
    processor leaves BERT's [CLS] there, which the network was not trained with."""
    begin: int
    pad: int
    yes: int
    no: int


def load_tokenizer(directory):
    """BLIP's tokenizer and its Words."""
    read_json(directory / "tokenizer_config.json", "the tokenizer of a BlipForQuestionAnswering")
    tokenizer = BertTokenizer.from_pretrained(directory, local_files_only=True)
    path = directory / "config.json"
    config = read_json(path, "the directory of a BlipForQuestionAnswering").get("text_config", {})
    # BLIP adds [DEC] and [ENC] behind BERT's words, in this order; [DEC] begins the answers.
    start, size = config.get("bos_token_id", 30522), config.get("vocab_size", 30524)
    if not len(tokenizer) <= start + 1 < size:
        raise Refusal(f"{path}: no [ENC] behind the {len(tokenizer)} words of the tokenizer: text_config has "
                      f"bos_token_id {start} and vocab_size {size}")
    yes, no = (tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no"))
    if tokenizer.unk_token_id in (yes, no):
        raise Refusal(f"{directory}: the tokenizer has no words yes and no")
    return tokenizer, Words(start + 1, tokenizer.pad_token_id, yes, no)


def encode(tokenizer, words, phrases, count, length):
    """Nested lists [count][length]: each phrase with a question mark, then questions of padding alone."""
    if len(phrases) > count:
        raise Refusal(f"{len(phrases)} phrases, {', '.join(phrases)}: more than --phrases {count}")
    rows = []
    for phrase in phrases:
        ids = [words.begin, *tokenizer(f"{phrase}?").input_ids[1:]]
        if len(ids) > length:
            raise Refusal(f"\"{phrase}?\" has {len(ids)} ids: more than --length {length}")
        rows.append(ids)
    rows += [[] for _ in range(count - len(phrases))]
    return [ids + [words.pad] * (length - len(ids)) for ids in rows]
