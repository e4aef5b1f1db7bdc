"""Training state on disk: tensors in a safetensors file, plain numbers as JSON beside them.

Nothing is pickled, so a state file from elsewhere can do no harm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.atomic import atomic_write


@dataclass(slots=True)
class TrainingProgress:
    """Where a run is: everything that is no tensor.

    Parameters
    ----------
    step : int
        Optimiser steps done.
    best_step : int
        Step of the best validation, 0 if there was none yet.
    best_dice : float
        Its mean Dice, -1 if there was none yet.
    validated_step : int
        Step of the last validation.
    stale : int
        Validations since the best.
    seconds : float
        Wall time spent.
    finished : bool
        Whether the run ended by itself (all steps, or no patience left).
    fingerprint : str
        Of the recipe; a state of another recipe is refused.
    """

    step: int = 0
    best_step: int = 0
    best_dice: float = -1.0
    validated_step: int = 0
    stale: int = 0
    seconds: float = 0.0
    finished: bool = False
    fingerprint: str = ""


def save_state(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: TrainingProgress,
    heads: nn.Module | None = None,
) -> None:
    """Write the state of a run, replacing the last one at once.

    Parameters
    ----------
    path : Path
    network, average : nn.Module
    optimizer : torch.optim.Optimizer
    progress : TrainingProgress
    heads : nn.Module, optional
        Training-only modules beside the network.

    Raises
    ------
    WriteError
        If the disk is full or the folder is read-only.
    """
    tensors = _prefixed("network.", network.state_dict())
    tensors |= _prefixed("average.", average.state_dict())
    if heads is not None:
        tensors |= _prefixed("heads.", heads.state_dict())
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= _prefixed(f"optimizer.{index}.", state)
    write_tensors(path, tensors, {"progress": json.dumps(asdict(progress))})


def load_state(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    heads: nn.Module | None = None,
) -> TrainingProgress:
    """Put a saved state back into its objects; those of `save_state`.

    Returns
    -------
    TrainingProgress

    Raises
    ------
    BadInputError
        If the file is damaged or belongs to another network.
    """
    tensors, metadata = read_tensors(path)
    try:
        progress = TrainingProgress(**json.loads(metadata["progress"]))
        network.load_state_dict(_without("network.", tensors))
        average.load_state_dict(_without("average.", tensors))
        if heads is not None:
            heads.load_state_dict(_without("heads.", tensors))
        packed = optimizer.state_dict()
        moments = _without("optimizer.", tensors)
        packed["state"] = {
            index: _without(f"{index}.", moments)
            for index in {int(k.split(".")[0]) for k in moments}
        }
        optimizer.load_state_dict(packed)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise BadInputError(
            f"The training state {path.name} does not fit this recipe: start without --resume."
        ) from error
    return progress


def read_progress(path: Path) -> TrainingProgress:
    """Return the plain numbers of a saved state.

    Raises
    ------
    BadInputError
        If the file is missing or damaged.
    """
    _, metadata = read_tensors(path)
    try:
        return TrainingProgress(**json.loads(metadata["progress"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"The training state {path.name} is damaged: start without --resume."
        ) from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write named tensors and strings to one safetensors file, atomically."""
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    with atomic_write(path) as file:
        file.write(save(plain, metadata))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what `write_tensors` wrote.

    Raises
    ------
    BadInputError
        If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise BadInputError(
            f"The training state {path.name} cannot be read: start without --resume."
        ) from error


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": torch.as_tensor(tensor) for name, tensor in tensors.items()}


def _without(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    length = len(prefix)
    return {name[length:]: t for name, t in tensors.items() if name.startswith(prefix)}
