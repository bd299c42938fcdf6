"""The parts of a pipeline directory, and what makes one of no use to a bundle."""

from dataclasses import dataclass
from pathlib import Path

from bundle_export import pretrained
from bundle_export.refusal import Refusal
from bundle_export.unet import PlainUNet
from diffusers import AutoencoderKL
from transformers import CLIPTextModel, CLIPTokenizer

PIPELINE = "StableDiffusionPipeline"
ELSEWHERE = {
    "StableDiffusionXLPipeline": "Stable Diffusion XL has two text encoders and conditions on sizes",
    "StableDiffusion3Pipeline": "Stable Diffusion 3 is a flow of a transformer",
    "FluxPipeline": "FLUX is a flow of a transformer",
}
# What a UNet takes beside latents, timestep and text: its config's keys.
FURTHER_INPUTS = {
    "class_embed_type": "class labels",
    "num_class_embeds": "class labels",
    "addition_embed_type": "added conditions, as Stable Diffusion XL's",
    "encoder_hid_dim_type": "image prompts",
    "time_cond_proj_dim": "a guidance embedding, as latent consistency models",
}


@dataclass
class Pipeline:
    unet: PlainUNet
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: dict  # scheduler_config.json


def config_of(path):
    return pretrained.read_json(path, f"the directory of a {PIPELINE}")


def require_class(directory):
    found = config_of(directory / "model_index.json").get("_class_name")
    if found != PIPELINE:
        reason = f": {ELSEWHERE[found]}" if found in ELSEWHERE else ""
        raise Refusal(f"{directory / 'model_index.json'}: {found} is not supported{reason}; "
                      f"{PIPELINE} is")


def require_plain(unet, vae, text_encoder, directory):
    """No more inputs and channels than a bundle has."""
    config = unet.config
    for key, meaning in FURTHER_INPUTS.items():
        if config.get(key) is not None:
            raise Refusal(f"{directory / 'unet/config.json'}: {key} {config[key]}: the network takes "
                          f"{meaning}, which a bundle has no place for")
    channels = vae.config.latent_channels
    if config.in_channels != channels or config.out_channels != channels:
        raise Refusal(f"{directory / 'unet/config.json'}: in_channels {config.in_channels} and "
                      f"out_channels {config.out_channels}, but the VAE's latents have {channels}: "
                      "inpainting and editing models are not supported")
    if getattr(text_encoder.config, "use_attention_mask", None):
        raise Refusal(f"{directory / 'text_encoder/config.json'}: use_attention_mask: padding is hidden "
                      "from this text encoder, which a bundle cannot")


def load_part(kind, folder):
    config_of(folder / "config.json")
    return pretrained.load(kind, folder)


def load(directory):
    """A Pipeline, or a Refusal."""
    require_class(directory)
    scheduler = config_of(directory / "scheduler/scheduler_config.json")
    config_of(directory / "tokenizer/tokenizer_config.json")
    tokenizer = CLIPTokenizer.from_pretrained(directory / "tokenizer", local_files_only=True)
    unet = load_part(PlainUNet, directory / "unet")
    vae = load_part(AutoencoderKL, directory / "vae")
    text_encoder = load_part(CLIPTextModel, directory / "text_encoder")
    require_plain(unet, vae, text_encoder, directory)
    return Pipeline(unet, vae, text_encoder, tokenizer, scheduler)


def name_of(directory):
    return Path(directory).resolve().name
