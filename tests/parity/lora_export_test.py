"""Adapters that the real binary writes and reads, against diffusers itself.

    lora_export_test.py BINARY SOURCE_DIR [TEST]...

Runs in the environment of the export scripts, SOURCE_DIR/.deps/export; without it the exit status is
77, skipped."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import export_environment

BINARY, SOURCE = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
export_environment.enter(SOURCE)

sys.path.insert(0, str(SOURCE / "scripts"))

import torch  # noqa: E402
from bundle_export import adapters  # noqa: E402
from diffusers import StableDiffusionPipeline, UNet2DConditionModel  # noqa: E402
from diffusers.training_utils import _collate_lora_metadata  # noqa: E402
from diffusers.utils import convert_state_dict_to_diffusers  # noqa: E402
from emoji_world.networks import LATENT_SHAPE, TEXT_WIDTH, make_unet  # noqa: E402
from peft import LoraConfig, get_peft_model_state_dict  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

RANK, ALPHA = 8, 12  # the shipped bundle has alpha = rank; here the scale is 1.5
TOLERANCE = 2e-5     # of outputs of order one: float32, in another order of sums


def base_unet():
    unet = make_unet(UNet2DConditionModel)
    unet.load_state_dict(dict(torch.jit.load(SOURCE / "models/emoji/denoiser.ts").named_parameters()))
    return unet.eval()


def pipeline_of(unet):
    """What has load_lora_weights; a UNet is all of it that LoRA files here touch."""
    return StableDiffusionPipeline(
        vae=None, text_encoder=None, tokenizer=None, unet=unet, scheduler=None, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)


def output(network):
    generator = torch.Generator().manual_seed(3)
    latents = torch.randn(3, *LATENT_SHAPE, generator=generator)
    text = torch.randn(3, 8, TEXT_WIDTH, generator=generator)
    with torch.no_grad():
        made = network(latents, torch.tensor([1, 501, 981]), text)
    return made if isinstance(made, torch.Tensor) else made.sample


def distance(a, b):
    return (a - b).abs().max().item()


class LoraParity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.world = pathlib.Path(cls.directory.name)
        cls.make_bundle()
        cls.train("run", "iterations=2", "optimizer.lr=0.05")

    @classmethod
    def make_bundle(cls):
        """models/emoji_lora at another scale."""
        bundle = cls.world / "model"
        shutil.copytree(SOURCE / "models/emoji_lora", bundle)
        network = torch.jit.load(bundle / "denoiser.ts")
        adapters.set_scales(network, ALPHA / RANK)
        network.save(str(bundle / "denoiser.ts"))
        manifest = json.loads((bundle / "bundle.json").read_text())
        manifest["adapter"]["alpha"] = ALPHA
        (bundle / "bundle.json").write_text(json.dumps(manifest))

    @classmethod
    def command(cls, *arguments):
        done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    @classmethod
    def train(cls, run, *settings):
        fixed = [f"model={cls.world / 'model'}", "rollout.images=8", "rollout.micro_batch=8",
                 "sampler.steps=4", "learner.updates_per_epoch=1", "evaluation.every=0",
                 "samples.every=0", "precision=fp32", "threads=1"]
        return cls.command("train", SOURCE / "configs/emoji/lora.yaml", "--run", cls.world / run,
                           *(part for line in [*fixed, *settings] for part in ("--set", line)))

    def export(self, form, name, run="run"):
        self.command("export", self.world / run, "--format", form, "--force",
                     "--out", self.world / name)
        return self.world / name

    def trained_output(self, run="run"):
        return output(torch.jit.load(self.export("torchscript", f"{run}.ts", run)))

    def assert_loads_as_trained(self, form):
        file = self.export(form, f"{form}.safetensors")
        with safe_open(file, "pt") as opened:
            self.assertEqual(opened.metadata(), {"format": "pt"})
            keys = list(opened.keys())
        self.assertTrue(all("lora" in key for key in keys))
        unet = base_unet()
        before = output(unet)
        pipeline_of(unet).load_lora_weights(file)
        trained = self.trained_output()
        self.assertGreater(distance(before, trained), 100 * TOLERANCE, "training changed something")
        self.assertLess(distance(output(unet), trained), TOLERANCE)

    def test_diffusers(self):
        self.assert_loads_as_trained("diffusers")

    def test_diffusers_without_a_pipeline(self):
        unet = base_unet()
        unet.load_lora_adapter(load_file(self.export("diffusers", "bare.safetensors")), prefix="unet")
        self.assertLess(distance(output(unet), self.trained_output()), TOLERANCE)

    def test_kohya(self):
        self.assert_loads_as_trained("kohya")

    def test_merged(self):
        unet = base_unet()
        unet.load_state_dict(load_file(self.export("merged", "merged.safetensors")), strict=True)
        self.assertLess(distance(output(unet), self.trained_output()), TOLERANCE)

    def test_a_run_starts_from_what_diffusers_saves(self):
        """Of another rank and scale, under both of the names that diffusers has for it."""
        unet = base_unet()
        unet.add_adapter(LoraConfig(r=4, lora_alpha=6, init_lora_weights=False,
                                    target_modules=adapters.CROSS_ATTENTION))
        wanted = output(unet)
        self.assertGreater(distance(wanted, output(base_unet())), 100 * TOLERANCE)
        state = get_peft_model_state_dict(unet)
        for name, layers in [("now", state), ("earlier", convert_state_dict_to_diffusers(state))]:
            with self.subTest(name):
                directory = self.world / f"diffusers_{name}"
                StableDiffusionPipeline.save_lora_weights(
                    directory, unet_lora_layers=layers, **_collate_lora_metadata({"unet": unet}))
                done = self.train(f"from_{name}", "iterations=1", "optimizer.lr=1e-12",
                                  f"init_from={directory / 'pytorch_lora_weights.safetensors'}")
                self.assertIn("16 layers, rank 4", done.stderr)
                self.assertLess(distance(self.trained_output(f"from_{name}"), wanted), TOLERANCE)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
