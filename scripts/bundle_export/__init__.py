"""What the exporters to Loopline bundles share: tracing with checks, comparison with the original,
low-rank adapters, segments for recomputation, command lines. Knows nothing of a particular model."""
