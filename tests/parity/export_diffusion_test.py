"""Exported Stable Diffusion pipelines under the real binary, against diffusers itself: pictures before
and after training, what the exporter refuses, and the configs that are made for such bundles.

    export_diffusion_test.py LOOPLINE DUMP_SAMPLE_NOISE SOURCE_DIR [TEST]...

Runs in the environment of the export scripts, SOURCE_DIR/.deps/export; without it the exit status is
77, skipped."""

import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import export_environment

LOOPLINE, NOISE, SOURCE = (pathlib.Path(path).resolve() for path in sys.argv[1:4])
export_environment.enter(SOURCE)

sys.path.insert(0, str(SOURCE / "scripts"))

import export_diffusion  # noqa: E402
import numpy  # noqa: E402
import random_pipeline  # noqa: E402
import torch  # noqa: E402
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

CONFIGS = SOURCE / "configs/stable_diffusion"
VERSIONS = random_pipeline.TINY_VERSIONS
RANK, ALPHA = 4, 6
STEPS, GUIDANCE, SEED = 6, 5, 3
SIDE, GAP = 32, 2  # of a picture; between pictures of a grid
PROMPTS = ("a photo of a cat", "the red dog, riding a blue horse")
# Of pictures in [0, 1]: eight bits are half a level, 0.002, off, and float32 in another order of sums moves
# a pixel over the edge of a level.
TOLERANCE = 0.004


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settings(lines):
    return [part for line in lines for part in ("--set", line)]


def export(*arguments):
    run(sys.executable, SOURCE / "scripts/export_diffusion.py", *arguments, "--threads", 1)


def load_pipeline(directory):
    pipeline = StableDiffusionPipeline.from_pretrained(directory, safety_checker=None)
    # Published configs of 1.x say so beside PNDM's own options; DDIM alone would clip.
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def pictures_of(pipeline, noise):
    """As its user calls it, one picture a prompt."""
    return pipeline(list(PROMPTS), latents=noise, eta=0.0, guidance_scale=GUIDANCE,
                    num_inference_steps=STEPS, output_type="np").images


class Pictures(unittest.TestCase):
    """Trained in C++, drawn by both from the same latents."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.world = pathlib.Path(cls.directory.name)
        (cls.world / "prompts.txt").write_text("".join(prompt + "\n" for prompt in PROMPTS))
        run(NOISE, cls.world / "prompts.txt", 1, SEED, 0, 4, 8, 8, cls.world / "noise.safetensors")
        cls.noise = load_file(cls.world / "noise.safetensors")["noise"][:, 0]
        for version in VERSIONS:
            home = cls.world / version
            random_pipeline.write(version, home / "pipeline")
            export(home / "pipeline", "--out", home / "bundle", "--lora-rank", RANK, "--lora-alpha", ALPHA)
            run(LOOPLINE, "train", CONFIGS / "compressibility_loop.yaml", "--run", home / "run", *settings([
                f"model={home / 'bundle'}", f"prompts={cls.world / 'prompts.txt'}", "iterations=2",
                "rollout.images=8", "rollout.micro_batch=4", "sampler.steps=4", "precision=fp32",
                "frozen_precision=fp32", "optimizer.lr=0.02", "samples.every=0", "threads=1"]))

    def sampled(self, target, *more):
        """By the real binary: [N, H, W, 3] in [0, 1]."""
        out = self.world / "sampled.png"
        run(LOOPLINE, "sample", target, "--prompts", self.world / "prompts.txt", "--count", 1, "--seed", SEED,
            "--steps", STEPS, "--eta", 0, "--guidance", GUIDANCE, "--zoom", 1, "--out", out, "--force", *more)
        grid = numpy.asarray(Image.open(out), dtype=float) / 255
        return numpy.stack([grid[top:top + SIDE] for top in (0, SIDE + GAP)])

    def exported(self, version, form):
        out = self.world / version / f"{form}.safetensors"
        run(LOOPLINE, "export", self.world / version / "run", "--format", form, "--out", out, "--force")
        return out

    def assert_equal(self, what, found, expected):
        difference = numpy.abs(found - expected).max()
        print(f"  {what}: differs by {difference:.4f}", flush=True)
        self.assertGreater(expected.std(), 0.05, "the picture shows something")
        self.assertLessEqual(difference, TOLERANCE, what)

    def test_pictures_before_and_after(self):
        for version in VERSIONS:
            with self.subTest(version):
                home = self.world / version
                pipeline = load_pipeline(home / "pipeline")
                before = pictures_of(pipeline, self.noise)
                self.assert_equal(f"{version}, the bundle", self.sampled(home / "bundle"), before)
                self.assert_equal(f"{version}, the run's base", self.sampled(home / "run", "--base"), before)
                trained = self.sampled(home / "run")
                self.assertGreater(numpy.abs(trained - before).max(), 10 * TOLERANCE, "training did something")
                for form in ("diffusers", "kohya"):
                    pipeline.load_lora_weights(self.exported(version, form))
                    self.assert_equal(f"{version}, {form}", trained, pictures_of(pipeline, self.noise))
                    pipeline.unload_lora_weights()
                    self.assert_equal(f"{version}, {form} unloaded", pictures_of(pipeline, self.noise), before)

    def test_merged(self):
        for version in VERSIONS:
            with self.subTest(version):
                home = self.world / version
                pipeline = load_pipeline(home / "pipeline")
                pipeline.unet.load_state_dict(load_file(self.exported(version, "merged")), strict=True)
                self.assert_equal(f"{version}, merged", self.sampled(home / "run"),
                                  pictures_of(pipeline, self.noise))

    def test_an_exported_bundle_is_trained_on(self):
        home = self.world / "sd1"
        run(LOOPLINE, "export", home / "run", "--format", "bundle", "--out", self.world / "tuned", "--force")
        self.assert_equal("the exported bundle", self.sampled(self.world / "tuned"), self.sampled(home / "run"))

    def test_a_run_starts_from_either_flavour(self):
        home = self.world / "sd1"
        trained = self.sampled(home / "run")
        for form in ("diffusers", "kohya"):
            run(LOOPLINE, "train", CONFIGS / "compressibility_loop.yaml", "--run", self.world / f"from_{form}",
                *settings([f"model={home / 'bundle'}", f"prompts={self.world / 'prompts.txt'}", "iterations=1",
                           "rollout.images=4", "rollout.micro_batch=4", "sampler.steps=2", "precision=fp32",
                           "frozen_precision=fp32", "optimizer.lr=1e-12", "samples.every=0", "threads=1",
                           f"init_from={self.exported('sd1', form)}"]))
            self.assert_equal(f"started from {form}", self.sampled(self.world / f"from_{form}"), trained)

    def test_inspect(self):
        found = json.loads(run(LOOPLINE, "inspect", self.world / "sd1/bundle", "--json"))
        self.assertIn(f"rank {RANK}, alpha {ALPHA}", found["adapter"])
        text = run(LOOPLINE, "inspect", self.world / "sd1/bundle")
        self.assertNotIn("device constants", text)

    def test_configs(self):
        """Every shipped config resolves on such a bundle, whatever reward bundles it asks for."""
        algorithms = {}
        for path in sorted(CONFIGS.glob("*.yaml")):
            if "\nalgorithm:" not in path.read_text():
                continue
            plan = json.loads(run(LOOPLINE, "train", path, "--dry-run", "--json", *settings([
                f"model={self.world / 'sd1/bundle'}", "reward=[jpeg_compressibility]", "judges=[]", "evaluation.prompts=[]",
                f"prompts={CONFIGS / 'animals.yaml'}", "precision=fp32", "frozen_precision=fp32", "threads=1"])))
            self.assertEqual(plan["iteration"]["images"], 256, path)
            self.assertEqual(plan["iteration"]["pairs"], 256 * 50, path)
            algorithms[path.stem] = plan["algorithm"]
        rewards = ("compressibility", "aesthetic", "attribute_binding")
        self.assertEqual(algorithms, {name + twin: algorithm for name in rewards
                                      for twin, algorithm in (("", "ppo"), ("_loop", "loop"))})


class Exporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.world = pathlib.Path(cls.directory.name)
        cls.pipeline = cls.world / "pipeline"
        random_pipeline.write("sd1", cls.pipeline)

    def changed(self, name, change):
        """A copy of the pipeline with one JSON file changed."""
        copy = self.world / "changed"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.pipeline, copy)
        content = json.loads((copy / name).read_text())
        change(content)
        (copy / name).write_text(json.dumps(content))
        return copy

    def refused(self, *arguments):
        """The one line of a refusal. Runs in this process: imports take longer than all else."""
        errors, printed = io.StringIO(), io.StringIO()
        command = ["export_diffusion.py", *map(str, arguments)]
        with mock.patch.object(sys, "argv", command), contextlib.redirect_stderr(errors), \
                contextlib.redirect_stdout(printed), self.assertRaises(SystemExit) as ended:
            export_diffusion.main()
        self.assertEqual(ended.exception.code, 2, errors.getvalue())
        return errors.getvalue().strip().splitlines()[-1]

    def check_refused(self, expected, *arguments):
        out = self.world / "out"
        line = self.refused(*arguments, "--out", out)
        self.assertIn(expected, line)
        self.assertFalse(out.exists(), "nothing is left behind")
        self.assertEqual([path.name for path in self.world.iterdir() if path.name.startswith(".")], [])

    def test_refuses_what_is_no_pipeline(self):
        self.check_refused("model_index.json: No such file", self.world / "nowhere")
        (self.world / "empty").mkdir()
        self.check_refused("expected the directory of a StableDiffusionPipeline", self.world / "empty")

    def test_refuses_other_models_by_name(self):
        def xl(index):
            index["_class_name"] = "StableDiffusionXLPipeline"
        self.check_refused("Stable Diffusion XL has two text encoders", self.changed("model_index.json", xl))

    def test_refuses_what_a_bundle_has_no_place_for(self):
        cases = [
            ("text_encoder/config.json", "use_attention_mask", True, "padding is hidden"),
            ("scheduler/scheduler_config.json", "thresholding", True, "thresholding"),
            ("scheduler/scheduler_config.json", "beta_schedule", "sigmoid", "beta_schedule sigmoid is none of"),
            ("scheduler/scheduler_config.json", "_class_name", "FlowMatchEulerDiscreteScheduler",
             "is no scheduler of a diffusion with betas"),
        ]
        for name, key, value, expected in cases:
            with self.subTest(key):
                self.check_refused(expected, self.changed(name, lambda c, k=key, v=value: c.update({k: v})))

    def test_refuses_inpainting(self):
        unet = random_pipeline.make_unet(random_pipeline.SD1, random_pipeline.TINY)
        wider = UNet2DConditionModel.from_config({**unet.config, "in_channels": 9})
        copy = self.changed("model_index.json", lambda index: None)
        shutil.rmtree(copy / "unet")
        wider.save_pretrained(copy / "unet")
        self.check_refused("inpainting and editing models are not supported", copy)

    def test_refuses_added_words(self):
        copy = self.changed("model_index.json", lambda index: None)
        (copy / "tokenizer/added_tokens.json").write_text(json.dumps({"<my-cat>": 9999}))
        self.check_refused("<my-cat>", copy)

    def test_refuses_damaged_weights(self):
        copy = self.changed("model_index.json", lambda index: None)
        (copy / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"\0" * 100)
        self.check_refused("cannot be loaded", copy)

    def test_refuses_arguments(self):
        for more, expected in [(["--targets", "nothing"], "no layer of the UNet has such a name"),
                               (["--targets", "("], "--targets"),
                               (["--resolution", "30"], "multiples of 8"),
                               (["--resolution", "x"], "write 512, or 512x768"),
                               (["--lora-rank", "0"], "not greater than 0")]:
            with self.subTest(more):
                self.check_refused(expected, self.pipeline, *more)

    def test_replaces_nothing_silently(self):
        out = self.world / "there"
        export(self.pipeline, "--out", out)
        before = (out / "bundle.json").read_bytes()
        self.assertIn("--force", self.refused(self.pipeline, "--out", out))
        self.assertEqual((out / "bundle.json").read_bytes(), before)
        export(self.pipeline, "--out", out, "--force", "--resolution", "48x32")
        self.assertEqual(json.loads((out / "bundle.json").read_text())["image"]["height"], 48)
        mine = self.world / "mine"
        mine.mkdir()
        (mine / "notes.txt").write_text("mine")
        self.assertIn("no bundle", self.refused(self.pipeline, "--out", mine, "--force"))
        self.assertEqual((mine / "notes.txt").read_text(), "mine")

    def test_full(self):
        export(self.pipeline, "--out", self.world / "full", "--full")
        found = json.loads(run(LOOPLINE, "inspect", self.world / "full", "--json"))
        self.assertEqual(found["parameters_trainable"], found["parameters_total"])

    def test_half_precision_files(self):
        """Directories that hold the weights in float16 alone, as many downloads do."""
        half = self.world / "half"
        pipeline = StableDiffusionPipeline.from_pretrained(self.pipeline, safety_checker=None)
        pipeline.to(torch.float16).save_pretrained(half, variant="fp16")
        self.assertTrue(list(half.glob("unet/*.fp16.safetensors")))
        export(half, "--out", self.world / "from_half")
        self.assertIn("latent", run(LOOPLINE, "inspect", self.world / "from_half"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
