"""The noise schedule and the sampler of bundle.json, from scheduler_config.json.

Whatever sampler the pipeline came with, a bundle has DDIM with eta 1, whose transitions have a
density; what DDIM takes over is what `DDIMScheduler.from_config` takes over."""

from bundle_export.refusal import Refusal
from diffusers import DDIMScheduler
from diffusers.schedulers import KarrasDiffusionSchedulers

SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
STEPS, ETA, GUIDANCE = 50, 1.0, 5.0  # as DDPO trains Stable Diffusion


def refusals(config):
    """(refused?, why) of everything that would make samples differ from the pipeline's."""
    name = config.get("_class_name")
    known = [scheduler.name for scheduler in KarrasDiffusionSchedulers]
    yield name not in known, f"{name} is no scheduler of a diffusion with betas"
    yield config.get("use_flow_sigmas"), "use_flow_sigmas: a flow, which a bundle cannot hold"
    yield config.get("thresholding"), "thresholding: latents are thresholded by their own quantiles"
    schedule = config.get("beta_schedule")
    yield (config.get("trained_betas") is None and schedule not in SCHEDULES,
           f"beta_schedule {schedule} is none of {', '.join(SCHEDULES)}")


def ddim(config, path):
    """The DDIMScheduler of the pipeline. Latents are clamped only where its config says so."""
    for refused, why in refusals(config):
        if refused:
            raise Refusal(f"{path}: {why}")
    return DDIMScheduler.from_config({"clip_sample": False, **config})


def schedule_entry(config):
    """`schedule` of bundle.json."""
    entry = {"train_steps": config.num_train_timesteps}
    if config.trained_betas is not None:
        entry = {"kind": "betas", "betas": [float(beta) for beta in config.trained_betas], **entry}
    else:
        entry = {"kind": config.beta_schedule, **entry}
        if config.beta_schedule != "squaredcos_cap_v2":
            entry |= {"beta_start": config.beta_start, "beta_end": config.beta_end}
    if config.rescale_betas_zero_snr:
        entry["rescale_zero_terminal_snr"] = True
    return entry


def transition_entry(config):
    """`transition` of bundle.json. With linspace, diffusers' DDIM does not step to the timestep that it
    visits next, so such a pipeline is sampled with leading."""
    spacing = config.timestep_spacing
    return {"family": "ddim", "steps": STEPS, "eta": ETA,
            "spacing": "leading" if spacing == "linspace" else spacing,
            "steps_offset": config.steps_offset, "set_alpha_to_one": config.set_alpha_to_one,
            "clip_sample": config.clip_sample, "clip_sample_range": config.clip_sample_range,
            "min_sigma": 0.0, "last_step_noise": True, "guidance": GUIDANCE}
