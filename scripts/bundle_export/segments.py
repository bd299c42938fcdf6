"""A diffusers UNet cut into segments: methods of the traced module that, one after the other, are
its forward. A trainer can then keep their arguments alone and recompute the rest in backward."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from types import MethodType

import torch
from diffusers.models.unets import unet_2d_blocks as blocks

from .tracing import assert_equal_but_for_rounding

LAYERED_DOWN = (blocks.DownBlock2D, blocks.CrossAttnDownBlock2D)
LAYERED_MID = (blocks.UNetMidBlock2DCrossAttn,)
LAYERED_UP = (blocks.UpBlock2D, blocks.CrossAttnUpBlock2D)


@dataclass(frozen=True)
class Step:
    """A part of the network: makes the values numbered `writes` of those numbered `reads`."""
    run: Callable
    reads: tuple
    writes: tuple

    def __call__(self, values):
        made = self.run(*(values[i] for i in self.reads))
        values.update(zip(self.writes, made if isinstance(made, tuple) else (made,)))


class Program:
    """Steps in order. Every value has its number: the arguments of forward come first, and each
    is made once."""

    def __init__(self, arguments):
        self.steps, self.arguments, self.values = [], tuple(range(arguments)), arguments

    def add(self, run, *reads, outputs=1):
        """The number of the step's output, or the numbers of its outputs."""
        writes = tuple(range(self.values, self.values + outputs))
        self.values += outputs
        self.steps.append(Step(run, reads, writes))
        return writes if outputs > 1 else writes[0]

    def crossing(self, position):
        """What the steps from `position` on need of what was there before."""
        if position == 0:
            return self.arguments
        if position == len(self.steps):
            return self.steps[-1].writes
        made = set(self.arguments).union(*(step.writes for step in self.steps[:position]))
        read = set().union(*(step.reads for step in self.steps[position:]))
        return tuple(sorted(made & read))


def attend(attention):
    return lambda hidden, text: attention(hidden, encoder_hidden_states=text, return_dict=False)[0]


def texts_of(block, text):
    """The reads that only a block with cross-attention has."""
    return (text,) if getattr(block, "has_cross_attention", False) else ()


def named(texts):
    return {"encoder_hidden_states": texts[0]} if texts else {}


def add_down(program, block, hidden, emb, text):
    """Steps of a down block; its output, and the values that skip to the up blocks."""
    if type(block) not in LAYERED_DOWN:
        def run(hidden, emb, *texts):
            return block(hidden_states=hidden, temb=emb, **named(texts))[1]
        count = len(block.resnets) + bool(block.downsamplers)
        made = program.add(run, hidden, emb, *texts_of(block, text), outputs=count)
        skips = made if count > 1 else (made,)
        return skips[-1], skips
    skips = []
    for resnet, attention in zip_longest(block.resnets, getattr(block, "attentions", ())):
        hidden = program.add(resnet, hidden, emb)
        if attention is not None:
            hidden = program.add(attend(attention), hidden, text)
        skips.append(hidden)
    for downsampler in block.downsamplers or ():
        hidden = program.add(downsampler, hidden)
        skips.append(hidden)
    return hidden, skips


def add_mid(program, block, hidden, emb, text):
    if type(block) not in LAYERED_MID:
        def run(hidden, emb, *texts):
            return block(hidden, emb, **named(texts))
        return program.add(run, hidden, emb, *texts_of(block, text))
    hidden = program.add(block.resnets[0], hidden, emb)
    for attention, resnet in zip(block.attentions, block.resnets[1:]):
        hidden = program.add(attend(attention), hidden, text)
        hidden = program.add(resnet, hidden, emb)
    return hidden


def add_up(program, block, hidden, skips, emb, text):
    """`skips`: those of this block, the one it takes first at the end."""
    if type(block) not in LAYERED_UP:
        def run(hidden, emb, *rest):
            return block(hidden_states=hidden, temb=emb, **named(rest[len(skips):]),
                         res_hidden_states_tuple=rest[:len(skips)])
        return program.add(run, hidden, emb, *skips, *texts_of(block, text))

    def joined(resnet):
        return lambda hidden, skip, emb: resnet(torch.cat([hidden, skip], dim=1), emb)
    for resnet, attention, skip in zip_longest(block.resnets, getattr(block, "attentions", ()),
                                               reversed(skips)):
        hidden = program.add(joined(resnet), hidden, skip, emb)
        if attention is not None:
            hidden = program.add(attend(attention), hidden, text)
    for upsampler in block.upsamplers or ():
        hidden = program.add(upsampler, hidden)
    return hidden


def unet_program(unet):
    """The forward of a UNet2DConditionModel called with (latents, timestep, text), layer by layer;
    blocks of other kinds than Stable Diffusion's are one step each. What is traced is compared with
    the network's own forward (check_segments)."""
    program = Program(3)
    latents, timestep, text = program.arguments

    def embed_time(latents, timestep):
        emb = unet.time_embedding(unet.get_time_embed(sample=latents, timestep=timestep))
        return emb if unet.time_embed_act is None else unet.time_embed_act(emb)
    emb = program.add(embed_time, latents, timestep)
    hidden = program.add(unet.conv_in, latents)
    skips = [hidden]
    for block in unet.down_blocks:
        hidden, more = add_down(program, block, hidden, emb, text)
        skips += more
    if unet.mid_block is not None:
        hidden = add_mid(program, unet.mid_block, hidden, emb, text)
    for block in unet.up_blocks:
        own = len(block.resnets)
        hidden = add_up(program, block, hidden, tuple(skips[-own:]), emb, text)
        del skips[-own:]

    def finish(hidden):
        if unet.conv_norm_out:
            hidden = unet.conv_act(unet.conv_norm_out(hidden))
        return unet.conv_out(hidden)
    program.add(finish, hidden)
    return program


def measure(program, inputs, parameters):
    """Bytes that backward keeps of each step, and bytes of every value, with gradients reaching all
    steps, whatever is trained later. A tensor that several steps keep counts for the first,
    parameters and inputs for none."""
    inputs = [x.detach().requires_grad_() if x.is_floating_point() else x for x in inputs]
    values = dict(zip(program.arguments, inputs))
    seen = {x.untyped_storage().data_ptr() for x in [*parameters, *inputs]}
    alive, kept = [], []  # `alive`: no storage is freed, so addresses tell them apart

    def pack(tensor):
        alive.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            kept[-1] += storage.nbytes()
        return tensor
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        for step in program.steps:
            kept.append(0)
            step(values)
    return kept, {i: x.untyped_storage().nbytes() for i, x in values.items()}


def greedy_cuts(kept, limit):
    """Positions of the first steps of segments that each keep at most `limit` (or are one step)."""
    cuts, size = [], 0
    for position, bytes_of_step in enumerate(kept):
        if position and size + bytes_of_step > limit:
            cuts.append(position)
            size = 0
        size += bytes_of_step
    return cuts


def best_cuts(program, kept, sizes):
    """Where to cut for the lowest peak in a recomputing backward: what crosses the cuts, and the
    largest segment. Of equal ones the fewest cuts."""
    def peak(cuts):
        crossing = set().union(*(program.crossing(i) for i in cuts)) - set(program.arguments)
        starts, ends = [0, *cuts], [*cuts, len(kept)]
        return sum(sizes[i] for i in crossing) + max(
            sum(kept[start:end]) for start, end in zip(starts, ends))
    limits = {total for i in range(len(kept)) for total in accumulate(kept[i:])}
    candidates = [cuts for cuts in (greedy_cuts(kept, limit) for limit in limits) if cuts]
    return min(candidates, key=lambda cuts: (peak(cuts), len(cuts)))


def as_method(steps, inputs, outputs):
    """One segment, to be bound to the network (tracing wants methods)."""
    def segment(_, *tensors):
        values = dict(zip(inputs, tensors))
        for step in steps:
            step(values)
        made = tuple(values[i] for i in outputs)
        return made if len(made) > 1 else made[0]
    return segment


def add_segments(unet, inputs):
    """Gives `unet` the methods segment_0, segment_1, ... Returns their names with example inputs,
    for tracing."""
    program = unet_program(unet)
    cuts = best_cuts(program, *measure(program, inputs, unet.parameters()))
    examples = {}
    for i, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(program.steps)])):
        segment = MethodType(as_method(program.steps[start:end], program.crossing(start),
                                       program.crossing(end)), unet)
        name = f"segment_{i}"
        setattr(unet, name, segment)
        examples[name] = inputs
        with torch.no_grad():
            made = segment(*inputs)
        inputs = made if isinstance(made, tuple) else (made,)
    return examples


def chain(module, names):
    """The segments, one after the other, as one function."""
    def run(*tensors):
        for name in names:
            made = getattr(module, name)(*tensors)
            tensors = made if isinstance(made, tuple) else (made,)
        return tensors[0]
    return run


def gradients(function, inputs, parameters):
    """Of a sum with unequal weights over the output, for `parameters` and the first input."""
    latents = inputs[0].detach().requires_grad_()
    output = function(latents, *inputs[1:])
    weights = torch.linspace(-1, 1, output.numel(), device=output.device).view_as(output)
    return torch.autograd.grad((output * weights).sum(), [latents, *parameters])


def check_segments(loaded, names, inputs):
    """The loaded segments give what the loaded forward gives, and the same gradients."""
    run = chain(loaded, names)
    with torch.no_grad():
        assert_equal_but_for_rounding(run(*inputs), loaded(*inputs))
    trained = [p for p in loaded.parameters() if p.requires_grad]
    for found, expected in zip(gradients(run, inputs, trained), gradients(loaded, inputs, trained)):
        assert_equal_but_for_rounding(found, expected)
