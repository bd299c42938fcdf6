"""What any exporter of a diffusers network to a Loopline bundle needs: tracing with checks,
low-rank adapters, segments for recomputation. Knows nothing of a particular model."""
