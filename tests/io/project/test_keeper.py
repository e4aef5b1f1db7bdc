"""Work beside a person's: one task after the other, stopped in time."""

from __future__ import annotations

import threading

from napari_selfreg.io.project.keeper import Keeper


def test_a_failing_task_does_not_stop_the_next() -> None:
    done = threading.Event()

    def fails(_: object) -> None:
        raise OSError("no disk")

    keeper = Keeper()
    keeper.ask(fails)
    keeper.ask(lambda _: done.set())
    assert done.wait(60)
    keeper.stop()
    keeper.ask(fails)  # ignored


def test_tasks_run_in_order_and_not_in_the_thread_that_asks() -> None:
    keeper, done, ran = Keeper(), threading.Event(), []
    held = threading.Event()

    def task(number: int) -> None:
        ran.append((number, threading.current_thread()))
        if number == 3:
            done.set()

    keeper.ask(lambda _: held.wait(60))
    for number in (1, 2, 3):
        keeper.ask(lambda _, number=number: task(number))
    held.set()
    assert done.wait(60)
    keeper.stop()
    assert [number for number, _ in ran] == [1, 2, 3]
    assert {thread for _, thread in ran}.isdisjoint({threading.current_thread()})


def test_a_task_waits_only_once() -> None:
    keeper, held, begun, count = Keeper(), threading.Event(), threading.Event(), []
    last = threading.Event()

    def hold(_: object) -> None:
        begun.set()
        held.wait(60)

    def counted(_: object) -> None:
        count.append(1)

    keeper.ask(hold)
    assert begun.wait(60)
    for _ in range(5):
        keeper.ask(counted)
    keeper.ask(lambda _: last.set())
    held.set()
    assert last.wait(60)
    keeper.stop()
    assert count == [1]


def test_stopping_tells_the_task_and_drops_the_others() -> None:
    keeper, begun, told, dropped = Keeper(), threading.Event(), threading.Event(), []

    def long(stopped: object) -> None:
        begun.set()
        while not stopped():
            pass
        told.set()

    keeper.ask(long)
    keeper.ask(lambda _: dropped.append(1))
    assert begun.wait(60)
    keeper.stop()
    assert told.is_set()  # it has waited for it
    keeper.stop()
    assert dropped == []


def test_a_task_may_stop_its_own_keeper() -> None:
    keeper, done = Keeper(), threading.Event()

    def end(_: object) -> None:
        keeper.stop()  # would wait for itself
        done.set()

    keeper.ask(end)
    assert done.wait(60)
