"""Initializers: functions from a shape to the first value of a variable, as objects that keep their settings.

Owns: the classes and the fan-in and fan-out of a shape. Must never import variables or variable_scope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flowcore import dtypes
from flowcore.arguments import flag, instance, real_number, text
from flowcore.graph.operation import Tensor
from flowcore.ops.constant_ops import constant
from flowcore.ops.filling import ones, zeros
from flowcore.ops.random_ops import random_normal, random_uniform, truncated_normal
from flowcore.shape import TensorShape

__all__ = [
    "constant_initializer", "glorot_normal_initializer", "glorot_uniform_initializer", "ones_initializer",
    "random_normal_initializer", "random_uniform_initializer", "truncated_normal_initializer",
    "uniform_unit_scaling_initializer", "variance_scaling_initializer", "zeros_initializer",
]  # fmt: skip

#: Standard deviation of a standard normal variable cut off at two standard deviations.
_CUT_STDDEV = 0.87962566103423978


class Initializer:
    """The base: called with a shape and a dtype, yields a Tensor.

    A subclass has `__call__(shape, dtype=None, partition_info=None)`; its constructor's arguments
    are attributes of the same name.
    """

    _settings: tuple[str, ...] = ()

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """The first value of a variable of this shape and dtype.

        Args:
            shape: The shape of the value, fully known.
            dtype: Its dtype; None: the initializer's own.
            partition_info: Accepted; variables are in one piece.

        Returns:
            A Tensor.

        Raises:
            NotImplementedError: the subclass has no __call__.
        """
        raise NotImplementedError(f"{type(self).__name__} yields no value")

    def get_config(self) -> dict[str, Any]:
        """The settings as plain data.

        Returns:
            A dict that from_config takes.
        """
        return {
            name: (value.name if isinstance(value := getattr(self, name), dtypes.DType) else value)
            for name in self._settings
        }

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={_short(value)}" for name, value in self.get_config().items())
        return f"flowcore.{type(self).__name__}({settings})"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """The initializer with these settings.

        Args:
            config: What get_config gave.

        Returns:
            An initializer of this class.

        Raises:
            TypeError: config is no dict, or has other settings.
        """
        return cls(
            **{text(key, "a key of config"): value for key, value in instance(config, dict, "config").items()}
        )


def _short(value: Any) -> str:
    """A setting in one line: of a tensor its name, of an array its size."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"<array of {list(value.shape)}>"
    return f"'{value.name}'" if isinstance(value, Tensor) else repr(value)


def _float(dtype: Any) -> dtypes.DType:
    kind = dtypes.as_dtype(dtype)
    if not kind.is_floating:
        raise ValueError(f"this initializer yields floating point numbers, not {kind.name}")
    return kind


class zeros_initializer(Initializer):
    """Zeros, False or empty strings.

    Args:
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: dtype is no dtype.

    Example:
        >>> fc.Session().run(fc.zeros_initializer()([2]))
        array([0., 0.], dtype=float32)
    """

    _settings = ("dtype",)

    def __init__(self, dtype: Any = dtypes.float32) -> None:
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """The first value, as for every initializer."""
        return zeros(shape, self.dtype if dtype is None else dtype)


class ones_initializer(Initializer):
    """Ones.

    Args:
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: dtype is no dtype.

    Example:
        >>> fc.Session().run(fc.ones_initializer()([2]))
        array([1., 1.], dtype=float32)
    """

    _settings = ("dtype",)

    def __init__(self, dtype: Any = dtypes.float32) -> None:
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """The first value, as for every initializer."""
        return ones(shape, self.dtype if dtype is None else dtype)


class constant_initializer(Initializer):
    """Given values.

    Args:
        value: A number, a string, or a list or array whose elements fill the shape in order; the
            last one is repeated where they are fewer. More elements than the shape has are a
            ValueError of the call.
        dtype: The dtype, where the call gives none.
        verify_shape: Whether a value of another shape is a TypeError of the call.

    Raises:
        TypeError: value is neither a scalar nor a list or array, dtype is no dtype, or verify_shape
            no bool.

    Example:
        >>> fc.Session().run(fc.constant_initializer(2.5)([2]))
        array([2.5, 2.5], dtype=float32)
    """

    _settings = ("value", "dtype")

    def __init__(self, value: Any = 0, dtype: Any = dtypes.float32, verify_shape: bool = False) -> None:
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            raise TypeError(
                f"value must be a number, a list or tuple of them, or an array, found {type(value).__name__}"
            )
        self.value = value
        self.dtype = dtypes.as_dtype(dtype)
        self._verify_shape = flag(verify_shape, "verify_shape")

    def __call__(
        self, shape: Any, dtype: Any = None, partition_info: Any = None, verify_shape: bool | None = None
    ) -> Tensor:
        """The first value, as for every initializer."""
        kind = self.dtype if dtype is None else dtypes.as_dtype(dtype)
        known = TensorShape(shape)
        value = np.asarray(self.value)
        checked = self._verify_shape if verify_shape is None else flag(verify_shape, "verify_shape")
        if checked and value.shape != tuple(known.as_list()):
            raise TypeError(f"a value of shape {tuple(known.as_list())} is needed, found {value.shape}")
        count = known.num_elements()
        if count is None:
            raise ValueError(f"constant_initializer needs a fully defined shape, found {known}")
        if value.size > count:
            raise ValueError(f"{value.size} values are more than the {count} that shape {known} has")
        if value.size < count and not value.size:
            raise ValueError(f"constant_initializer has no value to fill shape {known} with")
        return constant(self.value, dtype=kind, shape=known)


class random_uniform_initializer(Initializer):
    """Numbers evenly spread over [minval, maxval).

    Args:
        minval: The least number.
        maxval: The number that all are below; None: 1 for floating dtypes, a ValueError of the call
            for others.
        seed: The seed of the numbers; None: see set_random_seed.
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: dtype is no dtype.

    Example:
        >>> x = fc.Session().run(fc.random_uniform_initializer(-1.0, 1.0, seed=1)([100]))
        >>> bool((abs(x) <= 1).all())
        True
    """

    _settings = ("minval", "maxval", "seed", "dtype")

    def __init__(
        self, minval: Any = 0.0, maxval: Any = None, seed: int | None = None, dtype: Any = dtypes.float32
    ) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """The first value, as for every initializer."""
        return random_uniform(
            shape, self.minval, self.maxval, self.dtype if dtype is None else dtype, seed=self.seed
        )


class _Normal(Initializer):
    """Normally distributed numbers, by one of two functions."""

    _settings = ("mean", "stddev", "seed", "dtype")
    _draw: Callable[..., Tensor]

    def __init__(
        self, mean: Any = 0.0, stddev: Any = 1.0, seed: int | None = None, dtype: Any = dtypes.float32
    ) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self.dtype = _float(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """The first value, as for every initializer."""
        kind = self.dtype if dtype is None else dtype
        return type(self)._draw(shape, self.mean, self.stddev, kind, seed=self.seed)


class random_normal_initializer(_Normal):
    """Normally distributed numbers.

    Args:
        mean: The mean.
        stddev: The standard deviation.
        seed: The seed of the numbers; None: see set_random_seed.
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: dtype is no dtype.
        ValueError: dtype is not floating.

    Example:
        >>> fc.random_normal_initializer(stddev=0.1)([3, 2]).shape
        TensorShape([3, 2])
    """

    _draw = staticmethod(random_normal)


class truncated_normal_initializer(_Normal):
    """Normally distributed numbers; those beyond two standard deviations are drawn again.

    Args:
        mean: The mean.
        stddev: The standard deviation, of the distribution before it is cut.
        seed: The seed of the numbers; None: see set_random_seed.
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: dtype is no dtype.
        ValueError: dtype is not floating.

    Example:
        >>> x = fc.Session().run(fc.truncated_normal_initializer(stddev=0.1, seed=1)([100]))
        >>> bool((abs(x) <= 0.2).all())
        True
    """

    _draw = staticmethod(truncated_normal)


class uniform_unit_scaling_initializer(Initializer):
    """Numbers evenly spread so that the scale of a layer's outputs is that of its inputs.

    They lie within +-factor * sqrt(3 / n), where n is the product of all dimensions but the last.
    Source: Sussillo and Abbott, "Random Walk Initialization for Training Very Deep Feedforward
    Networks", 2014.

    Args:
        factor: What the range is multiplied by: a constant of the activation that follows.
        seed: The seed of the numbers; None: see set_random_seed.
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: factor is no number, or dtype no dtype.
        ValueError: dtype is not floating.

    Example:
        >>> x = fc.Session().run(fc.uniform_unit_scaling_initializer(seed=1)([3, 2]))
        >>> bool((abs(x) <= 1).all())
        True
    """

    _settings = ("factor", "seed", "dtype")

    def __init__(self, factor: float = 1.0, seed: int | None = None, dtype: Any = dtypes.float32) -> None:
        self.factor, self.seed = real_number(factor, "factor"), seed
        self.dtype = _float(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """The first value, as for every initializer."""
        inputs = max(math.prod(_sizes(shape)[:-1]), 1)
        limit = math.sqrt(3 / inputs) * self.factor
        return random_uniform(shape, -limit, limit, self.dtype if dtype is None else dtype, seed=self.seed)


class variance_scaling_initializer(Initializer):
    """Numbers whose variance is scale / n, by the connections of a unit.

    n counts the inputs of a unit ("fan_in"), its outputs ("fan_out") or their mean ("fan_avg"): the
    last two sizes, times the sizes of the receptive field before them. Source: He et al., "Delving
    Deep into Rectifiers", 2015 (scale 2, fan_in).

    Args:
        scale: A number greater than 0.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal" ("normal" means the same), "untruncated_normal" or
            "uniform".
        seed: The seed of the numbers; None: see set_random_seed.
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: scale is not greater than 0, mode or distribution another, or dtype not
            floating.

    Example:
        >>> fc.variance_scaling_initializer(2.0)([300, 100]).shape
        TensorShape([300, 100])
    """

    _settings: tuple[str, ...] = ("scale", "mode", "distribution", "seed", "dtype")

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: Any = dtypes.float32,
    ) -> None:
        scale = real_number(scale, "scale")
        if not scale > 0.0:
            raise ValueError(f"scale must be positive, found {scale}")
        if text(mode, "mode") not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"mode is fan_in, fan_out or fan_avg, found {mode!r}")
        distribution = text(distribution, "distribution").lower()
        if distribution not in ("normal", "uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                f"distribution is truncated_normal, untruncated_normal or uniform, found {distribution!r}"
            )
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed
        self.dtype = _float(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """The first value, as for every initializer."""
        kind = self.dtype if dtype is None else _float(dtype)
        inputs, outputs = _fans(_sizes(shape))
        variance = self.scale / max(
            1.0, {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[self.mode]
        )
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return random_uniform(shape, -limit, limit, kind, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return random_normal(shape, 0.0, math.sqrt(variance), kind, seed=self.seed)
        return truncated_normal(shape, 0.0, math.sqrt(variance) / _CUT_STDDEV, kind, seed=self.seed)


class glorot_uniform_initializer(variance_scaling_initializer):
    """Numbers evenly spread over +-sqrt(6 / (fan_in + fan_out)).

    get_variable uses it by default. Source: Glorot and Bengio, "Understanding the difficulty of
    training deep feedforward neural networks", 2010.

    Args:
        seed: The seed of the numbers; None: see set_random_seed.
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: dtype is no dtype.
        ValueError: dtype is not floating.

    Example:
        >>> x = fc.Session().run(fc.glorot_uniform_initializer(seed=1)([3, 3]))
        >>> bool((abs(x) <= 1).all())
        True
    """

    _settings = ("seed", "dtype")

    def __init__(self, seed: int | None = None, dtype: Any = dtypes.float32) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)


class glorot_normal_initializer(variance_scaling_initializer):
    """Normally distributed numbers, cut at two standard deviations.

    Their variance is 2 / (fan_in + fan_out).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.

    Args:
        seed: The seed of the numbers; None: see set_random_seed.
        dtype: The dtype, where the call gives none.

    Raises:
        TypeError: dtype is no dtype.
        ValueError: dtype is not floating.

    Example:
        >>> fc.glorot_normal_initializer()([3, 3]).shape
        TensorShape([3, 3])
    """

    _settings = ("seed", "dtype")

    def __init__(self, seed: int | None = None, dtype: Any = dtypes.float32) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)


def _sizes(shape: Any) -> list[int]:
    known = TensorShape(shape)
    if not known.is_fully_defined():
        raise ValueError(
            f"the scale of the values follows from the shape, which must be fully defined, found {known}"
        )
    return [size for size in known.as_list() if size is not None]


def _fans(sizes: Sequence[int]) -> tuple[float, float]:
    """Inputs and outputs of a unit.

    They are the last two sizes, times the sizes of the receptive field before them.
    """
    if not sizes:
        return 1, 1
    if len(sizes) == 1:
        return sizes[0], sizes[0]
    field = math.prod(sizes[:-2])
    return sizes[-2] * field, sizes[-1] * field
