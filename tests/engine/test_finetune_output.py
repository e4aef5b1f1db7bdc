"""Where a fine-tuned model may not go is known before the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.engine.events import run
from napari_selfreg.engine.finetune import finetune
from tests.engine.corrections import base_model, request


def test_the_new_model_never_replaces_the_old_one(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    assert base.path is not None
    before = base.path.read_bytes()
    with pytest.raises(BadInputError, match="would be replaced"):
        run(finetune(request(base, output=base.path)))
    assert base.path.read_bytes() == before


def test_a_folder_named_like_the_model_is_refused_up_front(tmp_path: Path) -> None:
    output = tmp_path / "mine.safetensors"
    output.mkdir()
    job = finetune(request(base_model(tmp_path), output=output))
    with pytest.raises(WriteError, match="a folder of that name is in the way"):
        next(job)
