"""What the shell commands do, between the options (`cli`) and the jobs (`engine`).

Torch takes seconds to import: everything of the engine is imported inside the functions.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_selfreg.console import Console, unexpected
from napari_selfreg.core.errors import BadInputError, SelfRegError, WriteError

if TYPE_CHECKING:
    from napari_selfreg.engine.bundles import Model
    from napari_selfreg.io.card import Card
    from napari_selfreg.io.qupath_tiles import SlidePlace


_STARTING_SECONDS = 45.0


def open_window() -> None:
    """Open napari with the Workbench and return when its window is closed."""
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        raise SelfRegError(
            "There is no screen to open a window on: log in on one, use xvfb-run -a, or run a "
            "command such as napari-selfreg demo (see napari-selfreg --help)."
        )
    if sys.platform == "win32":
        import torch  # noqa: F401 - after Qt, Windows cannot load its libraries (WinError 1114)
    try:
        from napari_selfreg.widgets.workbench import launch
    except ImportError as error:
        if "qt" not in f"{type(error).__name__} {error}".lower():
            raise
        raise SelfRegError(
            "napari needs a Qt binding to open its window: pip install 'napari-selfreg[all]'."
        ) from error
    launch()


def demo(console: Console, output: Path, device: str) -> None:
    """Segment the packaged samples; see `napari_selfreg.engine.demo`."""
    from napari_selfreg.core.defaults import DEFAULT_MODEL
    from napari_selfreg.engine.demo import DemoRequest
    from napari_selfreg.engine.demo import demo as demo_job

    model = ready_model(console, DEFAULT_MODEL, device)
    ensure_folder(output)
    result = console.run(demo_job(DemoRequest(output, model, device)))
    console.document(result.images)
    show_segmented(console, result.images)
    console.line(f"\nThe picture is {result.preview}; objects and measurements lie beside it.")


def list_models(console: Console) -> None:
    """List the bundled models."""
    from napari_selfreg.io.bundle import read_card
    from napari_selfreg.io.models import bundled_models

    entries = [(read_card(path), path) for path in bundled_models().values()]
    console.document([described(card, path) for card, path in entries])
    rows = [
        (card.name, ", ".join(card.classes), f"{card.um_per_px[-1]:g}", card.licence, card.title)
        for card, _ in entries
    ]
    console.table(("name", "classes", "µm/px", "licence", "what"), rows)


def segment(
    console: Console,
    images: Sequence[Path],
    output: Path,
    model: str,
    device: str,
    **request: Any,
) -> None:
    """Segment images one by one; one that fails does not stop the others."""
    loaded = ready_model(console, model, device)
    volumes, compressed = loaded.card.spatial_dims == 3, bool(request.get("compressed"))
    paths = images_of(console, images, output, volumes=volumes, compressed=compressed)
    ensure_folder(output)
    from napari_selfreg.engine.segment import SegmentRequest
    from napari_selfreg.engine.segment import segment as segment_job

    results: list[Mapping[str, Any]] = []
    failures = 0
    for path in paths:
        job = segment_job(SegmentRequest(path, loaded, output_dir=output, device=device, **request))
        try:
            results.append(console.run(job, path.name))
        except WriteError as error:
            console.note(f"Error: {error}")
            failures += 1
            if not error.of_name:  # the next image would meet the same full disk
                failures = len(paths) - len(results)
                break
        except SelfRegError as error:
            console.note(f"Error: {error}")
            failures += 1
        except Exception as error:  # noqa: BLE001 - reported, and the other images go on
            console.note(f"Error: {path.name}: {unexpected(error)}")
            failures += 1
    console.tell_repeats()
    console.document(results)
    show_segmented(console, results)
    if failures:
        console.note(f"{failures} of {len(paths)} images failed, see above.")
        raise typer.Exit(1)


def evaluate(console: Console, model: str, device: str, **request: Any) -> None:
    """Score a model; see `napari_selfreg.engine.evaluate`."""
    loaded = ready_model(console, model, device)
    from napari_selfreg.engine.evaluate import EvaluateRequest
    from napari_selfreg.engine.evaluate import evaluate as evaluate_job

    document = console.run(evaluate_job(EvaluateRequest(loaded, device=device, **request)))
    console.document(document)
    console.line(f"{document['n']} images, protocol {document['protocol']}")
    rows = [
        (name, *(f"{value[key]:.4f}" for key in ("mean", "low", "high")))
        for name, value in document["metrics"].items()
    ]
    console.table(("metric", "mean", "95 % from", "to"), rows)


def compare(console: Console, a: str, b: str, device: str, *, latex: bool, **request: Any) -> None:
    """Compare two models; see `napari_selfreg.engine.compare`."""
    output = request["output"]
    first, second = (ready_model(console, name, device) for name in (a, b))
    if output is not None:
        ensure_folder(output)
    from napari_selfreg.engine.compare import CompareRequest
    from napari_selfreg.engine.compare import compare as compare_job
    from napari_selfreg.engine.comparison import latex_table, p_text, write_latex

    settings = CompareRequest(first, second, device=device, **request)
    document = console.run(compare_job(settings))
    names = first.card.name, second.card.name
    if latex and output is not None:
        write_latex(output / "comparison.tex", document, names)
    console.document(document)
    if latex and output is None:
        show = console.note if console.as_json else console.line  # stdout holds the JSON alone
        show(latex_table(document, names).rstrip())
        return
    console.line(f"{document['n']} images, b minus a")
    rows = [
        (
            name,
            *(f"{value[key]:.4f}" for key in ("a", "b")),
            *(f"{value[key]:+.4f}" for key in ("difference", "low", "high")),
            p_text(value["p"]),
        )
        for name, value in document["metrics"].items()
    ]
    console.table(("metric", "a", "b", "difference", "95 % from", "to", "p"), rows)


def features(console: Console, image: Path, names: Sequence[str], **request: Any) -> None:
    """Look inside one or two models; see `napari_selfreg.engine.features`."""
    models = tuple(ready_model(console, name, request["device"]) for name in names)
    ensure_folder(request["output_dir"])
    from napari_selfreg.engine.features import FeaturesRequest
    from napari_selfreg.engine.features import features as features_job

    document = console.run(features_job(FeaturesRequest(image, models, **request)))
    console.document(document)
    keys = ("similarity", "effective_rank", "dead", "scr_distance", "ifd")
    rows = [
        (model["model"], block, *(f"{numbers[key]:.4g}" for key in keys))
        for model in document["models"]
        for block, numbers in model["numbers"].items()
    ]
    console.table(("model", "block", *keys), rows)
    console.line(f"\nThe figure is {document['outputs']['figure']['pdf']}; maps lie beside it.")


def train(console: Console, recipe: Path, hold_out: Mapping[str, Any], **request: Any) -> None:
    """Train a model from a recipe; see `napari_selfreg.engine.train`."""
    from napari_selfreg.engine.volume.recipe import load_any_recipe

    settings = load_any_recipe(recipe)
    from napari_selfreg.engine.volume.train import training

    result = console.run(training(settings, hold_out, **request))
    console.document(described(result.card, result.output))
    console.line(f"The model is {result.output}.")


def finetune(
    console: Console,
    model: str,
    device: str,
    folders: Mapping[str, Any],
    **request: Any,
) -> None:
    """Fine-tune a model; see `napari_selfreg.engine.finetune`."""
    minutes = request.pop("minutes")
    if minutes is not None and request["steps"] is not None:
        raise BadInputError("--minutes and --steps exclude each other: give one of them.")
    base = ready_model(console, model, device)
    from napari_selfreg.engine.finetune import FinetuneRequest
    from napari_selfreg.engine.finetune import finetune as finetune_job
    from napari_selfreg.engine.volume.finetune import corrected

    fields = console.run(corrected(base.card, **folders))
    begun = process_start()
    if minutes is not None:
        request["minutes"] = minutes
    settings = FinetuneRequest(base, fields, device=device, begun=begun, **request)
    result = console.run(finetune_job(settings))
    scores = result.validation()
    console.document(
        {
            "output": str(result.output),
            "base": base.card.name,
            "steps": result.steps,
            "seconds": round(result.seconds, 2),
            "seed": result.seed,
            "verdict": result.verdict.kind,
            "validation": scores,
        }
    )
    console.line(result.verdict.sentence)
    held_out = "slabs" if base.card.spatial_dims == 3 else "strips"
    console.line(
        f"Held-out {held_out}: {scores['base']:.4f} before, {scores['tuned']:.4f} after "
        f"(Dice, n = {scores['n']}; {result.steps} steps in {result.seconds:.0f} s)."
    )
    console.line(f"The model is {result.output}.")


def process_start() -> float:
    """Return when this process began, on the clock of `time.monotonic`; now if that is long ago.

    A command begins its work within seconds: an older process is another program that calls us.
    """
    import psutil

    age = time.time() - float(psutil.Process().create_time())
    return time.monotonic() - (age if 0 < age < _STARTING_SECONDS else 0.0)


def export(console: Console, project: Path, output: Path, compressed: bool) -> None:
    """Write the corrected objects of a project; see `napari_selfreg.engine.export`."""
    from napari_selfreg.engine.export import ExportRequest
    from napari_selfreg.engine.export import export as export_job

    results = console.run(export_job(ExportRequest(project, output, compressed=compressed)))
    console.document(results)
    rows = [
        (
            result["image"],
            *(str(result[key]) for key in ("objects", "accepted", "reviewed")),
            result["outputs"]["objects"],
        )
        for result in results
    ]
    console.table(("image", "objects", "accepted", "reviewed", "label image"), rows)


def doctor(console: Console) -> None:
    """Examine the installation; see `napari_selfreg.engine.doctor`."""
    from napari_selfreg.engine.doctor import examine

    findings = examine(console.note if sys.stderr.isatty() else None)
    sound = all(finding.status != "fault" for finding in findings)
    console.document({"ok": sound, "checks": [finding.to_dict() for finding in findings]})
    for finding in findings:
        console.line(f"{finding.status:6}{finding.name}: {finding.detail}")
        if finding.remedy:
            console.line(f"      → {finding.remedy}")
    console.line("\nAll is well." if sound else "\nSomething is broken, see above.")
    if not sound:
        raise typer.Exit(1)


def ready_model(console: Console, name: str, device: str) -> Model:
    """Check the device, load the model and show its terms once, before any image is touched."""
    from napari_selfreg.engine.bundles import load_model
    from napari_selfreg.engine.devices import resolve_device

    resolve_device(device)
    model = load_model(name)
    show_terms_once(console, model.card)
    return model


def slide_place(
    images: Sequence[Path], offset: str | None, downsample: float | None
) -> SlidePlace | None:
    """Return the place of the one image on its slide, None where nothing was said."""
    if offset is None and downsample is None:
        return None
    from napari_selfreg.io.qupath_tiles import SlidePlace

    if len(images) > 1 or any(image.is_dir() for image in images):
        raise BadInputError("--offset and --downsample place one image: segment it alone.")
    try:
        x, y = (float(value) for value in (offset or "0,0").split(","))
    except ValueError:
        raise BadInputError(
            f"--offset {offset} is no place: give two numbers with a comma, such as 4096,512."
        ) from None
    step = downsample or 1.0
    return SlidePlace(x, y, (step, step))


def show_terms_once(console: Console, card: Card) -> None:
    """Show research-only terms on the first use of a model."""
    from napari_selfreg.io.terms import needs_notice, remember

    if card.research_only and needs_notice(card.name):
        console.note(f"Terms of the model {card.name} ({card.licence}): {card.terms}")
        remember(card.name)


def images_of(
    console: Console, named: Sequence[Path], output: Path, *, volumes: bool, compressed: bool
) -> list[Path]:
    """List the images of files and folders; say which earlier results are left out."""
    from napari_selfreg.io.named import images_to_segment, volumes_to_segment

    if volumes:
        return volumes_to_segment(named, output)
    images, left_out = images_to_segment(named, output, compressed=compressed)
    if left_out:
        names = ", ".join(path.name for path in left_out[:3]) + (" …" if left_out[3:] else "")
        console.note(f"Results of earlier runs are left out ({len(left_out)}): {names}")
    return images


def ensure_folder(folder: Path) -> None:
    """Find out before the work whether its results can be written."""
    from napari_selfreg.io.atomic import write_error

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise write_error(folder, error) from error


def described(card: Card, path: Path) -> dict[str, Any]:
    """Return a model as ``models --json`` lists it."""
    from napari_selfreg.io.bundle import sha256

    return {
        "name": card.name,
        "path": str(path),
        "classes": list(card.classes),
        "um_per_px": _one_if_equal(card.um_per_px),
        "architecture": card.architecture,
        "licence": card.licence,
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "metrics": [record.model_dump(mode="json") for record in card.metrics],
    }


def _one_if_equal(um_per_px: tuple[float, ...]) -> float | list[float]:
    """Return one number for square pixels, else one per axis, slowest first."""
    return um_per_px[0] if len(set(um_per_px)) == 1 else list(um_per_px)


def show_segmented(console: Console, results: Sequence[Mapping[str, Any]]) -> None:
    """Show a row per image."""
    rows = [
        (
            Path(str(result["image"])).name,
            str(result["objects"]),
            f"{result['seconds']:.2f}",
            f"{result['megapixels_per_second']:.2f}",
            next(iter(result["outputs"].values())),
        )
        for result in results
    ]
    if rows:
        console.table(("image", "objects", "seconds", "Mpx/s", "label image"), rows)
