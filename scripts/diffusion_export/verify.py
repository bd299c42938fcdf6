"""What was exported against the pipeline's own modules, at other sizes and batches than traced."""

import torch
from bundle_export.compare import expect

PROMPTS = ("a photo of an astronaut riding a horse", "", "two cats, and a dog !! " * 40)


def other_sizes(height, width, unit):
    """Rows, height and width of latents, other ones than are traced."""
    return (1, height + unit, width), (3, height, width + 2 * unit)


def unet_inputs(unet, rows, height, width, length):
    """Random latents and texts, with a timestep of its own a row."""
    config = unet.config
    return (torch.randn(rows, config.in_channels, height, width), torch.randint(1000, (rows,)),
            torch.randn(rows, length, config.cross_attention_dim))


def expected_of_unet(unet, height, width, length):
    unit = 2 ** (len(unet.config.block_out_channels) - 1)
    return [expect("UNet", unet, *unet_inputs(unet, *shape, length))
            for shape in other_sizes(height, width, unit)]


def expected_of_decoder(vae, height, width):
    def decode(latents):
        return vae.decode(latents, return_dict=False)[0]
    return [expect("decoder", decode, torch.randn(rows, vae.config.latent_channels, h, w))
            for rows, h, w in other_sizes(height, width, 1)]


def expected_of_text_encoder(tokenizer, text_encoder, length):
    """Of one prompt and of several, as the pipeline encodes them."""
    def encode(ids):
        return text_encoder(ids)[0]
    ids = tokenizer(list(PROMPTS), padding="max_length", truncation=True, max_length=length,
                    return_tensors="pt").input_ids
    return [expect("text encoder", encode, ids[:1]), expect("text encoder", encode, ids)]
