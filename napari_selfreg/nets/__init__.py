"""Tensors in, tensors out: architectures, taps, regularizers and losses."""
