"""TorchScript files of the bundle, each checked for what a trace silently bakes in."""

import warnings

import torch
from diffusers import UNet2DConditionModel
from torch import nn
from torch.nn import functional

from .networks import LATENT_SHAPE, TEXT_WIDTH, make_unet
from .prompts import LENGTH, VOCABULARY
from .scenes import FOLD, HEIGHT, WIDTH


class PlainUNet(UNet2DConditionModel):
    """The diffusers network returning its tensor; a subclass, so that parameter names stay
    those of the diffusers state dict."""

    def forward(self, latents, timestep, encoder_hidden_states):
        return super().forward(latents, timestep, encoder_hidden_states, return_dict=False)[0]


class Decoder(nn.Module):
    """Latents [N,12,8,16] to images [N,3,16,32], both in [-1,1]."""

    def forward(self, latents):
        return functional.pixel_shuffle(latents, FOLD)


def constants(graph):
    """All prim::Constant nodes of a graph, nested blocks included."""
    blocks = [graph]
    while blocks:
        for node in blocks.pop().nodes():
            if node.kind() == "prim::Constant":
                yield node
            blocks += list(node.blocks())


def baked_devices(module):
    """Constants that would keep a traced module from running on another device: devices, and
    tensors with dimensions (PyTorch lets a 0-dimensional CPU tensor meet any device).

    The inlined graph contains the code of every submodule and function.
    """
    found = []
    for node in constants(module.inlined_graph):
        value = node.output().toIValue()
        if isinstance(value, torch.device) or str(node.output().type()) == "Device":
            found.append(str(node).strip())
        if isinstance(value, torch.Tensor) and value.dim() > 0:
            found.append(str(node).strip())
    return found


def assert_rows_independent(module, inputs):
    """A batch equals its rows run alone: no baked batch size, no shared timestep."""
    with torch.no_grad():
        together = module(*inputs)
        for i in range(len(together)):
            alone = module(*(x[i:i + 1] for x in inputs))
            torch.testing.assert_close(together[i:i + 1], alone, rtol=1e-4, atol=1e-5)


def drop_debug_records(path):
    """Rewrites an archive without its source locations, which name directories of the machine
    it was made on. The writer adds the version and the records under .data itself."""
    reader = torch._C.PyTorchFileReader(str(path))
    beside = path.with_suffix(".stripped") / path.name  # the file's name is the archive's
    beside.parent.mkdir()
    writer = torch._C.PyTorchFileWriter(str(beside))
    version = ".data/version" if reader.has_record(".data/version") else "version"
    writer.set_min_version(int(reader.get_record(version)))
    for name in reader.get_all_records():
        if not name.endswith(".debug_pkl") and not name.startswith((".data/", "version")):
            data = reader.get_record(name)
            writer.write_record(name, data, len(data))
    writer.write_end_of_file()
    beside.replace(path)
    beside.parent.rmdir()


def trace(module, example, other, path):
    """Traces `module` on `example`, checks it on `other` (another batch size) after a round trip
    through the file, and returns the loaded module."""
    module.eval()
    with torch.no_grad(), warnings.catch_warnings():
        # The branches that the tracer warns of depend on fixed channel counts and on sizes far
        # from ours; the checks below would notice a wrong one.
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(module, example), path)
    drop_debug_records(path)
    loaded = torch.jit.load(path)
    baked = baked_devices(loaded)
    if baked:
        raise RuntimeError(f"{path.name} has baked devices:\n" + "\n".join(baked))
    with torch.no_grad():
        torch.testing.assert_close(loaded(*other), module(*other), rtol=1e-4, atol=1e-5)
    assert_rows_independent(loaded, other)
    return loaded


def denoiser_inputs(n):
    """Random inputs of the denoiser with mixed timesteps."""
    return (torch.randn(n, *LATENT_SHAPE), torch.randint(1000, (n,)),
            torch.randn(n, LENGTH, TEXT_WIDTH))


def token_inputs(n):
    """Random ids [N,8]."""
    return torch.randint(len(VOCABULARY), (n, LENGTH))


def assert_parameters_kept(traced, unet):
    """Names, values and requires_grad of the trace are those of the diffusers network."""
    expected, found = dict(unet.named_parameters()), dict(traced.named_parameters())
    if list(expected) != list(found):
        raise RuntimeError("the traced denoiser's parameter names differ from diffusers'")
    for name, parameter in found.items():
        if not parameter.requires_grad or not torch.equal(parameter, expected[name]):
            raise RuntimeError(f"the traced denoiser changed {name}")


def export_model(model, out):
    """Writes denoiser.ts, text_encoder.ts and decoder.ts."""
    unet = make_unet(PlainUNet)
    unet.load_state_dict(model.unet.state_dict())
    traced = trace(unet, denoiser_inputs(2), denoiser_inputs(5), out / "denoiser.ts")
    assert_parameters_kept(traced, model.unet)
    trace(model.text_encoder, (token_inputs(2),), (token_inputs(5),), out / "text_encoder.ts")
    latents = torch.rand(5, *LATENT_SHAPE) * 2 - 1
    trace(Decoder(), (latents[:2],), (latents,), out / "decoder.ts")


def export_reward(module, path):
    """Writes a judge's model.ts: (images [N,3,16,32], ids [N,8]) -> [N,C]."""
    def inputs(n):
        return torch.rand(n, 3, HEIGHT, WIDTH), token_inputs(n)
    path.parent.mkdir(parents=True, exist_ok=True)
    trace(module, inputs(2), inputs(5), path)
