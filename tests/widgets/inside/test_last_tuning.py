from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from napari_selfreg.widgets.inside.last_tuning import before_and_after
from napari_selfreg.widgets.inside.looking import Source
from tests.widgets.fakes import make_card


def test_before_and_after_follow_the_newest_version() -> None:
    records = [
        SimpleNamespace(id="v1", parent=None, facts={"base": "spots"}),
        SimpleNamespace(id="v2", parent="v1", facts={"base": "spots-1"}),
    ]
    versions = SimpleNamespace(all=records[:1], path=lambda each: Path(each))
    project = SimpleNamespace(versions=versions)
    base = Source("Spots", make_card(), Path("base"))
    tuned = [Source(name, make_card(name=name), Path(name)) for name in ("v1", "v2")]
    assert before_and_after(None, [base]) is None
    assert before_and_after(project, [base]) is None
    assert before_and_after(project, [base, *tuned]) == (base, tuned[0])
    versions.all = records
    assert before_and_after(project, [base, *tuned]) == (tuned[0], tuned[1])


def test_networks_that_are_no_files_are_never_meant() -> None:
    record = SimpleNamespace(id="v1", parent=None, facts={"base": "spots"})
    versions = SimpleNamespace(all=[record], path=lambda each: Path(each))
    project = SimpleNamespace(versions=versions)
    loaded = Source("Spots", make_card(), SimpleNamespace())
    tuned = Source("v1", make_card(name="v1"), Path("v1"))
    assert before_and_after(project, [loaded, tuned]) is None


def test_a_version_of_the_same_name_is_not_its_own_base() -> None:
    record = SimpleNamespace(id="v1", parent=None, facts={"base": "spots"})
    versions = SimpleNamespace(all=[record], path=lambda each: Path(each))
    project = SimpleNamespace(versions=versions)
    tuned = Source("v1", make_card(), Path("v1"))  # named as its base
    assert before_and_after(project, [tuned]) is None
    base = Source("Spots", make_card(), Path("base"))
    assert before_and_after(project, [tuned, base]) == (base, tuned)
