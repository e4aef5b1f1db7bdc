from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadModelError, WriteError
from napari_selfreg.io import bundle
from napari_selfreg.io.bundle import (
    CARD_KEY,
    TensorInfo,
    open_header,
    read_card,
    read_header,
    read_tensors,
    sha256,
    write_bundle,
)
from tests import bundles
from tests.bundles import example_card, join_file, split_file, with_card

ARRAYS = {
    "weight": np.arange(12, dtype=np.float32).reshape(3, 4) / 7,
    "half": np.array([0.5, -2.0], np.float16),
    "count": np.array(5, np.int64),
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 3), np.float32),
}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    write_bundle(path, example_card(), ARRAYS)
    return path


def test_what_is_written_is_read(good: Path) -> None:
    assert read_card(good) == example_card()
    tensors = read_tensors(good)
    assert set(tensors) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert tensors[name].shape == array.shape
        np.testing.assert_array_equal(tensors[name], array)
    assert tensors["half"].dtype == np.float32
    assert all(array.flags.writeable for array in tensors.values())


def test_the_library_reads_our_files_and_we_read_its_own(good: Path) -> None:
    from safetensors import safe_open

    with safe_open(good, framework="np") as opened:
        assert set(opened.keys()) == set(ARRAYS)
        assert json.loads(opened.metadata()[CARD_KEY])["name"] == "tiny"


def test_equal_content_gives_equal_bytes(good: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    write_bundle(again, example_card(), dict(reversed(ARRAYS.items())))
    assert again.read_bytes() == good.read_bytes()


def test_the_header_lists_types_and_shapes(good: Path) -> None:
    header = read_header(good)
    assert header["count"].shape == ()
    assert header["count"].dtype == "I64"
    assert isinstance(header["weight"], TensorInfo)
    assert header["weight"].end - header["weight"].start == 48


def test_bfloat16_is_widened_exactly(tmp_path: Path, good: Path) -> None:
    header, _ = split_file(good)
    values = np.array([1.0, -0.15625], np.float32)
    data = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    entry = {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}
    path = join_file(
        tmp_path / "b.safetensors", {"__metadata__": header["__metadata__"], "w": entry}, data
    )
    np.testing.assert_array_equal(read_tensors(path)["w"], values)


def test_sha256_is_that_of_the_bytes(good: Path) -> None:
    assert sha256(good) == hashlib.sha256(good.read_bytes()).hexdigest()


def test_saving_needs_the_suffix_and_finite_values(tmp_path: Path) -> None:
    with pytest.raises(BadModelError, match="must end in"):
        write_bundle(tmp_path / "x.pt", example_card(), ARRAYS)
    with pytest.raises(BadModelError, match=r"weight.*not finite"):
        write_bundle(
            tmp_path / "x.safetensors", example_card(), {"weight": np.array([np.nan], np.float32)}
        )
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken.safetensors").mkdir()
    with pytest.raises(WriteError, match="taken"):
        write_bundle(tmp_path / "taken.safetensors", example_card(), ARRAYS)


def refused(path: Path) -> str:
    return bundles.refused(read_tensors, path)


class _Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was executed",))


def test_pickles_and_zips_are_refused_without_running_them(tmp_path: Path) -> None:
    for protocol in (2, 4, 5):
        path = tmp_path / f"p{protocol}.safetensors"
        path.write_bytes(pickle.dumps(_Bomb(), protocol))
        assert "pickle" in refused(path)
    zipped = tmp_path / "z.safetensors"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Bomb()))
    assert "zip" in refused(zipped)


def test_a_header_of_128_bytes_is_not_taken_for_a_pickle(tmp_path: Path, good: Path) -> None:
    header, data = split_file(good)
    for extra in range(256):  # one of these lengths begins with the byte 0x80
        raw = json.dumps(header).encode() + b" " * extra
        join_file(tmp_path / "padded.safetensors", raw, data)
        read_card(tmp_path / "padded.safetensors")


def test_empty_files_folders_and_absent_files_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.safetensors"
    empty.touch()
    assert "empty" in refused(empty)
    assert "folder" in refused(tmp_path)
    assert "no such file" in refused(tmp_path / "absent.safetensors")


def test_text_and_pictures_are_refused(tmp_path: Path) -> None:
    for content in (b"hello world, this is no model", b"\x89PNG\r\n\x1a\n" + b"0" * 50, b"abc"):
        path = tmp_path / "x.safetensors"
        path.write_bytes(content)
        assert "does not begin" in refused(path)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_truncation_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "cut.safetensors"
    write_bundle(path, example_card(), ARRAYS)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    refused(path)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=120), st.integers(0, 2**64 - 1))
def test_random_bytes_never_do_more_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, length: int
) -> None:
    path = tmp_path_factory.mktemp("noise") / "noise.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + raw)
    refused(path)


def test_a_huge_header_length_is_refused_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes((2**40).to_bytes(8, "little") + b"{}")
    assert "does not begin" in refused(path)


def test_bytes_behind_the_last_tensor_are_refused(good: Path) -> None:
    good.write_bytes(good.read_bytes() + b"hidden")
    assert "behind its last tensor" in refused(good)


HEADER_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"dtype": "F64"}, "number format"),
    ({"dtype": ["F32"]}, "damaged"),
    ({"shape": [3, 5]}, "does not fit"),
    ({"shape": [-3, -4]}, "damaged"),
    ({"shape": [3.0, 4.0]}, "damaged"),
    ({"shape": [True, 12]}, "damaged"),
    ({"shape": [2**62, 2**62]}, "does not fit"),
    ({"shape": [1] * 20}, "damaged"),
    ({"data_offsets": [0, 2**60]}, "does not fit"),
    ({"data_offsets": [48, 0]}, "does not fit"),
    ({"data_offsets": [1, 49]}, "overlap or leave gaps"),
    ({"data_offsets": [48]}, "damaged"),
    ({"evil": 1}, "damaged"),
]


@pytest.mark.parametrize(("changes", "fault"), HEADER_FAULTS)
def test_headers_that_do_not_fit_the_file_are_refused(
    good: Path, changes: dict[str, Any], fault: str
) -> None:
    header, data = split_file(good)
    header["weight"].update(changes)
    assert fault in refused(join_file(good, header, data))


def test_headers_without_card_or_tensors_are_refused(good: Path) -> None:
    header, data = split_file(good)
    only_card = {"__metadata__": header["__metadata__"]}
    assert "no tensors" in refused(join_file(good, only_card, b""))
    del header["__metadata__"]
    assert "no card" in refused(join_file(good, header, data))
    assert "no card" in refused(join_file(good, {**header, "__metadata__": {CARD_KEY: 3}}, data))
    assert "not a JSON object" in refused(join_file(good, b"[1, 2]", data))
    assert "not text" in refused(join_file(good, b"\xff\xfe{}", data))
    assert "not valid JSON" in refused(join_file(good, b"{'a': 1}", data))


@pytest.mark.parametrize("name", ["", "<script>", "a b", "\x1b[31m", "w" * 257])
def test_impossible_tensor_names_are_refused_without_echo(good: Path, name: str) -> None:
    header, data = split_file(good)
    header[name] = header.pop("weight")
    message = refused(join_file(good, header, data))
    assert "impossible name" in message
    assert not name or name not in message


def test_hostile_cards_are_refused_with_the_file_named(good: Path) -> None:
    assert "markup" in refused(with_card(good, terms="<script>x</script>"))
    assert "path" in refused(with_card(good, terms="", description="/home/alice/x"))


def test_weights_that_are_not_finite_are_refused(good: Path) -> None:
    header, data = split_file(good)
    start, end = header["weight"]["data_offsets"]
    poison = np.full(12, np.inf, "<f4").tobytes()
    assert "not finite" in refused(join_file(good, header, data[:start] + poison + data[end:]))


def test_a_file_that_shrinks_between_header_and_tensors_is_refused(good: Path) -> None:
    header = open_header(good)
    good.write_bytes(good.read_bytes()[:-60])
    with pytest.raises(BadModelError, match="cut off"):
        bundle.load_tensors(header)
