"""Beam search: the likeliest words by a model of letters, found by a loop inside the graph that ends itself.

The model knows how often a letter follows two others in the docstrings of flowcore. The search keeps so many
of the likeliest beginnings, extends each by every letter, and ends when all that it keeps are whole words.
The result is compared with that of the same search in NumPy; the same steps by a Python loop around a run
each are timed beside it.
"""

from __future__ import annotations

import argparse
import inspect
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import flowcore as fc

LETTERS = " abcdefghijklmnopqrstuvwxyz"  # the first of them ends a word
COUNT = len(LETTERS)
LONGEST = 20


def letter_model() -> np.ndarray:
    """log P(letter | the two before it), a row for each pair of letters."""
    texts = [inspect.getdoc(value) or "" for value in vars(fc).values() if inspect.isroutine(value)]
    words = re.findall(r"\b[a-z]{2,}\b", " ".join(texts))
    counts = np.full((COUNT, COUNT, COUNT), 0.01)
    for word in words:
        letters = [0, 0, *(LETTERS.index(c) for c in word), 0]
        for first, second, third in zip(letters, letters[1:], letters[2:]):
            counts[first, second, third] += 1
    return np.log(counts / counts.sum(2, keepdims=True)).reshape(-1, COUNT).astype(np.float32)


class Beam(NamedTuple):
    """The beginnings that the search keeps, the likeliest first."""

    scores: fc.Tensor  # float32 (width,): logarithms of probabilities
    pairs: fc.Tensor  # int32 (width,): the last two letters, first * COUNT + second
    ended: fc.Tensor  # bool (width,)
    letters: fc.Tensor  # int32 (width, length)


def likeliest(values: fc.Tensor, count: int) -> fc.Tensor:
    """The places of the largest values of a vector, the largest first."""
    places = []
    for _ in range(count):
        places.append(fc.argmax(values, output_type=fc.int32))
        taken = fc.one_hot(places[-1], fc.size(values), on_value=True, off_value=False)
        values = fc.where(taken, fc.fill(fc.shape(values), -np.inf), values)
    return fc.stack(places)


def first_beam(letter: fc.Tensor, width: int) -> Beam:
    """One beginning, of one letter; the others are impossible."""
    return Beam(
        fc.constant([0.0] + [-np.inf] * (width - 1)),
        fc.fill([width], letter),
        fc.zeros([width], fc.bool),
        fc.fill([width, 1], letter),
    )


def extended(beam: Beam, model: fc.Tensor, width: int) -> Beam:
    """The likeliest beginnings with one letter more. What has ended stays as it is."""
    only_end = fc.constant([[0.0] + [-np.inf] * (COUNT - 1)] * width)
    following = fc.where(beam.ended, only_end, fc.gather(model, beam.pairs))
    scores = fc.reshape(fc.expand_dims(beam.scores, 1) + following, [-1])
    places = likeliest(scores, width)
    parents, letters = places // COUNT, places % COUNT
    return Beam(
        fc.gather(scores, places),
        fc.gather(beam.pairs, parents) % COUNT * COUNT + letters,
        fc.equal(letters, 0),
        fc.concat([fc.gather(beam.letters, parents), fc.expand_dims(letters, 1)], 1),
    )


def goes_on(beam: Beam) -> fc.Tensor:
    return fc.logical_and(fc.shape(beam.letters)[1] < LONGEST, fc.logical_not(fc.reduce_all(beam.ended)))


def search_in_numpy(model: np.ndarray, letter: int, width: int) -> tuple[np.ndarray, list[list[int]]]:
    """The same search, one beginning at a time."""
    beam: list[tuple[np.float32, list[int], bool]] = [(np.float32(0), [letter], False)]
    while len(beam[0][1]) < LONGEST and not all(ended for _, _, ended in beam):
        candidates = []
        for score, letters, ended in beam:
            if ended:
                candidates.append((score, [*letters, 0], True))
                continue
            before = letters[-2] if len(letters) > 1 else 0
            for following, more in enumerate(model[before * COUNT + letters[-1]]):
                candidates.append((score + more, [*letters, following], following == 0))
        candidates.sort(key=lambda c: -c[0])
        beam = candidates[:width]
    return np.array([score for score, _, _ in beam]), [letters for _, letters, _ in beam]


def best_time(work: Callable[[], Any], rounds: int = 5) -> tuple[float, Any]:
    """The shortest time of some rounds, in seconds, and what the last one gave."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return min(times), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    widths = range(1, COUNT + 1)
    parser.add_argument("--width", type=int, default=8, choices=widths, help="how many beginnings are kept")
    parser.add_argument("--output", help="unused: nothing is written")
    args = parser.parse_args()
    width = args.width

    table = letter_model()
    model = fc.constant(table)
    letter = fc.placeholder(fc.int32, [], name="letter")
    first = first_beam(letter, width)

    # The loop inside the graph. The words grow from turn to turn: their length is no part of the shape.
    found = fc.while_loop(
        goes_on,
        lambda beam: extended(beam, model, width),
        [first],
        shape_invariants=[Beam([width], [width], [width], [width, None])],
        name="search",
    )

    # The loop in Python: each step is fed with what the last one gave, and says whether to go on.
    given = Beam(
        fc.placeholder(fc.float32, [width]),
        fc.placeholder(fc.int32, [width]),
        fc.placeholder(fc.bool, [width]),
        fc.placeholder(fc.int32, [width, None]),
    )
    following = extended(given, model, width)

    with fc.Session() as sess:
        search = sess.make_callable(found, [letter])
        start = sess.make_callable(first, [letter])
        step = sess.make_callable([following, goes_on(following)], list(given))
        search(1), step(*start(1))  # make the plans

        def from_python(i: int) -> tuple[Beam, int]:
            beam, again, steps = start(i), True, 0
            while again:
                beam, again = step(*beam)
                steps += 1
            return beam, steps

        graph_seconds, words = best_time(lambda: [search(i) for i in range(1, COUNT)])
        python_seconds, searches = best_time(lambda: [from_python(i) for i in range(1, COUNT)])
    steps = sum(count for _, count in searches)

    for i, beam in enumerate(words, 1):
        scores, letters = search_in_numpy(table, i, width)
        np.testing.assert_array_equal(beam.scores, scores)
        np.testing.assert_array_equal(beam.letters, letters)
    print(" ".join("".join(LETTERS[k] for k in beam.letters[0]).strip() for beam in words))
    print(
        f"{len(words)} searches of {steps} steps, {width} wide, as in NumPy: {graph_seconds * 1e3:.2f} ms in"
        f" the graph, {python_seconds * 1e3:.2f} ms from Python"
    )


if __name__ == "__main__":
    main()
