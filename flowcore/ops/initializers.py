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
        """The first value of a variable of this shape and dtype (the initializer's own dtype when None)."""
        raise NotImplementedError(f"{type(self).__name__} yields no value")

    def get_config(self) -> dict[str, Any]:
        """The settings as plain data."""
        return {
            name: (value.name if isinstance(value := getattr(self, name), dtypes.DType) else value)
            for name in self._settings
        }

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={_short(value)}" for name, value in self.get_config().items())
        return f"flowcore.{type(self).__name__}({settings})"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """The initializer with these settings."""
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
    """Zeros, False or empty strings."""

    _settings = ("dtype",)

    def __init__(self, dtype: Any = dtypes.float32) -> None:
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return zeros(shape, self.dtype if dtype is None else dtype)


class ones_initializer(Initializer):
    """Ones."""

    _settings = ("dtype",)

    def __init__(self, dtype: Any = dtypes.float32) -> None:
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return ones(shape, self.dtype if dtype is None else dtype)


class constant_initializer(Initializer):
    """Given values.

    Args:
      value: a number, or a list or array whose elements fill the shape in order; the last one is
      repeated where they are fewer.
      verify_shape: whether a value of another shape is an error (TypeError). More elements than the
      shape has are one always.
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
    """Evenly spread over [minval, maxval)."""

    _settings = ("minval", "maxval", "seed", "dtype")

    def __init__(
        self, minval: Any = 0.0, maxval: Any = None, seed: int | None = None, dtype: Any = dtypes.float32
    ) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return random_uniform(
            shape, self.minval, self.maxval, self.dtype if dtype is None else dtype, seed=self.seed
        )


class _Normal(Initializer):
    _settings = ("mean", "stddev", "seed", "dtype")
    _draw: Callable[..., Tensor]

    def __init__(
        self, mean: Any = 0.0, stddev: Any = 1.0, seed: int | None = None, dtype: Any = dtypes.float32
    ) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self.dtype = _float(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        kind = self.dtype if dtype is None else dtype
        return type(self)._draw(shape, self.mean, self.stddev, kind, seed=self.seed)


class random_normal_initializer(_Normal):
    """Normally distributed."""

    _draw = staticmethod(random_normal)


class truncated_normal_initializer(_Normal):
    """Normally distributed; values beyond two standard deviations are drawn again."""

    _draw = staticmethod(truncated_normal)


class uniform_unit_scaling_initializer(Initializer):
    """Evenly spread over +-factor * sqrt(3 / n), where n is the product of all dimensions but the
    last (Sussillo and Abbott, 2014).
    """

    _settings = ("factor", "seed", "dtype")

    def __init__(self, factor: float = 1.0, seed: int | None = None, dtype: Any = dtypes.float32) -> None:
        self.factor, self.seed = real_number(factor, "factor"), seed
        self.dtype = _float(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        inputs = max(math.prod(_sizes(shape)[:-1]), 1)
        limit = math.sqrt(3 / inputs) * self.factor
        return random_uniform(shape, -limit, limit, self.dtype if dtype is None else dtype, seed=self.seed)


class variance_scaling_initializer(Initializer):
    """Values of variance scale / n, where n counts the inputs of a unit ("fan_in"), its outputs
    ("fan_out") or their mean ("fan_avg").

    Args:
      scale: positive.
      mode: "fan_in", "fan_out" or "fan_avg".
      distribution: "truncated_normal" ("normal" means the same), "untruncated_normal" or "uniform".
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
    """Evenly spread over +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).

    What get_variable uses by default.
    """

    _settings = ("seed", "dtype")

    def __init__(self, seed: int | None = None, dtype: Any = dtypes.float32) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)


class glorot_normal_initializer(variance_scaling_initializer):
    """Normal, cut at two standard deviations, of variance 2 / (fan_in + fan_out) (Glorot and
    Bengio, 2010).
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
    """Inputs and outputs of a unit:

    the last two sizes, times the sizes of the receptive field before them.
    """
    if not sizes:
        return 1, 1
    if len(sizes) == 1:
        return sizes[0], sizes[0]
    field = math.prod(sizes[:-2])
    return sizes[-2] * field, sizes[-1] * field
