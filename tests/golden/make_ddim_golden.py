"""Writes ddim.json: denoising paths computed by diffusers' own DDIMScheduler, for tests/diffusion.

A case is a schedule, a prediction type, an eta, clipping on or off and a timestep spacing. Its path
starts at `initial` and takes the same network outputs and noises as every other case (rows 0, 1, ...
of `outputs` and `noises`), so only latents are stored per case.

The arithmetic is diffusers' own in double precision: its module sees a torch whose float32 is
float64. In fp32 its steps near the ends of a schedule are off by up to 2e-4, which would hide small
mistakes, and at a cumulative alpha of nearly zero with eta 1 it returns NaN.

Needs diffusers 0.42.1: scripts/export_env python tests/golden/make_ddim_golden.py
"""

import itertools
import json
import pathlib

import diffusers
import numpy
import torch
from diffusers import DDIMScheduler
from diffusers.schedulers import scheduling_ddim

ELEMENTS = 4  # a latent is 2 x 1 x 2
LONGEST = 8
BETAS = [0.01, 0.02, 0.04, 0.03, 0.08, 0.1, 0.12, 0.2]


class DoubleTorch:
    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def schedules():
    """Our fields and the arguments of DDIMScheduler; one long and one short schedule of each kind."""
    for train_steps, start, end in ((1000, 0.00085, 0.012), (8, 0.05, 0.4)):
        size = {"num_train_timesteps": train_steps}
        line = {"beta_start": start, "beta_end": end}
        for kind in ("linear", "scaled_linear"):
            yield {"kind": kind, "train_steps": train_steps, **line}, {
                **size, **line, "beta_schedule": kind}
        yield {"kind": "squaredcos_cap_v2", "train_steps": train_steps}, {
            **size, "beta_schedule": "squaredcos_cap_v2"}
    yield {"kind": "betas", "train_steps": 8, "betas": BETAS}, {
        "num_train_timesteps": 8, "trained_betas": BETAS}


def transitions(train_steps):
    """steps, spacing, offset, set_alpha_to_one: combinations in which t - train_steps // steps is
    the next visited timestep."""
    if train_steps == 8:
        yield 8, "linspace", 0, True
        yield 4, "trailing", 0, True
        yield 4, "leading", 0, False
    else:
        yield 5, "leading", 1, False
        yield 7, "leading", 0, True
        yield 5, "trailing", 0, True


def path(case, arguments, outputs, noises, initial):
    scheduler = DDIMScheduler(
        **arguments,
        prediction_type=case["prediction_type"],
        timestep_spacing=case["spacing"],
        steps_offset=case["steps_offset"],
        set_alpha_to_one=case["set_alpha_to_one"],
        clip_sample=case["clip_sample"],
        clip_sample_range=case["clip_sample_range"],
        rescale_betas_zero_snr=case["schedule"].get("rescale_zero_terminal_snr", False),
    )
    scheduler.set_timesteps(case["steps"])
    latents = [initial]
    for i, t in enumerate(scheduler.timesteps):
        latents.append(
            scheduler.step(
                outputs[i], t, latents[-1], eta=case["eta"], variance_noise=noises[i],
                use_clipped_model_output=case["clip_sample"],
            ).prev_sample)
    return scheduler.timesteps.tolist(), torch.stack(latents)


def as_stored(values):
    """What the test will read, so that both sides start from the same numbers."""
    return torch.tensor(numpy.float32(values), dtype=torch.float64)


def numbers(tensor):
    """Nine digits, as many as an fp32 value needs."""
    assert torch.isfinite(tensor).all()
    return [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


def main():
    scheduling_ddim.torch = DoubleTorch()
    random = numpy.random.default_rng(7)
    outputs = as_stored(random.standard_normal((LONGEST, ELEMENTS)))
    noises = as_stored(random.standard_normal((LONGEST, ELEMENTS)))
    initial = as_stored(random.standard_normal(ELEMENTS))

    cases = []
    for (schedule, arguments), prediction, zero_snr in itertools.product(
            schedules(), ("epsilon", "v_prediction", "sample"), (False, True)):
        # Betas of the explicit list stay as they are; epsilon has no x0 at zero SNR.
        if zero_snr and (prediction == "epsilon" or schedule["kind"] != "scaled_linear"):
            continue
        for (steps, spacing, offset, to_one), eta, clip in itertools.product(
                transitions(schedule["train_steps"]), (0.0, 0.5, 1.0), (None, 0.9)):
            case = {
                "schedule": {**schedule, **({"rescale_zero_terminal_snr": True} if zero_snr else {})},
                "prediction_type": prediction,
                "steps": steps, "spacing": spacing, "steps_offset": offset,
                "set_alpha_to_one": to_one, "eta": eta,
                "clip_sample": clip is not None, "clip_sample_range": clip or 1.0,
            }
            timesteps, latents = path(case, arguments, outputs, noises, initial)
            cases.append({**case, "timesteps": timesteps, "latents": numbers(latents)})

    golden = {
        "written_by": f"tests/golden/make_ddim_golden.py, diffusers {diffusers.__version__}",
        "shape": [2, 1, 2],
        "initial": numbers(initial), "outputs": numbers(outputs), "noises": numbers(noises),
    }
    head = json.dumps(golden, separators=(",", ":"))[:-1]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    target = pathlib.Path(__file__).with_name("ddim.json")
    target.write_text(f'{head},"cases":[\n{lines}\n]}}\n')
    print(f"{len(cases)} cases, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
