"""Stable Diffusion pipelines of a few thousand numbers: the classes and the configuration of 1.x and
2.x, drawn at random, in diffusers' directory layout.

    tiny_pipeline.py sd1|sd2 DIRECTORY

Weights are larger than diffusers draws them, so that text, timestep and every layer matter."""

import pathlib
import sys

import clip_pieces
import torch
from diffusers import (AutoencoderKL, DDIMScheduler, PNDMScheduler, StableDiffusionPipeline,
                       UNet2DConditionModel)
from transformers import CLIPTextConfig, CLIPTextModel

WIDTH = 32  # of the text
SCHEDULE = {"num_train_timesteps": 1000, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
            "beta_end": 0.012, "steps_offset": 1, "set_alpha_to_one": False}
# What differs between the two generations.
VERSIONS = {
    "sd1": {"unet": {"attention_head_dim": 8}, "text": {"hidden_act": "quick_gelu"},
            "pad": clip_pieces.END,
            "scheduler": lambda: PNDMScheduler(**SCHEDULE, skip_prk_steps=True)},
    "sd2": {"unet": {"attention_head_dim": [4, 8], "use_linear_projection": True},
            "text": {"hidden_act": "gelu"}, "pad": "!",
            "scheduler": lambda: DDIMScheduler(**SCHEDULE, clip_sample=False,
                                               prediction_type="v_prediction")},
}


def make_unet(more):
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(32, 64),
        layers_per_block=1, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=WIDTH,
        norm_num_groups=8, **more)


def make_vae():
    return AutoencoderKL(
        block_out_channels=(8, 16, 16), down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3, latent_channels=4, layers_per_block=1,
        norm_num_groups=4, sample_size=32, scaling_factor=0.18215)


def make_text_encoder(tokenizer, more):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=77, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, **more))


def widen(module):
    """Matrices twice as large, and biases that are not 0."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.05)


def write(version, directory, seed=5):
    """The pipeline, saved in `directory` but for the tokenizer's files in the older layout, which
    published pipelines have."""
    parts = VERSIONS[version]
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    words = directory / "tokenizer"
    words.mkdir(exist_ok=True)
    tokenizer = clip_pieces.write(words, parts["pad"])
    unet, vae = make_unet(parts["unet"]), make_vae()
    text_encoder = make_text_encoder(tokenizer, parts["text"])
    for module in (unet, vae, text_encoder):
        widen(module)
    pipeline = StableDiffusionPipeline(
        vae=vae.eval(), text_encoder=text_encoder.eval(), tokenizer=tokenizer, unet=unet.eval(),
        scheduler=parts["scheduler"](), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    pipeline.save_pretrained(directory)
    clip_pieces.write(words, parts["pad"])
    (words / "tokenizer.json").unlink()
    return pipeline


if __name__ == "__main__":
    write(sys.argv[1], pathlib.Path(sys.argv[2]))
