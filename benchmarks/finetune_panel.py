"""Look whether the window stays alive while it fine-tunes: real viewer, project and model.

    python benchmarks/finetune_panel.py
    xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/finetune_panel.py  # no screen

A project of the two samples is made, its labels are the model's own masks, all of both fields
counts as reviewed, and *Start* is pressed. Printed beside their limit: the gaps between the ticks
of a timer of 1 ms before the run, while it prepares (from *Start* to the first step) and while it
trains (from there to the verdict). The first job of a process also loads PyTorch.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from panel import LIMITS_MS, Times, loop_gaps, open_workbench, preload, settle, wait


def make_project(folder: Path, model: str) -> Any:
    """Return a new project of the bundled H&E samples, with the model's masks as labels."""
    from napari_selfreg.engine.events import run
    from napari_selfreg.engine.segment import ArraySegmentRequest, segment_array
    from napari_selfreg.io.images import open_image
    from napari_selfreg.io.project import NewField, Project
    from napari_selfreg.io.samples import samples

    fields = []
    for sample in samples()[:2]:
        path = Path(shutil.copy(sample.path, folder))
        with open_image(path) as source:
            rgb = np.asarray(source.levels[0][:])
        size = sample.pixel_size
        labels = run(segment_array(ArraySegmentRequest(rgb, size, model))).labels
        fields.append(NewField(path, labels, size, "option", ("gland",), state="corrected"))
    return Project.create(folder / "samples.selfreg", fields)


def steps_of(panel: Any) -> int:
    """Return how many steps the curves show."""
    return len(panel.curves.points["total"][0]) if "total" in panel.curves.points else 0


def report(when: str, gaps: Times) -> None:
    """Print the gaps of one stretch of time."""
    print(f"{when:10} {len(gaps.wall):6} ticks  {gaps.line('wall')}")
    print(f"{'':23}  {gaps.line('work')}  limit of p99 {LIMITS_MS['gaps']} ms")


def train(panel: Any) -> None:
    """Press Start and report the gaps before the first step and from there to the end."""
    panel.offer.button.click()  # everything corrected counts as done
    with loop_gaps() as gaps:
        settle(3)
    report("at rest", gaps)
    with loop_gaps() as gaps:
        panel.start()
        wait(lambda: steps_of(panel) > 0 or not panel.runner.running)
    report("preparing", gaps)
    with loop_gaps() as gaps:
        wait(lambda: not panel.runner.running)
    report("training", gaps)
    print(f"{steps_of(panel)} steps: {panel.outcome.verdict.headline.text()}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="glands")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    import napari

    from napari_selfreg.widgets.shared import shared_for

    viewer = napari.Viewer(show=True)
    bench, _, _ = open_workbench(viewer)
    print(f"loading    {preload().line('wall')}")
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), options.model)
        shared_for(viewer).set_project(project)
        panel = bench.finetune_panel
        viewer.open(str(project.images.path(project.fields[0].id)), plugin="napari-selfreg")
        names = [bench.tabs.tabText(index) for index in range(bench.tabs.count())]
        bench.tabs.setCurrentIndex(names.index("Fine-tune"))  # its curves are drawn as they come
        settle(2)
        panel.steps = options.steps
        train(panel)
        fields = len(project.fields)  # compared after the verdict
        wait(lambda: len(panel.outcome.comparison.found) == fields)
        viewer.close()
        project.close()


if __name__ == "__main__":
    main()
