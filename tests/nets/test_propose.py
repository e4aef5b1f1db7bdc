"""Proposals of taps for networks that nobody described."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.nets.conftest import FOREIGN_TAPS, Foreign, hook_count
from tests.nets.test_architectures import CASES, Case, image_for, network_and_taps

# The proposal sees no difference between a module and another that returns the same tensor.
SAME = {
    "model.1.submodule": "model.1.submodule.1",
    "model.1.submodule.1.submodule": "model.1.submodule.1.submodule.1",
    "vit.norm": "vit",
    "swinViT.layers3.0": "swinViT",
}


PROPOSED = [case for case in CASES if case.size > 16]


@pytest.mark.parametrize("case", PROPOSED, ids=str)
def test_finds_the_taps_of_the_registered_architectures(case: Case) -> None:
    network, spec = network_and_taps(case)
    proposed = TapSpec.propose(network, tuple(image_for(case, spec).shape)).tapspec
    assert proposed is not None
    found = {tap.block: SAME.get(tap.module, tap.module) for tap in proposed.taps}
    assert found == {tap.block: tap.module for tap in spec.taps}
    assert proposed.spatial_dims == spec.spatial_dims
    assert proposed.size_multiple == spec.size_multiple
    with proposed.open(network) as taps, torch.no_grad():
        network(image_for(case, spec))
        assert {block: tap.shape[1] for block, tap in taps.items()} == {
            block: channels for block, (channels, _) in case.maps.items()
        }


def test_finds_the_taps_of_a_foreign_network_and_leaves_it_as_it_was(foreign: Foreign) -> None:
    foreign.train()
    foreign.stem.eval()
    before = {name: tensor.clone() for name, tensor in foreign.state_dict().items()}
    proposal = TapSpec.propose(foreign, torch.rand(2, 3, 16, 24))
    assert proposal.tapspec == FOREIGN_TAPS
    assert foreign.training
    assert not foreign.stem.training
    assert not foreign.stem[0].training  # type: ignore[index]
    assert foreign.last.training
    assert hook_count(foreign) == 0
    after = foreign.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_lists_modules_with_shapes_and_blocks(foreign: Foreign) -> None:
    proposal = TapSpec.propose(foreign, (1, 3, 16, 24))
    by_name = {info.name: info for info in proposal.modules}
    assert by_name["middle"].shape == (1, 12, 4, 6)
    assert by_name["middle.0"].kind == "Conv2d"
    assert (by_name["middle"].depth, by_name["middle.0"].depth) == (1, 2)
    table = str(proposal).splitlines()
    assert len(table) == len(proposal.modules)
    assert any(line.split()[:3] == ["B", "middle", "Sequential"] for line in table)


def test_the_network_is_run_where_it_is_and_the_result_is_not_kept() -> None:
    with torch.device("meta"):
        network = Foreign().double()
    assert TapSpec.propose(network, (1, 3, 64, 64)).tapspec == FOREIGN_TAPS


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1)),
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 2, 1)),
        nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2)),
    ],
)
def test_no_proposal_for_what_is_not_u_shaped(network: nn.Module) -> None:
    proposal = TapSpec.propose(network, (1, 3, 16, 16))
    assert proposal.tapspec is None
    assert len(proposal.modules) == len(network)  # type: ignore[arg-type]


def test_an_input_that_does_not_fit_is_refused(foreign: Foreign) -> None:
    with pytest.raises(BadModelError, match=r"does not run on an input of shape \(1, 4, 16, 16\)"):
        TapSpec.propose(foreign, (1, 4, 16, 16))
    with pytest.raises(BadModelError, match="shape is"):
        TapSpec.propose(foreign, (3, 16, 16))
    assert hook_count(foreign) == 0


@pytest.mark.parametrize("shape", [(1, 3, -1, 16), (1, 3, 0, 16), (0, 3, 16, 16), (1, 3, 16.0, 16)])
def test_a_shape_without_pixels_is_refused(foreign: Foreign, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadModelError, match="whole numbers above 0"):
        TapSpec.propose(foreign, shape)


class Halving(nn.Module):
    """A network that takes odd sizes: it enlarges to the size of the skip."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1)
        self.third, self.shrink = nn.Conv2d(6, 8, 3, padding=1), nn.MaxPool2d(2)
        self.fourth, self.last = nn.Conv2d(14, 6, 1), nn.Conv2d(10, 4, 1)
        self.classify = nn.Conv2d(4, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits."""
        first = self.first(image)
        second = self.second(self.shrink(first))
        third = self.third(self.shrink(second))
        fourth = self.fourth(torch.cat([second, self._grown(third, second)], 1))
        logits: Tensor = self.classify(self.last(torch.cat([first, self._grown(fourth, first)], 1)))
        return logits

    @staticmethod
    def _grown(below: Tensor, skip: Tensor) -> Tensor:
        return nn.functional.interpolate(below, tuple(skip.shape[2:]))


@pytest.mark.parametrize("sides", [(50, 50), (50, 48), (49, 35)])
def test_sizes_that_are_rounded_are_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(BadModelError, match=r"Give a size that is, such as \d\d x \d\d\."):
        TapSpec.propose(Halving(), (1, 3, *sides))
    proposed = TapSpec.propose(Halving(), (1, 3, 52, 36)).tapspec
    assert proposed is not None
    assert len(proposed.taps) == 5


class Normalised(Foreign):
    """The same network with a normalisation that needs more than one pixel."""

    def __init__(self) -> None:
        super().__init__()
        for block in (self.stem, self.narrow, self.middle, self.wide, self.last):
            block[1] = nn.InstanceNorm2d(block[1].num_features)  # type: ignore[index,operator]


@pytest.mark.parametrize(("kind", "strides"), [(Foreign, 1), (Normalised, 2)])
def test_the_smallest_size_is_one_that_runs(kind: type[Foreign], strides: int) -> None:
    network = kind()
    proposed = TapSpec.propose(network, (1, 3, 32, 48)).tapspec
    assert proposed is not None
    assert (proposed.size_multiple, proposed.min_size) == (4, 4 * strides)
    network.eval()(torch.zeros(1, 3, proposed.min_size, proposed.min_size))


class OneSize(Foreign):
    """A network that takes one size only."""

    def forward(self, image: Tensor) -> Tensor:
        """Return logits."""
        assert image.shape[2:] == (32, 32)
        return super().forward(image)


def test_a_network_of_one_size_needs_what_it_was_given() -> None:
    proposed = TapSpec.propose(OneSize(), (1, 3, 32, 32)).tapspec
    assert proposed is not None
    assert proposed.min_size == 32


class Block(nn.Module):
    """A decoder block that first narrows what it is given, at the size of the block before."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(entering, leaving, 1)
        self.grow = nn.Upsample(scale_factor=2)

    def forward(self, image: Tensor) -> Tensor:
        """Return the block's map."""
        grown: Tensor = self.grow(self.narrow(image))
        return grown


class Deep(nn.Module):
    """Blocks of several modules, a head of two layers, perhaps a head of deep supervision."""

    def __init__(self, supervised: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1)
        self.third, self.shrink = nn.Conv2d(6, 8, 3, padding=1), nn.MaxPool2d(2)
        self.blocks = nn.ModuleList([Block(8, 6), Block(6, 4)])
        self.beside = nn.ModuleList([nn.Conv2d(6, 2, 1)] if supervised else [])
        self.classify = nn.Sequential(nn.Conv2d(4, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 1))

    def forward(self, image: Tensor) -> object:
        """Return logits, coarse ones too where they are supervised."""
        below = self.third(self.shrink(self.second(self.shrink(self.first(image)))))
        coarse: Tensor = self.blocks[0](below)
        others = [head(coarse) for head in self.beside]
        return [self.classify(self.blocks[1](coarse)), *others]


@pytest.mark.parametrize("supervised", [False, True])
def test_the_blocks_are_the_outermost_modules(supervised: bool) -> None:
    proposed = TapSpec.propose(Deep(supervised), (1, 3, 32, 32)).tapspec
    assert proposed is not None
    assert {tap.block: tap.module for tap in proposed.taps if tap.block[0] in "BD"} == {
        "B": "third",
        "D2": "blocks.0",
        "D1": "blocks.1",
    }


class Tokens(Foreign):
    """The same network with a block of which the channels come last."""

    def __init__(self) -> None:
        super().__init__()
        self.turned = nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        """Return logits."""
        turned: Tensor = self.turned(self.stem(image).movedim(1, -1))
        second = self.narrow(self.shrink(turned.movedim(-1, 1)))
        fourth = self.wide(torch.cat([second, self.grow(self.middle(self.shrink(second)))], 1))
        logits: Tensor = self.classify(
            self.last(torch.cat([turned.movedim(-1, 1), self.grow(fourth)], 1))
        )
        return logits


def test_channels_may_come_last() -> None:
    proposed = TapSpec.propose(Tokens(), (1, 3, 32, 48)).tapspec
    assert proposed is not None
    assert proposed.taps[0] == Tap("E1", "turned", "channels_last")


class Several(nn.Module):
    """A network that returns more than its logits."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.inner = Foreign()
        self.summary = nn.Linear(2, 1)
        self.kind = kind

    def forward(self, image: Tensor) -> object:
        """Return logits among others."""
        logits = self.inner(image)
        other = self.summary(logits.mean((2, 3)))
        if self.kind == "dict":
            return {"other": other, "out": logits, "name": "none"}
        return (other, [logits])


@pytest.mark.parametrize("kind", ["dict", "tuple"])
def test_the_head_is_found_among_several_outputs(kind: str) -> None:
    proposed = TapSpec.propose(Several(kind), (1, 3, 16, 24)).tapspec
    assert proposed is not None
    assert [tap.module for tap in proposed.taps] == [
        f"inner.{tap.module}" for tap in FOREIGN_TAPS.taps
    ]


class Recurrent(nn.Module):
    """One block for all levels: a tap on it would always hold its last run."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.block, self.head = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3, 1, 1), nn.ReLU()

    def forward(self, image: Tensor) -> Tensor:
        """Return logits."""
        first = self.block(self.enter(image))
        second = self.block(nn.functional.avg_pool2d(first, 2))
        third = self.block(nn.functional.interpolate(second, scale_factor=2.0) + first)
        logits: Tensor = self.head(third)
        return logits


def test_a_module_that_runs_on_several_levels_is_no_block() -> None:
    proposal = TapSpec.propose(Recurrent(), (1, 3, 16, 16))
    assert [info.name for info in proposal.modules].count("block") == 3
    assert proposal.tapspec is None


class Enlarged(nn.Module):
    """Logits at half size, enlarged at the end, from channels no wider than the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Foreign(classes=6)
        self.enlarge = nn.Upsample(scale_factor=2)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits."""
        small = nn.functional.avg_pool2d(image, 2)
        logits: Tensor = self.enlarge(self.inner(small))
        return logits


def test_logits_that_are_enlarged_belong_to_the_head() -> None:
    proposed = TapSpec.propose(Enlarged(), (1, 3, 32, 32)).tapspec
    assert proposed is not None
    assert [tap.module for tap in proposed.taps if tap.block[0] in "BD"] == [
        "inner.middle",
        "inner.wide",
        "inner.last",
    ]
