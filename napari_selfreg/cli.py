"""The jobs of this package from a shell; alone, the command opens napari with the Workbench.

Each command is one call of a documented Python function: see `napari_selfreg.segment`,
`napari_selfreg.evaluate`, `napari_selfreg.compare`, `napari_selfreg.train` and
`napari_selfreg.finetune`. Everything heavy is imported inside the commands, so that ``--help``
answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from napari_selfreg import commands
from napari_selfreg.console import session
from napari_selfreg.core.defaults import DEFAULT_MODEL
from napari_selfreg.options import (
    DeviceOption,
    DownsampleOption,
    JsonOption,
    ModelOption,
    OffsetOption,
    Precision,
    PrecisionOption,
    Protocol,
    UmOption,
    positive,
)


class Commands(TyperGroup):
    """All commands of this package."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an empty argument: as a path it would be the current folder, with all in it."""
        for text in args:
            if not text or (text.startswith("--") and text.find("=") == len(text) - 1):
                raise typer.BadParameter(f"{text or 'an argument'} is empty: give a name", ctx)
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="napari-selfreg",
    cls=Commands,
    help="Segment glands and nuclei in H&E tissue with self-regularized U-Nets. "
    "Without a command, napari opens with the Workbench.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the command ``napari-selfreg``."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        from napari_selfreg import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Open napari with the Workbench when no command is given."""
    if context.invoked_subcommand is None:
        with session():
            commands.open_window()


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("--output", help="Folder for the results and preview.png.")
    ] = Path("demo_output"),
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Segment the packaged tissue samples with the default model; needs no input."""
    with session(as_json) as console:
        commands.demo(console, output, device)


@app.command()
def models(as_json: JsonOption = False) -> None:
    """List the bundled models with their terms and scores."""
    with session(as_json) as console:
        commands.list_models(console)


@app.command()
def segment(
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE…", readable=False, help="Images, or folders of images."),
    ],
    output: Annotated[Path, typer.Option("--output", help="Folder for the results.")],
    model: ModelOption = DEFAULT_MODEL,
    um_per_px: UmOption = None,
    offset: OffsetOption = None,
    downsample: DownsampleOption = None,
    compressed: Annotated[
        bool, typer.Option("--gzip", help="Write outlines as .geojson.gz.")
    ] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Write objects (TIFF), outlines (GeoJSON for QuPath) and measurements (CSV) per image.

    With a model for volumes: labels (NIfTI) and measurements (CSV) per volume.
    """
    with session(as_json) as console:
        place = commands.slide_place(images, offset, downsample)
        request: dict[str, Any] = {"um_per_px": um_per_px, "place": place, "compressed": compressed}
        request["precision"] = precision.value
        commands.segment(console, images, output, model, device, **request)


@app.command()
def evaluate(
    images: Annotated[Path, typer.Option("--images", help="Folder of images.")],
    labels: Annotated[
        Path,
        typer.Option(
            "--labels", help="Folder of labels: same name, or with _anno, _mask, _label, _labels."
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    um_per_px: UmOption = None,
    protocol: Annotated[
        Protocol,
        typer.Option("--protocol", help="Score native pixels, or masks squashed to 224 × 224."),
    ] = Protocol.NATIVE,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="CSV", help="Table with a row per image.")
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Score a model on labelled images or volumes: mean and 95 % bootstrap interval over them."""
    with session(as_json) as console:
        request = {"images": images, "labels": labels, "um_per_px": um_per_px, "output": output}
        commands.evaluate(console, model, device, protocol=protocol.value, **request)


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A bundled model or a .safetensors file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another: differences are B minus A.")],
    images: Annotated[Path, typer.Option("--images", help="Folder of images.")],
    labels: Annotated[
        Path,
        typer.Option(
            "--labels", help="Folder of labels: same name, or with _anno, _mask, _label, _labels."
        ),
    ],
    um_per_px: UmOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for comparison.csv, a row per image."),
    ] = None,
    latex: Annotated[
        bool,
        typer.Option(
            "--latex",
            help="Write comparison.tex (booktabs) into the output folder, or without one show it.",
        ),
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Compare two models image by image: mean difference, 95 % interval, Wilcoxon's p."""
    with session(as_json) as console:
        request = {"images": images, "labels": labels, "um_per_px": um_per_px, "output": output}
        commands.compare(console, a, b, device, latex=latex, **request)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


@app.command()
def features(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", readable=False, help="An image.")],
    output: Annotated[Path, typer.Option("--output", help="Folder for the results.")],
    model: ModelOption = DEFAULT_MODEL,
    versus: Annotated[
        str | None,
        typer.Option("--versus", metavar="NAME|PATH", help="A second model to compare with."),
    ] = None,
    um_per_px: UmOption = None,
    blocks: Annotated[
        str | None,
        typer.Option(
            "--blocks", metavar="E1,B,D1", help="Blocks to look at; all if it is not given."
        ),
    ] = None,
    width_mm: Annotated[
        float,
        typer.Option("--width-mm", metavar="W", callback=positive, help="Width of the figure."),
    ] = 180.0,
    dpi: Annotated[
        float,
        typer.Option("--dpi", metavar="N", callback=positive, help="Dots per inch of pictures."),
    ] = 300.0,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write what every block of one model or two sees: maps, numbers.csv and a figure.

    The JSON document holds image; its um_per_px and um_per_px_source; models, each with model,
    um_per_px, maps (file by block) and numbers (by block, as in numbers.csv); and outputs: numbers
    and figure (file by format).
    """
    with session(as_json) as console:
        names = [model] if versus is None else [model, versus]
        commands.features(
            console,
            image,
            names,
            output_dir=output,
            um_per_px=um_per_px,
            blocks=_names(blocks),
            device=device,
            width_mm=width_mm,
            dpi=dpi,
        )


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="What and how to train.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of the data set.")],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="The .safetensors file to write.")
    ],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint beside the output.")
    ] = False,
    held_out: Annotated[
        Path | None,
        typer.Option(
            "--held-out", metavar="FILE", help="Volumes: text with a case to hold out per line."
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option("--folds", metavar="N", min=2, help="Volumes: deal the cases into N parts."),
    ] = None,
    fold: Annotated[
        int | None, typer.Option("--fold", metavar="K", min=1, help="The part to hold out, from 1.")
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train a model from a recipe; Ctrl-C keeps the best so far."""
    with session(as_json) as console:
        hold_out = {"file": held_out, "folds": folds, "fold": fold}
        request = {"data": data, "output": output, "resume": resume, "device": device}
        commands.train(console, recipe, hold_out, **request)


@app.command()
def finetune(
    images: Annotated[Path, typer.Option("--images", help="Folder of corrected images.")],
    labels: Annotated[
        Path,
        typer.Option(
            "--labels",
            help="Folder of labels: same name, or with _anno, _mask, _label, _labels, or the "
            "folder of an export.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="The .safetensors file to write.")
    ],
    model: ModelOption = DEFAULT_MODEL,
    um_per_px: UmOption = None,
    regions: Annotated[
        Path | None,
        typer.Option(
            "--regions",
            help="Folder of <image>.geojson in image pixels: labels are truth inside these areas "
            "only (an export has them in regions). Without it all of every image is truth.",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", metavar="M", callback=positive, help="Total time; 1 if not set."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", min=1, help="Steps of training, instead of minutes."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of all chance.")] = 0,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Fine-tune a model on corrected images, and say whether it got better."""
    with session(as_json) as console:
        folders = {"images": images, "labels": labels, "regions": regions, "um_per_px": um_per_px}
        commands.finetune(
            console,
            model,
            device,
            folders,
            minutes=minutes,
            steps=steps,
            seed=seed,
            output=output,
        )


@app.command()
def export(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="Folder of corrections.")],
    output: Annotated[Path, typer.Option("--output", help="Folder for the results.")],
    compressed: Annotated[
        bool, typer.Option("--gzip", help="Write outlines as .geojson.gz.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the corrected objects of a project as segment does, and what was reviewed.

    The folder serves finetune as --labels, and the folder regions in it as --regions.
    """
    with session(as_json) as console:
        commands.export(console, project, output, compressed)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check versions, devices, display, models and folders; name a remedy for each fault."""
    with session(as_json) as console:
        commands.doctor(console)
