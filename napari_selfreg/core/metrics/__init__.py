"""How well a segmentation agrees with the truth: by pixels and by objects.

Every metric is ``f(prediction, truth) -> float`` on two maps of one shape; nonzero is foreground,
ids are objects. Those of surfaces take the size of a voxel as well.
"""

from __future__ import annotations

from napari_selfreg.core.metrics.glas import object_dice, object_f1
from napari_selfreg.core.metrics.hausdorff import object_hausdorff
from napari_selfreg.core.metrics.nuclei import aji, pq
from napari_selfreg.core.metrics.overlap import dice, iou
from napari_selfreg.core.metrics.surface import hd95, surface_dice

__all__ = [
    "aji",
    "dice",
    "hd95",
    "iou",
    "object_dice",
    "object_f1",
    "object_hausdorff",
    "pq",
    "surface_dice",
]
