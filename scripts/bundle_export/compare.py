"""What was exported against the network it was made of, at other sizes and batches than traced."""

from dataclasses import dataclass

import torch

TOLERANCE = 1e-4  # of the largest value: float32, the same operations in another order


@dataclass
class Expected:
    """Inputs, and what a module of the original makes of them."""
    what: str
    inputs: tuple
    output: torch.Tensor


def expect(what, module, *inputs):
    with torch.no_grad():
        return Expected(f"{what}, {sizes(inputs[0])}", inputs, module(*inputs))


def sizes(tensor):
    return " x ".join(map(str, tensor.shape))


def compare(loaded, expected):
    """Prints the largest difference of each; too large a one is an error."""
    for case in expected:
        with torch.no_grad():
            found = loaded(*case.inputs)
        largest = case.output.abs().max().item()
        difference = (found - case.output).abs().max().item()
        print(f"  {case.what}: differs by {difference:.1e} in values up to {largest:.3g}", flush=True)
        if not difference <= TOLERANCE * largest:
            raise RuntimeError(f"{case.what}: what was exported is not the original")
