"""Self-regularized U-Nets for histology in napari.

The jobs of the shell as Python functions; a job is a generator of events, `run` gives its result:

>>> from napari_selfreg import SegmentRequest, run, segment
>>> result = run(segment(SegmentRequest("field.png", "glands", "results")))
>>> result["objects"], result["outputs"]["measurements"]

Everything is imported on first use: importing the package loads neither torch nor napari.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_selfreg.core.errors import SelfRegError
    from napari_selfreg.core.types import PixelSize
    from napari_selfreg.engine.bundles import Model, load_model, save_bundle
    from napari_selfreg.engine.compare import CompareRequest, compare
    from napari_selfreg.engine.evaluate import EvaluateRequest, evaluate
    from napari_selfreg.engine.events import run
    from napari_selfreg.engine.features import FeaturesRequest, features
    from napari_selfreg.engine.finetune import (
        FinetuneField,
        FinetuneRequest,
        FinetuneVolume,
        finetune,
    )
    from napari_selfreg.engine.finetune_files import corrected_fields
    from napari_selfreg.engine.inside import look
    from napari_selfreg.engine.inside_types import InsideRequest
    from napari_selfreg.engine.predict import PredictRequest, predict
    from napari_selfreg.engine.recipe import load_recipe
    from napari_selfreg.engine.segment import SegmentRequest, segment
    from napari_selfreg.engine.train import TrainRequest, train
    from napari_selfreg.engine.volume.finetune import corrected_volumes
    from napari_selfreg.engine.volume.predict import VolumePredictRequest, predict_volume
    from napari_selfreg.engine.volume.recipe import load_any_recipe
    from napari_selfreg.engine.volume.train import VolumeTrainRequest, train_volumes
    from napari_selfreg.io.card import Card
    from napari_selfreg.nets.registry import architectures, build_network
    from napari_selfreg.nets.regularization import Regularization
    from napari_selfreg.nets.selfreg import SelfRegularization
    from napari_selfreg.nets.tapspec import Tap, TapSpec
    from napari_selfreg.widgets.inside.opening import look_inside

__version__ = "0.1.0"

__all__ = [
    "Card",
    "CompareRequest",
    "EvaluateRequest",
    "FeaturesRequest",
    "FinetuneField",
    "FinetuneRequest",
    "FinetuneVolume",
    "InsideRequest",
    "Model",
    "PixelSize",
    "PredictRequest",
    "Regularization",
    "SegmentRequest",
    "SelfRegError",
    "SelfRegularization",
    "Tap",
    "TapSpec",
    "TrainRequest",
    "VolumePredictRequest",
    "VolumeTrainRequest",
    "architectures",
    "build_network",
    "compare",
    "corrected_fields",
    "corrected_volumes",
    "evaluate",
    "features",
    "finetune",
    "load_any_recipe",
    "load_model",
    "load_recipe",
    "look",
    "look_inside",
    "predict",
    "predict_volume",
    "run",
    "save_bundle",
    "segment",
    "train",
    "train_volumes",
]

_HOMES = {
    "Card": "io.card",
    "CompareRequest": "engine.compare",
    "EvaluateRequest": "engine.evaluate",
    "FeaturesRequest": "engine.features",
    "FinetuneField": "engine.finetune_types",
    "FinetuneRequest": "engine.finetune_types",
    "FinetuneVolume": "engine.finetune_types",
    "InsideRequest": "engine.inside_types",
    "Model": "engine.bundles",
    "PixelSize": "core.types",
    "PredictRequest": "engine.predict",
    "Regularization": "nets.regularization",
    "SegmentRequest": "engine.segment",
    "SelfRegError": "core.errors",
    "SelfRegularization": "nets.selfreg",
    "Tap": "nets.tapspec",
    "TapSpec": "nets.tapspec",
    "TrainRequest": "engine.train",
    "VolumePredictRequest": "engine.volume.predict",
    "VolumeTrainRequest": "engine.volume.train",
    "architectures": "nets.registry",
    "build_network": "nets.registry",
    "compare": "engine.compare",
    "corrected_fields": "engine.finetune_files",
    "corrected_volumes": "engine.volume.finetune",
    "evaluate": "engine.evaluate",
    "features": "engine.features",
    "finetune": "engine.finetune",
    "load_any_recipe": "engine.volume.recipe",
    "load_model": "engine.bundles",
    "load_recipe": "engine.recipe",
    "look": "engine.inside",
    "look_inside": "widgets.inside.opening",
    "predict": "engine.predict",
    "predict_volume": "engine.volume.predict",
    "run": "engine.events",
    "save_bundle": "engine.bundles",
    "segment": "engine.segment",
    "train": "engine.train",
    "train_volumes": "engine.volume.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
