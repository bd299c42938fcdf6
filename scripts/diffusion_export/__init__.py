"""A Stable Diffusion pipeline in diffusers' directory layout becomes a Loopline bundle."""
