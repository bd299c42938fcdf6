"""TorchScript files, each checked for what a trace silently bakes in."""

import warnings

import torch


def constants(graph):
    """All prim::Constant nodes of a graph, nested blocks included."""
    blocks = [graph]
    while blocks:
        for node in blocks.pop().nodes():
            if node.kind() == "prim::Constant":
                yield node
            blocks += list(node.blocks())


def baked_devices(method):
    """Constants that would keep a traced method from running on another device: devices, and
    tensors with dimensions (PyTorch lets a 0-dimensional CPU tensor meet any device).

    The inlined graph contains the code of every submodule and function.
    """
    found = []
    for node in constants(method.inlined_graph):
        value = node.output().toIValue()
        if isinstance(value, torch.device) or str(node.output().type()) == "Device":
            found.append(str(node).strip())
        if isinstance(value, torch.Tensor) and value.dim() > 0:
            found.append(str(node).strip())
    return found


def require_no_baked_devices(loaded, methods, path):
    for name in methods:
        baked = baked_devices(getattr(loaded, name))
        if baked:
            raise RuntimeError(f"{path.name}, {name}, has baked devices:\n" + "\n".join(baked))


def assert_equal_but_for_rounding(found, expected):
    """Within 1e-4 of the largest value: float32 through a deep network, in another order of sums."""
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 * expected.abs().max().item())


def assert_rows_independent(function, inputs):
    """A batch equals its rows run alone: no baked batch size, no shared timestep."""
    with torch.no_grad():
        together = function(*inputs)
        for i in range(len(together)):
            alone = function(*(x[i:i + 1] for x in inputs))
            assert_equal_but_for_rounding(together[i:i + 1], alone)


def assert_parameters_kept(traced, module):
    """Names, values and requires_grad of a trace are those of the network."""
    expected, found = dict(module.named_parameters()), dict(traced.named_parameters())
    if list(expected) != list(found):
        raise RuntimeError("the trace's parameter names differ from the network's")
    for name, parameter in found.items():
        same = torch.equal(parameter, expected[name])
        if not same or parameter.requires_grad != expected[name].requires_grad:
            raise RuntimeError(f"the trace changed {name}")


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


def trace(module, example, other, path, methods=None):
    """Traces `module` on `example`, checks it on `other` (another batch size) after a round trip
    through the file, and returns the loaded module.

    `methods`: further methods to trace beside forward, their names with example inputs.
    """
    module.eval()
    with torch.no_grad(), warnings.catch_warnings():
        # The branches that the tracer warns of depend on fixed channel counts and on sizes far
        # from ours; the checks below would notice a wrong one.
        warnings.simplefilter("ignore")
        inputs = {"forward": example, **(methods or {})}
        # check_trace traces again on the same inputs, which shows less than the checks below.
        torch.jit.save(torch.jit.trace_module(module, inputs, check_trace=False), path)
    drop_debug_records(path)
    loaded = torch.jit.load(path)
    require_no_baked_devices(loaded, inputs, path)
    with torch.no_grad():
        assert_equal_but_for_rounding(loaded(*other), module(*other))
    assert_rows_independent(loaded, other)
    return loaded
