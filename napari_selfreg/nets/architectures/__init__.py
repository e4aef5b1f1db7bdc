"""The architectures this package brings, one per file, each with its taps."""
