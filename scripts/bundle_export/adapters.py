"""Low-rank adapters (LoRA) by peft, with the scale in a buffer."""

import torch
from peft import LoraConfig
from peft.tuners.lora import Linear
from torch import nn

from .tracing import assert_equal_but_for_rounding

# The cross-attention of a diffusers UNet.
CROSS_ATTENTION = r".*\.attn2\.(to_q|to_k|to_v|to_out\.0)"
SCALE_BUFFERS = "*.lora_scale"


class ScaledLinear(Linear):
    """peft's adapted layer, base(x) + scale B(A(x)), under peft's names. Its scale, alpha / rank,
    is a number that a trace would bake in; here it is the buffer `lora_scale`: at 0 the network
    is the base."""

    def __init__(self, base_layer, adapter_name, config, **kwargs):
        super().__init__(base_layer, adapter_name, config=config, **kwargs)
        self.register_buffer("lora_scale", torch.tensor(config.lora_alpha / config.r))

    def forward(self, x):
        adapter, = self.active_adapters
        return self.base_layer(x) + self.lora_scale * self.lora_B[adapter](self.lora_A[adapter](x))


def add_adapters(unet, rank, alpha, seed, targets=CROSS_ATTENTION):
    """Adds adapters to the linear layers that `targets` names, and freezes all else. A is drawn
    from N(0, 1 / rank^2), as in diffusers' training scripts, and B is 0: the output is the base's."""
    config = LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian",
                        target_modules=targets)
    config._register_custom_module({nn.Linear: ScaledLinear})
    torch.manual_seed(seed)
    unet.add_adapter(config)


def set_scales(module, scale):
    """Every adapter's scale; 0 switches them off."""
    for name, buffer in module.named_buffers():
        if name.endswith(".lora_scale"):
            buffer.fill_(scale)


def check_scales(loaded, inputs, expected, scale):
    """The adapters do nothing at first and nothing at scale 0, and something once trained.
    Leaves `loaded` with random B, so that gradients reach A.

    `expected`: what the network without adapters gives for `inputs`."""
    with torch.no_grad():
        assert_equal_but_for_rounding(loaded(*inputs), expected)
        for name, parameter in loaded.named_parameters():
            if ".lora_B." in name:
                parameter.normal_()
        if torch.allclose(loaded(*inputs), expected, atol=1e-2):
            raise RuntimeError("the adapters have no effect")
        set_scales(loaded, 0)
        assert_equal_but_for_rounding(loaded(*inputs), expected)
        set_scales(loaded, scale)


def manifest_entry(rank, alpha):
    """`adapter` of bundle.json."""
    return {"kind": "lora", "rank": rank, "alpha": float(alpha), "scale_buffer": SCALE_BUFFERS}
