"""The open tap context: hooks that live only inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.hooks import RemovableHandle

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.adapters import adapt

_COMPILED = (
    "; if it did, torch.compile had compiled it without taps: set "
    "torch._dynamo.config.skip_nnmodule_hook_guards = False before it is compiled"
)


class Taps(Mapping[str, Tensor]):
    """Feature maps ``(N, C, *spatial)`` by block name, of the latest forward pass."""

    def __init__(self) -> None:
        self._maps: dict[str, Tensor] = {}
        self._in_forward = False
        self._grad_enabled = True
        self._closed = False

    def __getitem__(self, block: str) -> Tensor:
        try:
            return self._maps[block]
        except KeyError:
            raise KeyError(self._reason(block)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._maps)

    def __len__(self) -> int:
        return len(self._maps)

    def __deepcopy__(self, _: dict[int, Any]) -> Taps:
        """Return closed taps: a copy of the network has its hooks, but is nobody's to look at."""
        copied = Taps()
        copied._close()
        return copied

    def _reason(self, block: str) -> str:
        if self._closed:
            return f"{block}: the tap context is closed; read the taps inside its with block"
        if not self._maps:
            return f"{block}: the network has not run inside this tap context{_COMPILED}"
        return f"{block} is not among the captured taps {list(self._maps)}"

    def _begin(self, *_: object) -> None:
        self._maps.clear()
        self._in_forward = True
        self._grad_enabled = torch.is_grad_enabled()

    def _end(self, *_: object) -> None:
        self._in_forward = False

    def _close(self) -> None:
        self._maps.clear()
        self._closed = True

    def _hook(
        self, block: str, module: str, adapter: str, spatial_dims: int
    ) -> Callable[..., None]:
        def capture(_: nn.Module, inputs: tuple[object, ...], output: object) -> None:
            # A checkpointed block runs again during backward, outside the network's forward.
            if not self._in_forward:
                return
            if torch.is_grad_enabled() != self._grad_enabled:
                raise BadModelError(
                    f"The block {block} runs without gradients inside a forward pass with them; "
                    "use torch.utils.checkpoint with use_reentrant=False."
                )
            try:
                self._maps[block] = adapt(adapter, inputs, output, spatial_dims)
            except BadModelError as error:
                raise BadModelError(f"Block {block} (module {module!r}): {error}") from error

        return capture


def unwrap(network: nn.Module) -> nn.Module:
    """Return the network itself.

    Parameters
    ----------
    network
        Perhaps inside DistributedDataParallel, DataParallel, AveragedModel, or compiled by
        torch.compile.

    Returns
    -------
    Module
        What lies inside all of these.
    """
    wrappers = (nn.parallel.DistributedDataParallel, nn.DataParallel, AveragedModel)
    while True:
        # The class of compiled networks lies in a package that takes a second to import.
        inner = network._modules.get("_orig_mod")
        inner = network.module if isinstance(network, wrappers) else inner
        if inner is None:
            return network
        network = inner


@contextmanager
def attach(
    network: nn.Module, places: Sequence[tuple[str, str, str]], spatial_dims: int
) -> Iterator[Taps]:
    """Capture at ``places`` = (block, module name, adapter) during one ``with`` block.

    Raises
    ------
    BadModelError
        If the network has no such module.
    """
    root = unwrap(network)
    modules: dict[str, Any] = dict(root.named_modules())
    missing = [name for _, name, _ in places if name not in modules]
    if missing:
        raise BadModelError(
            f"The network {type(root).__name__} has no module {missing[0]!r} to tap."
        )
    taps = Taps()
    handles: list[RemovableHandle] = []
    try:
        # The root's own hooks bracket the forward pass; its tap, if any, is hooked before the end.
        handles.append(root.register_forward_pre_hook(taps._begin))
        for block, name, adapter in places:
            hook = taps._hook(block, name, adapter, spatial_dims)
            handles.append(modules[name].register_forward_hook(hook))
        handles.append(root.register_forward_hook(taps._end, always_call=True))
        yield taps
    finally:
        for handle in handles:
            handle.remove()
        taps._close()
