"""What was exported against the pipeline's own modules, at other sizes and batches than traced."""

from dataclasses import dataclass

import torch

TOLERANCE = 1e-4  # of the largest value: float32, the same operations in another order
PROMPTS = ("a photo of an astronaut riding a horse", "", "two cats, and a dog !! " * 40)


@dataclass
class Expected:
    """Inputs, and what a module of the pipeline makes of them."""
    what: str
    inputs: tuple
    output: torch.Tensor


def expect(what, module, *inputs):
    with torch.no_grad():
        return Expected(f"{what}, {sizes(inputs[0])}", inputs, module(*inputs))


def sizes(tensor):
    return " x ".join(map(str, tensor.shape))


def compare(loaded, expected):
    """Prints the largest difference of each; too large a one is an error."""
    for case in expected:
        with torch.no_grad():
            found = loaded(*case.inputs)
        largest = case.output.abs().max().item()
        difference = (found - case.output).abs().max().item()
        print(f"  {case.what}: differs by {difference:.1e} in values up to {largest:.3g}", flush=True)
        if not difference <= TOLERANCE * largest:
            raise RuntimeError(f"{case.what}: what was exported is not the pipeline's")


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
