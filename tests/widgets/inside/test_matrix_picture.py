from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from qtpy.QtWidgets import QApplication

from napari_selfreg.widgets.inside.matrices import Matrix
from napari_selfreg.widgets.inside.matrix_picture import MatrixPicture, matrix_image
from tests.widgets.inside.test_matrices import matrices


def test_colours_say_the_values() -> None:
    low, high = (
        matrix_image(np.full((2, 3), value), signed=False).pixelColor(0, 0) for value in (0.0, 1.0)
    )
    assert low.lightness() < high.lightness()
    middle = matrix_image(np.zeros((1, 1)), signed=True).pixelColor(0, 0)
    assert middle.lightness() > 230


def test_the_pointer_finds_its_cell(qtbot, looked) -> None:
    picture = MatrixPicture()
    qtbot.addWidget(picture)
    picture.resize(300, picture.heightForWidth(300))
    picture.setMatrices(matrices(looked, order="network"))
    first, second = picture._squares(picture.rect().toRectF())
    assert picture.cell_at(first.topLeft() + QPointF(1, 1)) == (0, 0, 0)
    assert picture.cell_at(second.bottomRight() - QPointF(1, 1)) == (1, 4, 4)
    assert picture.cell_at(QPointF(0, 0)) is None
    picture.show()
    qtbot.waitExposed(picture)
    place = first.topLeft() + QPointF(first.width() * 0.9, first.height() * 0.1)
    with qtbot.waitSignal(picture.cellEntered) as entered:
        qtbot.mouseMove(picture, place.toPoint())
    assert entered.args[0].startswith("Channels 0 and 5:")
    with qtbot.waitSignal(picture.cellClicked) as clicked:
        qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert clicked.args == [0, 5]


def square(values: np.ndarray, title: str = "a") -> Matrix:
    return Matrix(title, values, np.arange(len(values)) * 10)


@pytest.fixture
def picture(qtbot) -> MatrixPicture:
    made = MatrixPicture()
    qtbot.addWidget(made)
    made.resize(300, 300)
    return made


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2)])
def test_up_to_four_squares_fit_without_overlapping(
    picture, count: int, columns: int, rows: int
) -> None:
    picture.setMatrices([square(np.eye(3))] * count)
    picture.resize(310, picture.heightForWidth(310))
    squares = picture._squares(QRectF(picture.rect()))
    assert len({each.left() for each in squares}) == columns
    assert len({each.top() for each in squares}) == rows
    for one, other in combinations(squares, 2):
        assert not one.intersects(other)
    for each in squares:
        assert each.width() == each.height()
        assert QRectF(picture.rect()).contains(each)


def test_more_squares_need_more_height_and_one_never_grows_too_large(picture) -> None:
    picture.setMatrices([square(np.eye(3))] * 2)
    two = picture.heightForWidth(300)
    picture.setMatrices([square(np.eye(3))] * 4)
    assert picture.heightForWidth(300) > two
    picture.setMatrices([square(np.eye(3))])
    assert picture.heightForWidth(2000) == picture.heightForWidth(400)
    assert picture.hasHeightForWidth()
    assert picture.sizeHint() == QSize(240, picture.heightForWidth(240))


def test_without_matrices_nothing_answers(picture, qtbot) -> None:
    assert picture.cell_at(QPointF(100, 100)) is None
    assert not picture.grab().isNull()
    with qtbot.assertNotEmitted(picture.cellClicked):
        qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))


def test_a_cell_is_seen_in_the_colour_of_its_value(picture) -> None:
    values = np.array([[1.0, 0.0], [0.0, 1.0]])
    picture.setMatrices([square(values)])
    (area,) = picture._squares(QRectF(picture.rect()))
    seen = picture.grab().toImage()
    quarter = area.width() / 4
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        place = area.topLeft() + QPointF((2 * column + 1) * quarter, (2 * row + 1) * quarter)
        assert picture.cell_at(place) == (0, row, column)
        expected = matrix_image(values[row : row + 1, column : column + 1], signed=False)
        pixel = seen.pixelColor(place.toPoint()).getRgb()
        np.testing.assert_allclose(pixel, expected.pixelColor(0, 0).getRgb(), atol=3)


def test_signed_values_are_told_apart_by_colour(picture) -> None:
    values = np.array([[1.0, -1.0]])
    warm, cold = (matrix_image(values, signed=True).pixelColor(x, 0) for x in (0, 1))
    assert warm.red() > warm.blue()
    assert cold.blue() > cold.red()
    same = [matrix_image(np.array([[v]]), signed=False).pixelColor(0, 0) for v in (1.0, 1.5)]
    assert same[0] == same[1]  # roundings above 1 are no other colour


def test_the_pointer_leaves_and_other_buttons_choose_nothing(picture, qtbot) -> None:
    picture.setMatrices([square(np.eye(2))])
    (area,) = picture._squares(QRectF(picture.rect()))
    with qtbot.assertNotEmitted(picture.cellClicked):
        qtbot.mouseClick(picture, Qt.MouseButton.RightButton, pos=area.center().toPoint())
    with qtbot.waitSignal(picture.cellEntered) as said:
        QApplication.sendEvent(picture, QEvent(QEvent.Type.Leave))
    assert said.args == [""]
    with qtbot.waitSignal(picture.cellClicked) as clicked:
        place = area.topLeft() + QPointF(area.width() * 0.75, area.height() * 0.25)
        qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert clicked.args == [0, 10]  # channels, not rows and columns


def test_a_long_title_is_cut_in_its_middle_not_over_its_neighbour(picture) -> None:
    long = "a very long name of a model that fits nowhere · second half"
    picture.setMatrices([square(np.eye(2), long), square(np.eye(2), "b")])
    first, second = picture._squares(QRectF(picture.rect()))
    seen = picture.grab().toImage()
    paper = seen.pixelColor(picture.width() - 2, picture.height() - 2)
    gap = range(int(first.right()) + 1, int(second.left()) - 1)
    assert all(seen.pixelColor(x, y) == paper for x in gap for y in range(2, 14))


def test_new_matrices_take_the_place_of_the_old_ones(picture) -> None:
    picture.setMatrices([square(np.eye(2))] * 4, signed=True)
    picture.setMatrices([square(np.eye(5))])
    assert len(picture.matrices()) == 1
    assert picture.cell_at(picture._squares(QRectF(picture.rect()))[0].center()) == (0, 2, 2)


def test_a_picture_without_channels_answers_nothing(picture) -> None:
    picture.setMatrices([square(np.zeros((0, 0)))])
    assert picture.cell_at(picture._squares(QRectF(picture.rect()))[0].center()) is None
