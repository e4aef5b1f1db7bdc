"""Look at a network once and propose where its blocks are."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.modes import evaluating
from napari_selfreg.nets.taps import unwrap
from napari_selfreg.nets.tapspec import Tap, TapSpec

_USUAL = 32
"""A multiple of the strides of nearly all networks."""


@dataclass(frozen=True)
class ModuleInfo:
    """One module as it ran.

    Parameters
    ----------
    name
        Dotted name, as a tap needs it.
    kind
        Name of its class.
    shape
        Shape of its output; None if that is not one tensor.
    depth
        How many modules it lies in; the network's children have 1.
    """

    name: str
    kind: str
    shape: tuple[int, ...] | None
    depth: int


@dataclass(frozen=True)
class TapProposal:
    """What :func:`propose` found.

    Parameters
    ----------
    modules
        Every module that ran, in the order in which they finished.
    tapspec
        The proposed taps, or None if the network does not look U-shaped. Look at it before
        you train with it: ``size_multiple`` is a guess too; ``min_size`` has been tried.
    """

    modules: tuple[ModuleInfo, ...]
    tapspec: TapSpec | None

    def __str__(self) -> str:
        """Return a table of modules, with the proposed block beside each tapped one."""
        taps = () if self.tapspec is None else self.tapspec.taps
        blocks = {tap.module: tap.block for tap in taps}
        width = max((len(info.name) for info in self.modules), default=0)
        lines = [
            f"{blocks.get(info.name, ''):3} {info.name:{width}}  {info.kind}  {info.shape or ''}"
            for info in self.modules
        ]
        return "\n".join(lines)


def propose(network: nn.Module, shape: Sequence[int] | Tensor) -> TapProposal:
    """Run the network without gradients, and propose taps from the shapes it makes.

    The decoder is what runs last with growing maps; ``B`` the smallest map before it; the encoder
    the maps of larger sizes before that. Of all maps of a level, those of the outermost modules
    count, and of these the last; in the decoder, the last that is not as wide as the logits, as
    heads of deep supervision are. ``E3`` and ``D3`` are of one size; an encoder that begins at half
    size begins with ``E2``. The last modules are left out if they return the logits, alone or among
    others, with all inside them if all of that is as wide as the logits; and so are all but the
    last run of a module that runs several times. Transformer tokens that fill a grid count as maps,
    and so do maps whose channels come last.

    Parameters
    ----------
    network
        Any U-shaped network; its mode and its statistics stay as they are.
    shape
        Shape ``(N, C, *spatial)`` of an input, or an input itself, large enough that the smallest
        map has more than one pixel.

    Returns
    -------
    TapProposal

    Raises
    ------
    BadModelError
        If the network cannot run on such an input, or rounds the size of one that is no multiple
        of 32.
    """
    root = unwrap(network)
    image = shape if isinstance(shape, Tensor) else _blank(root, shape)
    try:
        with _watched(root) as seen, evaluating(root), torch.no_grad():
            logits = root(image)
    except Exception as error:
        raise BadModelError(
            f"The network {type(root).__name__} does not run on an input of shape "
            f"{tuple(image.shape)}: {error}"
        ) from error
    size = tuple(image.shape[2:])
    # A tap keeps what its module returned last: earlier runs of a shared module are no blocks.
    last = {run.info.name: run for run in seen}
    runs = [run for run in seen if last[run.info.name] is run]
    _require_whole_strides(runs, image)
    path = [
        found
        for run in _before_head(runs, logits)
        if (found := _map_of(run.info, image.shape[0], size))
    ]
    spec = _guess(path, size, _width(logits))
    tried = None if spec is None else _with_tried_size(root, image, spec)
    return TapProposal(tuple(run.info for run in seen), tried)


@dataclass(frozen=True)
class _Run:
    """A module's run, and what it returned if that is still alive."""

    info: ModuleInfo
    output: Callable[[], object]


@dataclass(frozen=True)
class _Map:
    """A module's output seen as a map of so many pixels."""

    name: str
    sides: tuple[int, ...]
    channels: int
    adapter: str

    @property
    def pixels(self) -> int:
        return math.prod(self.sides)

    @property
    def depth(self) -> int:
        return self.name.count(".")


def _blank(network: nn.Module, shape: Sequence[int]) -> Tensor:
    """Return an empty picture of the given shape where the network is."""
    sides = all(isinstance(side, int) and side > 0 for side in shape)
    if len(shape) not in (4, 5) or not sides:
        raise BadModelError(
            "The input's shape is (N, C, Y, X) or (N, C, Z, Y, X) in whole numbers above 0, not "
            f"{tuple(shape)}."
        )
    like = next(network.parameters(), torch.zeros(()))
    return torch.zeros(tuple(shape), dtype=like.dtype, device=like.device)


@contextmanager
def _watched(network: nn.Module) -> Iterator[list[_Run]]:
    """Collect every module's run in the ``with`` block, in the order of finishing."""
    seen: list[_Run] = []

    def watch(name: str) -> Callable[..., None]:
        def record(module: nn.Module, _: object, output: object) -> None:
            shape = tuple(output.shape) if isinstance(output, Tensor) else None
            info = ModuleInfo(name, type(module).__name__, shape, name.count(".") + 1)
            alive = weakref.ref(output) if isinstance(output, Tensor) else _nothing
            seen.append(_Run(info, alive))

        return record

    handles = [
        module.register_forward_hook(watch(name))
        for name, module in network.named_modules()
        if name
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _nothing() -> None:
    """Stand for an output that is not one tensor."""


def _before_head(runs: Sequence[_Run], output: object) -> Sequence[_Run]:
    """Leave out the last modules: those that return the logits, or logits not yet enlarged."""
    returned = list(_tensors(output))
    if not returned:
        return runs
    largest = _largest(returned)
    end = len(runs)
    while end and _returns_logits(runs[end - 1], returned, largest):
        end -= 1
    inside = [f"{run.info.name}." for run in runs[end:] if _only_logits(run, runs, largest)]
    return [run for run in runs[:end] if not run.info.name.startswith(tuple(inside))]


def _only_logits(head: _Run, runs: Sequence[_Run], logits: Tensor) -> bool:
    """Tell whether all that runs inside a module is as wide as the logits: no block is there."""
    inside = [run.info.shape for run in runs if run.info.name.startswith(f"{head.info.name}.")]
    return all(shape is not None and shape[1:2] == logits.shape[1:2] for shape in inside)


def _largest(tensors: Sequence[Tensor]) -> Tensor:
    return max(tensors, key=lambda tensor: math.prod(tensor.shape[2:]))


def _width(output: object) -> int:
    """Return how many channels the logits have, 0 if the network returned no tensor."""
    returned = [tensor for tensor in _tensors(output) if tensor.ndim > 1]
    return _largest(returned).shape[1] if returned else 0


def _tensors(output: object) -> Iterator[Tensor]:
    """Yield the tensors of what a network returned: one, or several in a list or a mapping."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        yield from _tensors(list(output.values()))
    elif isinstance(output, (list, tuple)):
        for item in output:
            yield from _tensors(item)


def _returns_logits(run: _Run, returned: Sequence[Tensor], logits: Tensor) -> bool:
    shape = run.info.shape
    if any(run.output() is tensor for tensor in returned):
        return True
    smaller = shape is not None and len(shape) == logits.ndim and shape[2:] != logits.shape[2:]
    return smaller and shape is not None and shape[1] == logits.shape[1]


def _map_of(info: ModuleInfo, batch: int, size: tuple[int, ...]) -> _Map | None:
    """Return the module's output as a map, if it is one of more than one pixel."""
    if info.shape is None or info.shape[0] != batch:  # windows of a transformer are no maps
        return None
    if len(info.shape) == len(size) + 2:
        first = _Map(info.name, info.shape[2:], info.shape[1], "identity")
        last = _Map(info.name, info.shape[1:-1], info.shape[-1], "channels_last")
        return next((found for found in (first, last) if _is_map(found, size)), None)
    if len(info.shape) != 3:
        return None
    for stride in range(2, min(size) + 1):
        grid = tuple(side // stride for side in size)
        if math.prod(grid) == info.shape[1] and _fits(grid, size):
            adapter = f"tokens:{'x'.join(map(str, grid))}"
            return _Map(info.name, grid, info.shape[2], adapter)
    return None


def _is_map(found: _Map, size: tuple[int, ...]) -> bool:
    return found.pixels > 1 and _fits(found.sides, size)


def _fits(sides: tuple[int, ...], size: tuple[int, ...]) -> bool:
    """Tell whether sides are the input's divided by whole numbers, in Y and X by the same one."""
    whole = all(have >= side and have % side == 0 for side, have in zip(sides, size, strict=True))
    return whole and size[-1] // sides[-1] == size[-2] // sides[-2]


def _require_whole_strides(runs: Sequence[_Run], image: Tensor) -> None:
    """Raise if the smaller levels are of rounded sizes: as blocks they would be passed over."""
    size = tuple(image.shape[2:])
    if not any(side % _USUAL for side in size):
        return
    shapes = [run.info.shape for run in runs if run.info.shape is not None]
    sides = [shape[2:] for shape in shapes if len(shape) == image.ndim]
    whole = [have for have in sides if math.prod(have) > 1 and _fits(have, size)]
    smallest = min(map(math.prod, whole), default=math.prod(size))
    rounded = [have for have in sides if math.prod(have) < smallest and _rounded(have, size)]
    if rounded:
        raise BadModelError(
            f"An input of {_times(size)} makes maps of {_times(rounded[0])}: its sides are no "
            "multiples of the network's stride, so its blocks cannot be told. Give a size that "
            "is, such as " + _times([_USUAL * max(1, round(side / _USUAL)) for side in size]) + "."
        )


def _rounded(sides: Sequence[int], size: Sequence[int]) -> bool:
    """Tell whether sides are what is left of the input's when they are halved and rounded."""
    axes = zip(sides, size, strict=True)
    halvings = [
        {k for k in range(1, 11) if have in (full >> k, -(-full >> k))} for have, full in axes
    ]
    return math.prod(sides) > 1 and all(halvings) and bool(halvings[-1] & halvings[-2])


def _times(sides: Sequence[int]) -> str:
    return " x ".join(map(str, sides))


def _guess(path: Sequence[_Map], size: tuple[int, ...], classes: int) -> TapSpec | None:
    """Return the proposed taps, or None."""
    rising = _last_rise(path, classes)
    if len(rising) < 2:
        return None
    smallest = min(found.pixels for found in path)
    if path[rising[-1]].pixels == smallest:
        *decoder, bottom = rising
        before = bottom
    else:
        # The bottleneck runs before the skips: the decoder starts where its first block does.
        decoder = rising
        before = _start(path, rising[-1])
        bottom = max(at for at, found in enumerate(path[:before]) if found.pixels == smallest)
    skips = _skips(path[:before], smallest)
    if not skips:
        return None
    sizes = sorted({*skips, *(path[at].pixels for at in decoder)}, reverse=True)
    taps = [
        *(
            _tap(f"E{sizes.index(pixels) + 1}", skips[pixels])
            for pixels in sizes
            if pixels in skips
        ),
        _tap("B", path[bottom]),
        *(_tap(f"D{level + 1}", path[at]) for level, at in reversed(list(enumerate(decoder)))),
    ]
    sides = zip(size, path[bottom].sides, strict=True)
    stride = max(have // small for have, small in sides)
    return TapSpec(tuple(taps), len(size), size_multiple=stride, min_size=stride)


def _with_tried_size(network: nn.Module, image: Tensor, spec: TapSpec) -> TapSpec:
    """Return the taps with the smallest size that runs: normalisation may need two pixels."""
    for side in (spec.size_multiple, 2 * spec.size_multiple):
        blank = image.new_zeros((1, image.shape[1], *[side] * spec.spatial_dims))
        if _runs(network, blank):
            return replace(spec, min_size=side)
    return replace(spec, min_size=max(spec.size_multiple, *image.shape[2:]))


def _runs(network: nn.Module, image: Tensor) -> bool:
    try:
        with evaluating(network), torch.no_grad():
            network(image)
    except Exception:  # noqa: BLE001 - whatever a stranger's network raises, it does not run
        return False
    return True


def _last_rise(path: Sequence[_Map], classes: int) -> list[int]:
    """Return one map of each size, from the end back to where sizes stop shrinking."""
    levels: list[list[int]] = []
    for at in reversed(range(len(path))):
        if not levels or path[at].pixels < path[levels[-1][0]].pixels:
            levels.append([])
        elif path[at].pixels > path[levels[-1][0]].pixels:
            break
        levels[-1].append(at)
    return [_outermost(path, level, classes) for level in levels]


def _outermost(path: Sequence[_Map], level: Sequence[int], classes: int) -> int:
    """Return the last of the outermost maps of a level, given from the last one back.

    What a deeper module does at this size may belong to the next block. Beside a block, a map as
    wide as the logits is a head of deep supervision.
    """
    depth = min(path[at].depth for at in level)
    outer = [at for at in level if path[at].depth == depth]
    return next((at for at in outer if path[at].channels != classes), outer[0])


def _skips(path: Sequence[_Map], smallest: int) -> dict[int, _Map]:
    """Return one map of each size above the smallest: the last of the outermost ones.

    Depth comes first because a block may enlarge its channels before it shrinks its map.
    """
    skips: dict[int, _Map] = {}
    for found in path:
        best = skips.get(found.pixels)
        if found.pixels > smallest and (best is None or found.depth <= best.depth):
            skips[found.pixels] = found
    return skips


def _start(path: Sequence[_Map], block: int) -> int:
    """Return where the first module inside a block finishes."""
    inside = path[block].name + "."
    return min([at for at, found in enumerate(path) if found.name.startswith(inside)] + [block])


def _tap(block: str, found: _Map) -> Tap:
    return Tap(block, found.name, found.adapter)
