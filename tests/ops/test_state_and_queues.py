"""Variables, queues, images and checks through the public functions: what they promise, and what
they refuse.
"""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.kernels.in_python import jpeg


def initialised() -> fc.Session:
    sess = fc.Session()
    sess.run([fc.global_variables_initializer(), fc.local_variables_initializer()])
    return sess


# ---- variables ----------------------------------------


@pytest.mark.parametrize(
    "dtype", [fc.float16, fc.float32, fc.float64, fc.int8, fc.int32, fc.int64, fc.uint8, fc.complex64]
)
def test_assign_add_and_sub_work_in_place_for_every_type(dtype: fc.DType) -> None:
    v = fc.Variable(fc.cast(fc.constant([3, 4, 5]), dtype))
    two = fc.cast(fc.constant([2, 2, 2]), dtype)
    with initialised() as sess:
        np.testing.assert_array_equal(sess.run(v.assign_add(two)), [5, 6, 7])
        np.testing.assert_array_equal(sess.run(fc.assign_sub(v, two)), [3, 4, 5])
        np.testing.assert_array_equal(sess.run(fc.assign(v, two)), [2, 2, 2])


def test_a_reader_keeps_the_value_of_its_moment() -> None:
    v = fc.Variable(np.zeros(1000, np.float32))
    before = v.read_value()
    with fc.control_dependencies([before]):
        after = v.assign_add(np.ones(1000, np.float32))
        with fc.control_dependencies([after]):
            late = fc.identity(before)
    with initialised() as sess:
        for i in range(20):
            early, now = sess.run([late, after])
            assert (early == i).all()
            assert (now == i + 1).all()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_concurrent_updates_all_count(threads: int) -> None:
    v = fc.Variable(np.zeros(100_000, np.float32))
    add = v.assign_add(np.ones(100_000, np.float32), read_value=False)
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        sess.run(fc.global_variables_initializer())
        run = sess.make_callable(add)
        torn: list[np.ndarray] = []

        def read() -> None:
            for _ in range(50):
                value = sess.run(v)
                if (value != value[0]).any():
                    torn.append(value)

        workers = [threading.Thread(target=lambda: [run() for _ in range(50)]) for _ in range(4)] + [
            threading.Thread(target=read)
        ]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        assert (sess.run(v) == 200).all()
        assert not torn


def test_scatter_repeats_count_and_bad_rows_are_named() -> None:
    v = fc.Variable(np.zeros((3, 2)))
    index = fc.placeholder(fc.int32, [None])
    add = fc.scatter_add(v, index, np.ones((3, 2)))
    with initialised() as sess:
        np.testing.assert_array_equal(sess.run(add, {index: [0, 2, 0]}), [[2, 2], [0, 0], [1, 1]])
        with pytest.raises(fc.errors.InvalidArgumentError, match=r"indices\[1\] = 3 is not in \[0, 3\)"):
            sess.run(add, {index: [0, 3, 0]})
        np.testing.assert_array_equal(
            sess.run(fc.scatter_update(v, [1], [[7.0, 8.0]])), [[2, 2], [7, 8], [1, 1]]
        )
        np.testing.assert_array_equal(sess.run(fc.gather(v, [1, 1])), [[7, 8], [7, 8]])


SCATTERS = {
    "update": lambda old, new: new,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "min": np.minimum,
    "max": np.maximum,
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kind", SCATTERS)
def test_every_scatter_counts_repeated_rows(kind: str, dtype: str) -> None:
    start = np.arange(1, 9).reshape(4, 2).astype(dtype)
    updates = np.array([[2, 4], [8, 1], [4, 2]], dtype)
    expected = start.copy()
    for row, update in zip([3, 0, 3], updates, strict=True):
        expected[row] = SCATTERS[kind](expected[row], update)
    v = fc.Variable(start)
    result = getattr(fc, f"scatter_{kind}")(v, [3, 0, 3], updates)
    with initialised() as sess:
        np.testing.assert_array_equal(sess.run(result), expected)
        np.testing.assert_array_equal(sess.run(v), expected)


@pytest.mark.parametrize(
    "start", [np.zeros((4, 2), bool), np.array([[b"a", b"b"]] * 4, object), np.ones((4, 2), np.complex64)]
)
def test_rows_of_any_dtype_are_replaced(start: np.ndarray) -> None:
    """Also those that somebody has read: these keep what they had."""
    new = {"b": [[True, False], [False, True]], "O": [[b"c" * 40, b"d"], [b"e", b""]], "c": [[1j, 2], [3, 4]]}
    updates = np.array(new[start.dtype.kind], start.dtype)
    v = fc.Variable(start)
    with initialised() as sess:
        before = sess.run(v)
        for rows in ([3, 0], [1, 1]):
            expected = sess.run(v)
            expected[rows] = updates
            np.testing.assert_array_equal(sess.run(fc.scatter_update(v, rows, updates)), expected)
            np.testing.assert_array_equal(sess.run(v), expected)
        np.testing.assert_array_equal(
            sess.run(fc.scatter_update(v, [2], updates[0, 0]))[2], [updates[0, 0]] * 2
        )
        np.testing.assert_array_equal(before, start)


def test_rows_of_text_and_truth_values_are_not_added() -> None:
    for start in ([True], ["a"]):
        with pytest.raises(TypeError, match="ScatterAdd does not take dtype"):
            fc.scatter_add(fc.Variable(start), [0], start)


def test_shapes_and_dtypes_of_assignments_are_checked() -> None:
    v = fc.Variable(np.zeros((2, 3), np.float32), name="table")
    with pytest.raises(ValueError, match=r"not compatible|incompatible"):
        v.assign(np.zeros((3, 2), np.float32))
    with pytest.raises((TypeError, ValueError), match="float32"):
        v.assign(fc.constant(np.zeros((2, 3))))
    loose = fc.placeholder(fc.float32)
    with (
        initialised() as sess,
        pytest.raises(fc.errors.InvalidArgumentError, match=r"'table' has shape \[2, 3\].*\[4\]"),
    ):
        sess.run(v.assign(loose), {loose: [1, 2, 3, 4]})


def test_uninitialised_variables_are_listed() -> None:
    a, b = fc.Variable(1.0, name="a"), fc.Variable(2.0, name="b")
    names = fc.report_uninitialized_variables()
    with fc.Session() as sess:
        assert sess.run(names).tolist() == [b"a", b"b"]
        sess.run(a.initializer)
        assert sess.run(names).tolist() == [b"b"]
        assert sess.run([fc.is_variable_initialized(a), fc.is_variable_initialized(b)]) == [True, False]
        b.load(5.0, sess)
        assert sess.run(b) == 5


def test_counting_ends_at_the_limit() -> None:
    v = fc.Variable(0)
    count = v.count_up_to(2)
    with initialised() as sess:
        assert [sess.run(count), sess.run(count)] == [0, 1]
        with pytest.raises(fc.errors.OutOfRangeError, match="limit of 2"):
            sess.run(count)


def test_gradients_reach_variables_dense_and_sparse() -> None:
    v = fc.Variable(np.arange(6.0).reshape(3, 2))
    dense, sparse = (
        fc.gradients(fc.reduce_sum(v * v), v)[0],
        fc.gradients(fc.reduce_sum(fc.gather(v, [2, 2])), v)[0],
    )
    assert isinstance(sparse, fc.IndexedSlices)
    with initialised() as sess:
        np.testing.assert_array_equal(sess.run(dense), 2 * np.arange(6.0).reshape(3, 2))
        np.testing.assert_array_equal(sess.run(fc.convert_to_tensor(sparse)), [[0, 0], [0, 0], [2, 2]])
        assert sess.run(sparse).indices.tolist() == [2, 2]


# ---- queues ----------------------------------------


def test_a_queue_gives_out_in_order_and_says_when_it_ends() -> None:
    q = fc.FIFOQueue(10, [fc.int32, fc.string], [[], []])
    with fc.Session() as sess:
        sess.run(q.enqueue_many([[1, 2, 3, 4], ["a", "b", "c", "d"]]))
        assert sess.run(q.size()) == 4
        assert sess.run(q.dequeue()) == [1, b"a"]
        numbers, texts = sess.run(q.dequeue_many(2))
        assert (numbers.tolist(), texts.tolist()) == ([2, 3], [b"b", b"c"])
        sess.run(q.close())
        assert sess.run(q.is_closed())
        with pytest.raises(fc.errors.OutOfRangeError, match=r"requested 5, current size 1"):
            sess.run(q.dequeue_many(5))
        assert sess.run(q.dequeue_up_to(5))[0].tolist() == [4]
        with pytest.raises(fc.errors.CancelledError, match="closed"):
            sess.run(q.enqueue([5, "e"]))
        with pytest.raises(fc.errors.OutOfRangeError, match="closed"):
            sess.run(q.dequeue())


def test_a_batch_may_be_larger_than_the_queue() -> None:
    q = fc.FIFOQueue(2, fc.int64, [[]])
    put = q.enqueue_many([np.arange(7)])
    with fc.Session() as sess:
        thread = threading.Thread(target=lambda: sess.run(put))
        thread.start()
        np.testing.assert_array_equal(sess.run(q.dequeue_many(7)), np.arange(7))
        thread.join(5)
        assert not thread.is_alive()


def test_closing_cancels_waiting_enqueues_when_asked() -> None:
    q = fc.FIFOQueue(1, fc.int32, [[]])
    put = q.enqueue(1)
    caught: list[Exception] = []
    with fc.Session() as sess:
        sess.run(put)

        def wait() -> None:
            try:
                sess.run(put)
            except fc.errors.CancelledError as error:
                caught.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        while not any(s.plan.engine.waiting() for s in sess._signatures.values()):
            pass
        sess.run(q.close(cancel_pending_enqueues=True))
        thread.join(5)
        assert len(caught) == 1
        assert sess.run(q.dequeue()) == 1


def test_a_shuffling_queue_keeps_its_minimum_until_it_closes() -> None:
    q = fc.RandomShuffleQueue(20, 5, fc.int32, [[]], seed=3)
    with fc.Session() as sess:
        sess.run(q.enqueue_many([list(range(10))]))
        first = sess.run(q.dequeue_many(5)).tolist()
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(q.dequeue(), options=fc.RunOptions(timeout_in_ms=50))
        sess.run(q.close())
        rest = sess.run(q.dequeue_many(5)).tolist()
    assert sorted(first + rest) == list(range(10))
    assert first + rest != list(range(10))


def test_elements_do_not_alias_what_was_fed() -> None:
    q = fc.FIFOQueue(3, fc.float32, [[1000]])
    x = fc.placeholder(fc.float32, [1000])
    array = np.ones(1000, np.float32)
    with fc.Session() as sess:
        sess.run(q.enqueue(x), {x: array})
        array[:] = 7
        assert (sess.run(q.dequeue()) == 1).all()


def test_named_components_and_their_mistakes() -> None:
    q = fc.FIFOQueue(3, [fc.int32, fc.float32], [[], []], names=["n", "x"])
    with fc.Session() as sess:
        sess.run(q.enqueue({"n": 1, "x": 2.0}))
        assert sess.run(q.dequeue()) == {"n": 1, "x": 2.0}
    with pytest.raises(ValueError, match=r"dictionary has \['n', 'y'\]"):
        q.enqueue({"n": 1, "y": 2.0})
    with pytest.raises(ValueError, match="dictionary"):
        q.enqueue([1, 2.0])
    with pytest.raises(ValueError, match="2 components"):
        fc.FIFOQueue(3, [fc.int32, fc.int32]).enqueue(1)
    with pytest.raises(ValueError, match="shapes="):
        fc.FIFOQueue(3, fc.int32).dequeue_many(2)
    with pytest.raises(ValueError, match="min_after_dequeue"):
        fc.RandomShuffleQueue(3, 3, fc.int32)


def test_a_wrong_element_is_refused_with_queue_and_component() -> None:
    q = fc.FIFOQueue(3, fc.float32, [[2]], name="pairs")
    x = fc.placeholder(fc.float32)
    with (
        fc.Session() as sess,
        pytest.raises(
            fc.errors.InvalidArgumentError, match=r"component 0 of queue 'pairs'. Expected \[2\], got \[3\]"
        ),
    ):
        sess.run(q.enqueue(x), {x: [1, 2, 3]})


def test_a_queue_chosen_at_run_time() -> None:
    queues = [fc.FIFOQueue(3, fc.int32, [[]]) for _ in range(2)]
    index = fc.placeholder(fc.int32, [])
    chosen = fc.QueueBase.from_list(index, queues)
    with fc.Session() as sess:
        for i in range(2):
            sess.run(chosen.enqueue(10 + i), {index: i})
        assert sess.run([q.dequeue() for q in queues]) == [10, 11]
        with pytest.raises(fc.errors.InvalidArgumentError, match=r"index = 2 is not in \[0, 2\)"):
            sess.run(chosen.size(), {index: 2})
    with pytest.raises(TypeError, match="dtypes"):
        fc.QueueBase.from_list(index, [queues[0], fc.FIFOQueue(3, fc.float32, [[]])])


# ---- images, checks, randomness ----------------------------------------


def test_images_survive_a_round_trip_and_corrupt_ones_are_refused() -> None:
    pytest.importorskip("PIL")
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    data = fc.placeholder(fc.string, [])
    decoded = fc.image.decode_png(data)
    with fc.Session() as sess:
        png = sess.run(fc.image.encode_png(picture))
        np.testing.assert_array_equal(sess.run(decoded, {data: png}), picture)
        assert sess.run(fc.image.decode_png(png, channels=1)).shape == (5, 7, 1)
        jpeg = sess.run(fc.image.encode_jpeg(picture, quality=90))
        assert sess.run(fc.image.decode_jpeg(jpeg)).shape == (5, 7, 3)
        assert sess.run(fc.image.decode_image(jpeg)).shape == (5, 7, 3)
        for bad in (b"", png[:40], b"not an image", jpeg, png[:20] + b"\xff" * 30):
            with pytest.raises(fc.errors.InvalidArgumentError, match="PNG"):
                sess.run(decoded, {data: bad})


def test_bitmaps_decode_to_their_pixels() -> None:
    image_module = pytest.importorskip("PIL.Image")
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    file = io.BytesIO()
    image_module.fromarray(picture, "RGB").save(file, "BMP")
    data = fc.placeholder(fc.string, [])
    with fc.Session() as sess:
        decoded = fc.image.decode_bmp(data)
        np.testing.assert_array_equal(sess.run(decoded, {data: file.getvalue()}), picture)
        for bad in (b"", file.getvalue()[:40], sess.run(fc.image.encode_png(picture))):
            with pytest.raises(fc.errors.InvalidArgumentError, match="BMP"):
                sess.run(decoded, {data: bad})


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("quality", [75, 95])
def test_jpeg_images_decode_to_the_same_pixels_with_and_without_simplejpeg(
    mode: str, quality: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_module = pytest.importorskip("PIL.Image")
    pytest.importorskip("simplejpeg")
    smooth = np.add.outer(np.arange(37), np.arange(53))[..., None] * np.array([1, 2, 3, 1])
    pixels = (smooth % 256).astype(np.uint8)[..., : {"L": 1, "RGB": 3, "CMYK": 4}[mode]]
    file = io.BytesIO()
    image_module.fromarray(pixels[..., 0] if mode == "L" else pixels, mode).save(
        file, "JPEG", quality=quality
    )
    data = file.getvalue()
    decoded = [fc.image.decode_jpeg(data, channels=channels) for channels in (0, 1, 3)]
    broken = [data[:60], data[: len(data) // 2], data[:2], data[:200] + bytes(50)]
    found = []
    for without in (False, True):
        if without:
            monkeypatch.setattr(jpeg, "_simplejpeg", lambda: None)
        with fc.Session() as sess:
            found.append(sess.run(decoded))
            for bad in broken:
                with pytest.raises(fc.errors.InvalidArgumentError, match="JPEG"):
                    sess.run(fc.image.decode_jpeg(bad))
    for fast, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(fast, plain)


def test_assert_and_print_show_the_data(capfd: pytest.CaptureFixture[str]) -> None:
    x = fc.placeholder(fc.float32, [None])
    check = fc.Assert(fc.reduce_all(x > 0), [x, "must be positive"], summarize=2)
    shown = fc.Print(x, [x], message="x is ", summarize=2, first_n=1)
    with fc.Session() as sess:
        sess.run([check, shown], {x: [1, 2, 3]})
        sess.run(shown, {x: [9]})
        with pytest.raises(
            fc.errors.InvalidArgumentError,
            match=r"assertion failed: \[-1 2...\] \[must be positive\]",
        ):
            sess.run(check, {x: [-1, 2, 3]})
    assert capfd.readouterr().err == "x is [1 2...]\n"


@pytest.mark.parametrize(
    ("value", "summarize", "text"),
    [
        ([1.5, 2.0], 3, "[1.5 2]"),
        (2.5, 3, "[2.5]"),
        ("txt", 3, "[txt]"),
        ([[1, 2], [3, 4]], -1, "[[1 2][3 4]]"),
        ([[1, 2], [3, 4]], 3, "[[1 2][3...]]"),
        ([[1, 2], [3, 4]], 2, "[[1 2]...]"),
        ([1.0 / 3, 1e10, float("nan")], 3, "[0.333333 1e+10 nan]"),
        (np.zeros([0, 2]), 3, "[]"),
    ],
)
def test_shown_values_are_short(
    value: Any, summarize: int, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with fc.Session() as sess:
        sess.run(fc.Print(fc.constant(0), [value], summarize=summarize))
    assert capfd.readouterr().err == f"{text}\n"


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_random_numbers_do_not_depend_on_the_threads(threads: int) -> None:
    fc.set_random_seed(5)
    tensors = [
        fc.random_uniform([100_003]),
        fc.random_normal([70_001]),
        fc.truncated_normal([50_001]),
        fc.random_uniform([9999], 0, 100, fc.int32),
        fc.random_shuffle(np.arange(50)),
    ]
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        first, second = sess.run(tensors), sess.run(tensors)
    SEEN.setdefault("first", first)
    for a, b, c in zip(first, SEEN["first"], second, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


SEEN: dict[str, list[np.ndarray]] = {}


def test_random_numbers_have_their_distribution() -> None:
    stats = pytest.importorskip("scipy.stats")
    uniform, normal, cut = (
        fc.random_uniform([100_000], -1, 3, seed=1),
        fc.random_normal([100_000], 2, 3, seed=2),
        fc.truncated_normal([100_000], seed=3),
    )
    with fc.Session() as sess:
        u, n, t = sess.run([uniform, normal, cut])
        whole = sess.run(fc.random_uniform([60_000], 0, 6, fc.int64, seed=4))
    assert u.min() >= -1
    assert u.max() < 3
    assert stats.kstest(u, stats.uniform(-1, 4).cdf).pvalue > 1e-3
    assert stats.kstest(n, stats.norm(2, 3).cdf).pvalue > 1e-3
    assert np.abs(t).max() <= 2
    assert stats.kstest(t, stats.truncnorm(-2, 2).cdf).pvalue > 1e-3
    assert stats.chisquare(np.bincount(whole, minlength=6)).pvalue > 1e-3


def test_bad_random_arguments_are_refused() -> None:
    bounds = fc.placeholder(fc.int32, [])
    with pytest.raises(ValueError, match="maxval"):
        fc.random_uniform([3], dtype=fc.int32)
    with fc.Session() as sess, pytest.raises(fc.errors.InvalidArgumentError, match="minval < maxval"):
        sess.run(fc.random_uniform([3], 5, bounds, fc.int32), {bounds: 5})
    with pytest.raises(ValueError, match="rate"):
        fc.nn.dropout(fc.constant([1.0]), rate=1.0)


def test_dropout_keeps_the_mean_and_its_gradient_follows_the_mask() -> None:
    x = fc.ones([100_000])
    y = fc.nn.dropout(x, rate=0.25, seed=1)
    (g,) = fc.gradients(y, x)
    with fc.Session() as sess:
        values, slopes = sess.run([y, g])
    np.testing.assert_array_equal(values, slopes)
    assert set(np.unique(values)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert abs(values.mean() - 1) < 0.02


def test_bfloat16_goes_in_and_out() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = fc.placeholder(fc.bfloat16, [3])
    with fc.Session() as sess:
        value = sess.run(x * x, {x: np.array([1.5, -2, 3], ml_dtypes.bfloat16)})
    assert value.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(value.astype(np.float32), [2.25, 4, 9])


def test_variable_shape_of_a_handle() -> None:
    v = fc.Variable(np.zeros((2, 3)), use_resource=True)
    with initialised() as sess:
        assert sess.run(apply("VariableShape", v.handle)).tolist() == [2, 3]


def test_a_queue_that_could_hold_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity 0"):
        fc.FIFOQueue(0, fc.int32)
    with pytest.raises(ValueError, match="capacity 0"):
        fc.RandomShuffleQueue(0, 0, fc.int32)
    queue = fc.FIFOQueue(-1, fc.int32)
    put, size = queue.enqueue_many([np.arange(100)]), queue.size()
    with fc.Session() as sess:
        sess.run(put)
        assert sess.run(size) == 100
