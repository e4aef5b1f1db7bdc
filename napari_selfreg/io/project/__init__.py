"""A person's corrections on disk: `Project` and what goes into it."""

from __future__ import annotations

from napari_selfreg.io.project.creation import NewField
from napari_selfreg.io.project.generations import FieldFacts
from napari_selfreg.io.project.manifest import (
    Manifest,
    ProjectField,
    VersionRecord,
    is_project,
    read_manifest,
)
from napari_selfreg.io.project.places import new_project_folder
from napari_selfreg.io.project.records import Camera, LabelEdit, ObjectState
from napari_selfreg.io.project.regions import Region, read_regions, write_regions
from napari_selfreg.io.project.store import Project

__all__ = [
    "Camera",
    "FieldFacts",
    "LabelEdit",
    "Manifest",
    "NewField",
    "ObjectState",
    "Project",
    "ProjectField",
    "Region",
    "VersionRecord",
    "is_project",
    "new_project_folder",
    "read_manifest",
    "read_regions",
    "write_regions",
]
