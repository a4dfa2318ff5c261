"""Reading ahead changes nothing but the time: same order, same errors, and the source is closed."""

import threading
import time
from itertools import count, islice

import pytest

from lift3d.detection.read_ahead import read_ahead


def test_the_same_items_in_the_same_order():
    assert list(read_ahead(range(100))) == list(range(100))
    assert list(read_ahead([None, 0, ()])) == [None, 0, ()]
    assert list(read_ahead([])) == []


def test_an_error_comes_when_its_turn_comes():
    def broken():
        yield 1
        yield 2
        raise ValueError("cut short")

    items = read_ahead(broken())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="cut short"):
        next(items)


def test_only_a_few_are_read_before_their_time():
    read = []

    def source():
        for number in count():
            read.append(number)
            yield number

    items = read_ahead(source(), ahead=3)
    assert next(items) == 0
    time.sleep(0.2)
    assert len(read) <= 6
    items.close()
    before = len(read)
    time.sleep(0.2)
    assert len(read) == before


def test_the_reader_ends_with_the_iteration():
    threads = threading.active_count()
    items = read_ahead(count())
    assert list(islice(items, 5)) == [0, 1, 2, 3, 4]
    assert threading.active_count() == threads + 1
    items.close()
    assert threading.active_count() == threads


def test_it_reads_while_others_work():
    second = threading.Event()

    def source():
        yield 1
        second.set()
        yield 2

    items = read_ahead(source())
    assert next(items) == 1
    assert second.wait(5)  # although nobody has asked for more
    assert list(items) == [2]
