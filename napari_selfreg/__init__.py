"""Self-regularized U-Nets for histology in napari."""

__version__ = "0.1.0"
