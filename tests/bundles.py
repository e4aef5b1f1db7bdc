"""Small cards and bundles for tests."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.io import models
from napari_selfreg.io.bundle import CARD_KEY, sha256
from napari_selfreg.io.card import Card

FEATURES = [4, 4, 8, 8, 16, 4]


def example_fields(**changes: Any) -> dict[str, Any]:
    """Return the fields of a valid card for a tiny BasicUNet, with `changes`."""
    fields: dict[str, Any] = {
        "name": "tiny",
        "title": "Tiny glands",
        "tissue": "colon, H&E",
        "architecture": "basic_unet",
        "architecture_args": {"features": FEATURES},
        "classes": ["gland"],
        "um_per_px": [1.0, 1.0],
        "normalisation": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
        "licence": "CC-BY-4.0",
        "terms": "Free to use with attribution: https://creativecommons.org/licenses/by/4.0/",
    }
    return {**fields, **changes}


def example_card(**changes: Any) -> Card:
    """Return a valid card for a tiny BasicUNet, with `changes`."""
    return Card.model_validate(example_fields(**changes))


def tiny_bundle(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Save an untrained tiny BasicUNet at `path` and return `path`."""
    import torch

    from napari_selfreg.engine.bundles import save_bundle
    from napari_selfreg.engine.skeleton import build_from_card
    from napari_selfreg.nets.registry import tap_spec

    card = example_card(**changes)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_from_card(card)
    save_bundle(network, tap_spec(card.architecture), card, path)
    return path


def make_shelf(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of bundled models with one tiny, untrained ``glands``, and return it."""
    folder.mkdir()
    path = tiny_bundle(folder / "glands.safetensors", name="glands")
    (folder / "SHA256SUMS").write_text(f"{sha256(path)}  {path.name}\n")
    monkeypatch.setattr(models, "MODELS_FOLDER", folder)
    return folder


def refused(read: Callable[[Path], object], path: Path) -> str:
    """Return the sentence with which a bundle is refused: one line that names the file."""
    with pytest.raises(BadModelError) as caught:
        read(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def split_file(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return header and tensor bytes of a bundle, to be tampered with."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def join_file(path: Path, header: dict[str, Any] | bytes, data: bytes) -> Path:
    """Write a file from a (tampered) header and tensor bytes."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path


def with_card(path: Path, **changes: Any) -> Path:
    """Overwrite fields of the card inside a bundle without validating them."""
    header, data = split_file(path)
    card = json.loads(header["__metadata__"][CARD_KEY])
    header["__metadata__"][CARD_KEY] = json.dumps({**card, **changes})
    return join_file(path, header, data)
