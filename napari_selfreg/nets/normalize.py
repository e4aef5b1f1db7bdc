"""Scale maps to unit root mean square."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional


def unit_maps(feature: Tensor) -> Tensor:
    """Divide each map of ``(N, C, *spatial)`` by its root mean square over space.

    A map of zeros stays zero. Scale collapse no longer lowers a loss between such maps.
    """
    flat = functional.normalize(feature.flatten(2), dim=2)
    scaled: Tensor = flat * math.sqrt(flat.shape[2])
    return scaled.view_as(feature)
