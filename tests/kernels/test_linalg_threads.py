"""Products and convolutions through the engine: the same bits for any number of threads."""

import concurrent.futures

import numpy as np
import pytest

import flowcore as fc
from flowcore import kernels


def results(threads):
    rng = np.random.default_rng(0)
    with fc.Graph().as_default():
        fetches = []
        for m, n, k in (
            (300, 700, 520),
            (64, 10, 512),
            (1, 512, 3136),
            (1030, 40, 9),
            (20, 800, 400),
            (20, 200, 800),
            (7, 1000, 333),
        ):
            a, b = rng.normal(size=(m, k)).astype(np.float32), rng.normal(size=(k, n)).astype(np.float32)
            fetches += [
                fc.matmul(a, b),
                fc.matmul(a.T, b, transpose_a=True),
                fc.matmul(a, b.T, transpose_b=True),
            ]
        fetches.append(fc.matmul(rng.normal(size=(40, 30, 20)), rng.normal(size=(20, 50))))
        fetches.append(fc.matmul(rng.integers(-9, 9, size=(200, 300)), rng.integers(-9, 9, size=(300, 100))))
        for image, kernel, layout in (
            ((9, 28, 28, 1), (5, 5, 1, 32), "NHWC"),
            ((9, 14, 14, 32), (5, 5, 32, 64), "NHWC"),
            ((5, 15, 13, 48), (3, 3, 48, 80), "NHWC"),
            ((3, 12, 30, 31), (3, 3, 12, 40), "NCHW"),
        ):
            x, w = (
                fc.constant(rng.normal(size=image), fc.float32),
                fc.constant(rng.normal(size=kernel), fc.float32),
            )
            y = fc.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME", data_format=layout)
            fetches += [y, *fc.gradients(y * y, [x, w])]
        config = fc.ConfigProto(inter_op_parallelism_threads=threads, use_per_session_threads=True)
        with fc.Session(config=config) as sess:
            return [sess.run(fetches) for _ in range(3)]


@pytest.fixture(scope="module")
def alone():
    return results(1)[0]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_do_not_depend_on_the_number_of_threads(alone, threads):
    for found in results(threads):
        for expected, value in zip(alone, found, strict=True):
            np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_constant_filter_is_kept_and_serves_many_steps_at_once(threads, monkeypatch):
    kept, make = [], kernels.new_kept
    monkeypatch.setattr(kernels, "new_kept", lambda: kept.append(make()) or kept[-1])
    rng = np.random.default_rng(0)
    images = rng.normal(size=(12, 3, 14, 14, 64)).astype(np.float32)
    with fc.Graph().as_default():
        x = fc.placeholder(fc.float32, [None, 14, 14, 64])
        layers = [
            fc.nn.conv2d(x, fc.constant(rng.normal(size=(3, 3, 64, 64)), fc.float32), [1, 1, 1, 1], "SAME")
            for _ in range(3)
        ]
        config = fc.ConfigProto(inter_op_parallelism_threads=threads, use_per_session_threads=True)
        with fc.Session(config=config) as sess:
            with concurrent.futures.ThreadPoolExecutor(8) as callers:
                at_once = list(callers.map(lambda image: sess.run(layers, {x: image}), images))
            for image, found in zip(images, at_once, strict=True):
                for expected, value in zip(sess.run(layers, {x: image}), found, strict=True):
                    np.testing.assert_array_equal(value, expected)
    assert len(kept) == len(layers)
