"""One DDPO update in C++ against the same in Python: diffusers' pipeline, its DDIMScheduler, peft's
adapters, torch's AdamW; nothing of Loopline's own Python.

    ddpo_update_test.py LOOPLINE DUMP_DDPO_UPDATE SOURCE_DIR [TEST]...

Runs in the environment of the export scripts, SOURCE_DIR/.deps/export; without it the exit status is
77, skipped."""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

import export_environment

LOOPLINE, DUMP, SOURCE = (pathlib.Path(path).resolve() for path in sys.argv[1:4])
export_environment.enter(SOURCE)

import random_pipeline  # noqa: E402
import torch  # noqa: E402
from diffusers import DDIMScheduler, StableDiffusionPipeline  # noqa: E402
from peft import LoraConfig  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

STEPS, COPIES, CLIP, LEARNING_RATE = 5, 2, 0.02, 1e-3
RANK, ALPHA = 4, 6
TARGETS = r".*\.(to_q|to_k|to_v|to_out\.0)"
PROMPTS = [{"text": "a photo of a cat"}, {"text": "the red dog, riding a blue horse", "negative": "green"},
           {"text": ""}]


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Peer:
    """The pipeline with adapters: the same update, step by step."""

    def __init__(self, directory, guidance):
        self.pipeline = StableDiffusionPipeline.from_pretrained(directory)
        self.unet, self.guidance = self.pipeline.unet.requires_grad_(False), guidance
        self.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS))
        # Published configs of 1.x say so beside PNDM's own options; DDIM alone would clip.
        self.scheduler = DDIMScheduler.from_config(self.pipeline.scheduler.config, clip_sample=False)
        self.scheduler.set_timesteps(STEPS)
        texts = [p["text"] for p in PROMPTS for _ in range(COPIES)]
        negative = [p.get("negative", "") for p in PROMPTS for _ in range(COPIES)]
        with torch.no_grad():
            self.text, self.no_text = self.pipeline.encode_prompt(texts, "cpu", 1, True, negative)
        self.trained = {name: p for name, p in self.unet.named_parameters() if p.requires_grad}

    def set_adapters(self, dump, prefix):
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(dump[prefix + name])

    def output(self, latents, t):
        """Guided, the two branches apart."""
        conditional = self.unet(latents, t, self.text).sample
        if self.guidance == 1:
            return conditional
        unconditional = self.unet(latents, t, self.no_text).sample
        return unconditional + self.guidance * (conditional - unconditional)

    def step(self, latents, t, noise):
        return self.scheduler.step(self.output(latents, t), t, latents, eta=1.0,
                                   variance_noise=noise).prev_sample

    def sigma(self, t):
        before = t - self.scheduler.config.num_train_timesteps // STEPS
        return math.sqrt(self.scheduler._get_variance(t, before))

    def log_prob(self, latents, t, after):
        """The mean over the elements of the transition's log-density."""
        mean = self.step(latents, t, torch.zeros_like(latents))
        normal = torch.distributions.Normal(mean, self.sigma(t))
        return normal.log_prob(after).mean(dim=(1, 2, 3))

    def sample(self, noise):
        path = [noise[:, 0]]
        with torch.no_grad():
            for i, t in enumerate(self.scheduler.timesteps):
                path.append(self.step(path[-1], t, noise[:, i + 1]))
        return torch.stack(path, dim=1)

    def log_probs(self, path):
        return torch.stack([self.log_prob(path[:, i], t, path[:, i + 1])
                            for i, t in enumerate(self.scheduler.timesteps)], dim=1)

    def images(self, latents):
        with torch.no_grad():
            made = self.pipeline.vae.decode(latents / self.pipeline.vae.config.scaling_factor).sample
        return (made / 2 + 0.5).clamp(0, 1)

    def learn(self, path, old, advantage):
        """Of one minibatch with all pairs: the loss and the shares of clipped pairs."""
        optimizer = torch.optim.AdamW(self.trained.values(), lr=LEARNING_RATE, weight_decay=1e-4)
        ratio = torch.exp(self.log_probs(path) - old)
        gain = advantage.float()[:, None].expand_as(ratio)
        losses = torch.maximum(-gain * ratio, -gain * ratio.clamp(1 - CLIP, 1 + CLIP))
        losses.mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        optimizer.step()
        high = ((gain > 0) & (ratio > 1 + CLIP)).float().mean()
        low = ((gain < 0) & (ratio < 1 - CLIP)).float().mean()
        return losses.mean().item(), high.item(), low.item(), norm.item()


class DdpoUpdate(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.world = pathlib.Path(directory.name)
        (self.world / "prompts.jsonl").write_text("".join(json.dumps(p) + "\n" for p in PROMPTS))

    def close(self, what, found, expected, tolerance):
        """`tolerance`: of the largest expected value. float32 through a UNet, other sums."""
        largest = expected.abs().max().item()
        difference = (found - expected).abs().max().item()
        print(f"  {what}: {difference:.1e} of {largest:.3g}", flush=True)
        self.assertLessEqual(difference, tolerance * largest, what)

    def export(self, version):
        random_pipeline.write(version, self.world / version)
        print(run(sys.executable, SOURCE / "scripts/export_diffusion.py", self.world / version,
                  "--out", self.world / "bundle", "--lora-rank", RANK, "--lora-alpha", ALPHA,
                  "--threads", 1))

    def check(self, version, guidance):
        print(f"{version}, guidance {guidance}", flush=True)
        run(DUMP, self.world / "bundle", self.world / "prompts.jsonl", STEPS, guidance,
            self.world / "dump.safetensors")
        dump = load_file(self.world / "dump.safetensors")
        peer = Peer(self.world / version, guidance)
        self.assertEqual(set(peer.trained), {name[len("before."):] for name in dump
                                             if name.startswith("before.")})
        peer.set_adapters(dump, "sampled.")
        self.close("latents", dump["latents"], peer.sample(dump["noise"]), 2e-5)
        self.close("images", dump["images"], peer.images(dump["latents"][:, -1]), 2e-5)
        path = dump["latents"]
        with torch.no_grad():
            # sigma multiplies what is left of a cancellation: the density is the least exact.
            self.close("log-probabilities", dump["log_prob"], peer.log_probs(path), 1e-4)
        peer.set_adapters(dump, "before.")
        with torch.no_grad():
            moved = peer.log_probs(path)
        self.close("log-probabilities, moved", dump["log_prob_before"], moved, 1e-4)
        self.close("ratios", torch.exp(dump["log_prob_before"] - dump["log_prob"]),
                   torch.exp(moved - dump["log_prob"]), 1e-4)
        loss, high, low, norm = peer.learn(path, dump["log_prob"], dump["advantage"])
        found = dump["statistics"].tolist()
        self.close("loss", torch.tensor(found[0]), torch.tensor(loss, dtype=torch.double), 1e-4)
        pairs = path.shape[0] * STEPS
        self.assertEqual([round(share * pairs) for share in found[1:3]],
                         [round(share * pairs) for share in (high, low)], "clipped pairs")
        self.assertGreater(high + low, 0, "some pairs are clipped")
        self.assertLess(high + low, 1, "some pairs are not")
        self.close("gradient norm", torch.tensor(found[4]), torch.tensor(norm, dtype=torch.double), 1e-3)
        self.check_adapters(dump, peer)

    def check_adapters(self, dump, peer):
        """Every adapter's gradient, and the weights after AdamW, whose first step is a sign where the
        gradient is large against eps."""
        worst_gradient = worst_step = 0.0
        for name, parameter in peer.trained.items():
            largest = parameter.grad.abs().max().item()
            self.assertGreater(largest, 0, name)
            worst_gradient = max(worst_gradient,
                                 (dump["gradient." + name] - parameter.grad).abs().max().item() / largest)
            clear = parameter.grad.abs() > 1e-3 * largest
            moved = (dump["after." + name] - parameter.detach()).abs()[clear].max().item()
            worst_step = max(worst_step, moved / LEARNING_RATE)
        print(f"  gradients of {len(peer.trained)} adapters: {worst_gradient:.1e} of each one's largest")
        print(f"  weights after AdamW: {worst_step:.1e} of a step", flush=True)
        self.assertLessEqual(worst_gradient, 1e-3)
        self.assertLessEqual(worst_step, 1e-2)

    def test_epsilon(self):
        self.export("sd1")
        for guidance in (1, 5):
            self.check("sd1", guidance)

    def test_v_prediction(self):
        self.export("sd2")
        for guidance in (1, 5):
            self.check("sd2", guidance)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
