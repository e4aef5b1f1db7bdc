"""Small facts that are kept between sessions, as JSON in the person's settings folder."""

from __future__ import annotations

import json
import logging
from typing import Any

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io import terms
from napari_selfreg.io.atomic import atomic_write

logger = logging.getLogger(__name__)


def load(name: str) -> Any:
    """Return what `store` has kept under a file name, None if there is nothing to read."""
    try:
        return json.loads((terms.settings_folder() / name).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def store(name: str, content: Any) -> None:
    """Keep something that JSON can hold; where that is not possible, it is only logged."""
    target = terms.settings_folder() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target, "w") as stream:
            json.dump(content, stream)
    except (OSError, SelfRegError) as error:
        logger.info("%s is not kept for the next session: %s", name, error)
