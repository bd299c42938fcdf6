"""Stable Diffusion pipelines drawn at random: the classes and the configuration of 1.x and 2.x in
diffusers' directory layout, at a size for tests or at their own.

    random_pipeline.py sd1|sd2 DIRECTORY            less than a million numbers
    random_pipeline.py sd1-full DIRECTORY           1.07 billion, 4.3 GB

Weights of the small ones are larger than diffusers draws them, so that text, timestep and every layer
matter."""

import pathlib
import sys

import clip_pieces
import torch
import transformers

transformers.utils.logging.set_verbosity_error()  # diffusers' import warns of optional packages
transformers.utils.logging.disable_progress_bar()
from diffusers import (AutoencoderKL, DDIMScheduler, PNDMScheduler,  # noqa: E402
                       StableDiffusionPipeline, UNet2DConditionModel)
from transformers import CLIPTextConfig, CLIPTextModel  # noqa: E402

SCHEDULE = {"num_train_timesteps": 1000, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
            "beta_end": 0.012, "steps_offset": 1, "set_alpha_to_one": False}
TINY = {
    "unet": {"sample_size": 8, "block_out_channels": (32, 64), "layers_per_block": 1,
             "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
             "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), "norm_num_groups": 8},
    "vae": {"block_out_channels": (8, 16, 16), "down_block_types": ("DownEncoderBlock2D",) * 3,
            "up_block_types": ("UpDecoderBlock2D",) * 3, "layers_per_block": 1, "norm_num_groups": 4,
            "sample_size": 32},
    "text": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 4},
}
FULL = {  # Stable Diffusion 1.5; what is not said is diffusers' default and the same
    "unet": {"sample_size": 64, "block_out_channels": (320, 640, 1280, 1280), "layers_per_block": 2},
    "vae": {"block_out_channels": (128, 256, 512, 512), "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4, "layers_per_block": 2, "sample_size": 512},
    "text": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
             "num_attention_heads": 12, "vocab_size": 49408},
}


def pndm():
    return PNDMScheduler(**SCHEDULE, skip_prk_steps=True)


def ddim_of_v():
    return DDIMScheduler(**SCHEDULE, clip_sample=False, prediction_type="v_prediction")


# What differs between the two generations.
SD1 = {"unet": {"attention_head_dim": 8}, "text": {"hidden_act": "quick_gelu"}, "pad": clip_pieces.END,
       "scheduler": pndm}
SD2 = {"unet": {"attention_head_dim": [4, 8], "use_linear_projection": True},
       "text": {"hidden_act": "gelu"}, "pad": "!", "scheduler": ddim_of_v}
VERSIONS = {"sd1": (SD1, TINY), "sd2": (SD2, TINY), "sd1-full": (SD1, FULL)}
TINY_VERSIONS = ("sd1", "sd2")


def make_unet(version, size):
    return UNet2DConditionModel(in_channels=4, out_channels=4,
                                cross_attention_dim=size["text"]["hidden_size"],
                                **version["unet"], **size["unet"])


def make_text_encoder(tokenizer, version, size):
    config = {"vocab_size": len(tokenizer), **version["text"], **size["text"]}
    return CLIPTextModel(CLIPTextConfig(
        max_position_embeddings=77, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, **config))


def widen(module):
    """Matrices twice as large, and biases that are not 0."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.05)


def write(name, directory, seed=5):
    """The pipeline, saved in `directory` but for the tokenizer's files in the older layout, which
    published pipelines have."""
    version, size = VERSIONS[name]
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    words = directory / "tokenizer"
    words.mkdir(exist_ok=True)
    tokenizer = clip_pieces.write(words, version["pad"])
    unet = make_unet(version, size)
    vae = AutoencoderKL(latent_channels=4, scaling_factor=0.18215, **size["vae"])
    text_encoder = make_text_encoder(tokenizer, version, size)
    if size is TINY:
        for module in (unet, vae, text_encoder):
            widen(module)
    pipeline = StableDiffusionPipeline(
        vae=vae.eval(), text_encoder=text_encoder.eval(), tokenizer=tokenizer, unet=unet.eval(),
        scheduler=version["scheduler"](), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    pipeline.save_pretrained(directory)
    clip_pieces.write(words, version["pad"])
    (words / "tokenizer.json").unlink()
    return pipeline


if __name__ == "__main__":
    write(sys.argv[1], pathlib.Path(sys.argv[2]))
