"""Volumes as arrays: intensities, sizes of voxels, and what their classes measure."""
