"""BLIP's visual question answering as a reward of attribute binding (T2I-CompBench, Huang et al. 2023):
for each noun phrase of the prompt the probability that "PHRASE?" is answered by yes."""

import torch
from torch import nn
from torch.nn import functional as F

# What yes competes with: no alone, as in T2I-CompBench's code, or every word of the vocabulary.
AMONG = {"yes-no": lambda logits, yes, no: torch.stack([logits[:, yes], logits[:, no]], dim=1),
         "vocabulary": lambda logits, yes, no: torch.cat([logits[:, yes:yes + 1], logits[:, :yes],
                                                          logits[:, yes + 1:]], dim=1)}


def attend(block, hidden, source, mask=None):
    """A BlipTextAttention: hidden [N,Q,D] looks at source [N,K,E]; mask is added, [N,1,1,K]. Its own
    forward moves the mask to a device, which a trace bakes in, and across attention leaves it out."""
    def heads(x):
        return x.unflatten(-1, (block.self.num_attention_heads, -1)).transpose(1, 2)
    seen = F.scaled_dot_product_attention(heads(block.self.query(hidden)), heads(block.self.key(source)),
                                          heads(block.self.value(source)), attn_mask=mask)
    return block.output(seen.transpose(1, 2).flatten(2), hidden)


class Binding(nn.Module):
    """Images, and questions int64 [N,P,L] as ids of BLIP's tokenizer, padded, to [N,2]: the product over
    the questions of the probabilities of yes, and the smallest of them. A question of padding alone
    is none.

    The probability is that of the decoder's first word, among AMONG[among]."""

    def __init__(self, prepare, model, words, among):
        super().__init__()
        self.prepare, self.vision = prepare, model.vision_model
        self.encoder, self.decoder = model.text_encoder, model.text_decoder
        self.words, self.logits_of_answers = words, AMONG[among]
        self.register_buffer("start", torch.tensor([[model.decoder_start_token_id]]), persistent=False)

    def read(self, ids, mask, patches):
        """The questions in the light of the pictures, [M,L,D]."""
        hidden = self.encoder.embeddings(input_ids=ids)
        for layer in self.encoder.encoder.layer:
            hidden = attend(layer.attention, hidden, hidden, mask)
            hidden = attend(layer.crossattention, hidden, patches)
            hidden = layer.feed_forward_chunk(hidden)
        return hidden

    def answer(self, questions, mask):
        """Logits of the first word of the answers, [M,vocabulary]."""
        hidden = self.decoder.bert.embeddings(input_ids=self.start.expand(questions.shape[0], -1))
        for layer in self.decoder.bert.encoder.layer:
            hidden = attend(layer.attention, hidden, hidden)
            hidden = attend(layer.crossattention, hidden, questions, mask)
            hidden = layer.feed_forward_chunk(hidden)
        return self.decoder.cls(hidden)[:, 0]

    def forward(self, images, questions):
        patches = self.vision(self.prepare(images)).last_hidden_state
        patches = patches[:, None].expand(-1, questions.shape[1], -1, -1).flatten(0, 1)
        ids = questions.flatten(0, 1)
        there = ids != self.words.pad
        mask = (~there)[:, None, None].to(patches.dtype) * torch.finfo(torch.float32).min
        logits = self.answer(self.read(ids, mask, patches), mask)
        answers = self.logits_of_answers(logits, self.words.yes, self.words.no)
        yes = answers.softmax(1)[:, 0].masked_fill(~there.any(1), 1)
        yes = yes.unflatten(0, (-1, questions.shape[1]))
        return torch.stack([yes.prod(1), yes.amin(1)], dim=1)
