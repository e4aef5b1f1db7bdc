"""The tap context: what it captures, and that nothing remains after it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.taps import unwrap
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.nets.conftest import FOREIGN_TAPS, Foreign, hook_count

IMAGE = torch.rand(2, 3, 8, 12)


def test_captures_outputs_with_their_gradients(foreign: Foreign) -> None:
    with FOREIGN_TAPS.open(foreign) as taps:
        assert len(taps) == 0
        foreign(IMAGE)
        assert list(taps) == ["E1", "E2", "B", "D2", "D1"]
        assert taps["B"].shape == (2, 12, 2, 3)
        taps["E2"].sum().backward()  # type: ignore[no-untyped-call]
    assert foreign.stem[0].weight.grad is not None  # type: ignore[index, union-attr]
    assert foreign.middle[0].weight.grad is None  # type: ignore[index, union-attr]


def test_logits_are_those_without_taps(foreign: Foreign) -> None:
    foreign.eval()
    plain = foreign(IMAGE)
    with FOREIGN_TAPS.open(foreign):
        assert torch.equal(foreign(IMAGE), plain)


def test_only_chosen_blocks_are_captured(foreign: Foreign) -> None:
    with FOREIGN_TAPS.open(foreign, ["D1", "E1"]) as taps:
        foreign(IMAGE)
        assert list(taps) == ["E1", "D1"]
        with pytest.raises(KeyError, match="not among the captured"):
            taps["B"]
    with (
        pytest.raises(BadModelError, match="no block 'E9'"),
        FOREIGN_TAPS.open(foreign, ["E9"]),
    ):
        pass


def test_each_forward_pass_replaces_the_maps(foreign: Foreign) -> None:
    with FOREIGN_TAPS.open(foreign) as taps:
        foreign(IMAGE)
        first = taps["D1"]
        foreign(IMAGE + 1)
        assert taps["D1"] is not first
        assert not torch.equal(taps["D1"], first)


def test_nothing_remains_after_the_context(foreign: Foreign) -> None:
    with FOREIGN_TAPS.open(foreign) as taps:
        foreign(IMAGE)
        assert hook_count(foreign) == 7
    assert hook_count(foreign) == 0
    assert len(taps) == 0
    with pytest.raises(KeyError, match="context is closed"):
        taps["D1"]


def test_nothing_remains_after_an_exception(foreign: Foreign) -> None:
    with pytest.raises(ZeroDivisionError), FOREIGN_TAPS.open(foreign):
        foreign(1 / 0)
    assert hook_count(foreign) == 0
    with pytest.raises(RuntimeError, match="channels"), FOREIGN_TAPS.open(foreign):
        foreign(IMAGE[:, :2])  # the network itself fails
    assert hook_count(foreign) == 0


def test_a_failed_forward_pass_leaves_the_context_usable(foreign: Foreign) -> None:
    with FOREIGN_TAPS.open(foreign) as taps:
        with pytest.raises(RuntimeError):
            foreign(IMAGE[:, :2])
        foreign(IMAGE)
        assert len(taps) == 5


def test_a_missing_module_is_refused_and_hooks_nothing(foreign: Foreign) -> None:
    spec = TapSpec((Tap("E1", "stem"), Tap("D1", "no.such")))
    with (
        pytest.raises(BadModelError, match=r"Foreign has no module 'no\.such'"),
        spec.open(foreign),
    ):
        pass
    assert hook_count(foreign) == 0


def test_a_wrong_adapter_is_refused_while_running(foreign: Foreign) -> None:
    spec = TapSpec((Tap("D1", "last", "tokens"),))
    with (
        pytest.raises(BadModelError, match=r"Block D1 \(module 'last'\): Tokens must"),
        spec.open(foreign),
    ):
        foreign(IMAGE)
    assert hook_count(foreign) == 0


def test_two_contexts_do_not_disturb_each_other(foreign: Foreign) -> None:
    with FOREIGN_TAPS.open(foreign) as outer:
        with FOREIGN_TAPS.open(foreign, ["D1"]) as inner:
            foreign(IMAGE)
            assert torch.equal(inner["D1"], outer["D1"])
        assert len(outer) == 5
    assert hook_count(foreign) == 0


def test_the_root_itself_and_an_input_can_be_tapped(foreign: Foreign) -> None:
    spec = TapSpec((Tap("D2", "classify", "input"), Tap("D1", "")))
    with spec.open(foreign) as taps:
        logits = foreign(IMAGE)
        assert taps["D1"] is logits
        assert taps["D2"].shape == (2, 4, 8, 12)


def test_a_copy_made_inside_is_a_plain_network(foreign: Foreign) -> None:
    with FOREIGN_TAPS.open(foreign) as taps:
        foreign(IMAGE)
        before = taps["D1"]
        copy.deepcopy(foreign.stem)(IMAGE)
        assert taps["D1"] is before


def test_a_copy_of_the_whole_network_made_inside_leaves_the_taps_alone(foreign: Foreign) -> None:
    with FOREIGN_TAPS.open(foreign) as taps:
        foreign(IMAGE)
        before = taps["D1"]
        copied = copy.deepcopy(foreign)
        copied(IMAGE)
        assert taps["D1"] is before
    with FOREIGN_TAPS.open(copied) as taps:
        copied(IMAGE)
        assert len(taps) == 5


def test_wrappers_are_looked_through(foreign: Foreign) -> None:
    compiled = torch.compile(foreign, backend="eager")
    averaged = AveragedModel(nn.DataParallel(foreign))
    assert isinstance(compiled, nn.Module)
    assert unwrap(compiled) is foreign
    assert isinstance(unwrap(averaged), Foreign)
    with FOREIGN_TAPS.open(averaged) as taps:
        averaged(IMAGE)
        assert len(taps) == 5


def test_a_network_compiled_without_taps_says_what_to_do(
    foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    for guarded in (False, True):
        monkeypatch.setattr("torch._dynamo.config.skip_nnmodule_hook_guards", not guarded)
        torch.compiler.reset()
        compiled = torch.compile(foreign, backend="eager")
        compiled(IMAGE)
        with FOREIGN_TAPS.open(foreign) as taps:
            compiled(IMAGE)
            assert len(taps) == (5 if guarded else 0)
            if not guarded:
                with pytest.raises(KeyError, match="hook_guards = False before it is compiled"):
                    taps["D1"]


class Checkpointed(Foreign):
    """The same network with a block computed again during backward."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.middle = _Again(self.middle, reentrant)


class _Again(nn.Module):
    def __init__(self, inner: nn.Module, reentrant: bool) -> None:
        super().__init__()
        self.inner = inner
        self.reentrant = reentrant

    def forward(self, maps: Tensor) -> Tensor:
        """Return what the inner module returns."""
        again: Tensor = checkpoint(self.inner, maps, use_reentrant=self.reentrant)
        return again


def test_recomputation_does_not_replace_the_maps() -> None:
    network = Checkpointed(reentrant=False)
    spec = TapSpec((Tap("B", "middle.inner"), Tap("D1", "last")))
    with spec.open(network) as taps:
        network(IMAGE)
        before = taps["B"]
        (before.sum() + taps["D1"].sum()).backward()  # type: ignore[no-untyped-call]
        assert taps["B"] is before


def test_taps_without_gradient_in_a_reentrant_checkpoint_are_refused() -> None:
    network = Checkpointed(reentrant=True)
    inside = TapSpec((Tap("B", "middle.inner"), Tap("D1", "last")))
    with pytest.raises(BadModelError, match="use_reentrant=False"), inside.open(network):
        network(IMAGE)
    outside = TapSpec((Tap("B", "middle"), Tap("D1", "last")))
    with outside.open(network) as taps:
        network(IMAGE)
        assert taps["B"].requires_grad
