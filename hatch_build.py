"""Let editable installs find the manifest that lies at the root."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManifestHook(BuildHookInterface):  # type: ignore[type-arg]
    """Link (or copy, where links are not allowed) the manifest into the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the link before an editable build; other builds copy the file themselves."""
        if version != "editable":
            return
        target = Path(self.root, "napari_selfreg", "napari.yaml")
        target.unlink(missing_ok=True)
        try:
            target.symlink_to(Path("..", "napari.yaml"))
        except OSError:  # Windows without developer mode
            shutil.copyfile(Path(self.root, "napari.yaml"), target)
