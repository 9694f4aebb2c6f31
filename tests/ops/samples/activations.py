"""Samples of the ops in flowcore/ops/activations.py."""

from __future__ import annotations

import numpy as np

from samples import APART, REAL, SIGNED, Sample, softmax, unary

SELU_A, SELU_S = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


SAMPLES: dict[str, list[Sample]] = {
    "Softplus": unary(lambda x: np.log1p(np.exp(x)), SIGNED),
    "Softsign": unary(lambda x: x / (1 + np.abs(x)), APART),
    "Relu": unary(lambda x: np.maximum(x, 0), APART),
    "Relu6": unary(lambda x: np.clip(x, 0, 6), APART * 4),
    "Elu": unary(lambda x: np.where(x < 0, np.expm1(x), x), APART),
    "Selu": unary(lambda x: SELU_S * np.where(x < 0, SELU_A * np.expm1(x), x), APART),
    "ReluGrad": [Sample([APART, APART[::-1]], lambda g, x: np.where(x > 0, g, 0))],
    "Relu6Grad": [Sample([APART, APART[::-1] * 4], lambda g, x: np.where((x > 0) & (x < 6), g, 0))],
    "EluGrad": [
        Sample(
            [APART, np.abs(APART[::-1]) * [[-0.3, 0.5, -0.2]]], lambda g, y: np.where(y < 0, g * (y + 1), g)
        )
    ],
    "SeluGrad": [
        Sample(
            [APART, np.abs(APART[::-1]) * [[-0.3, 0.5, -0.2]]],
            lambda g, y: np.where(y < 0, g * (y + SELU_A * SELU_S), g * SELU_S),
        )
    ],
    "SoftplusGrad": [Sample([SIGNED, REAL], lambda g, x: g * sigmoid(x))],
    "SoftsignGrad": [Sample([APART, APART[::-1]], lambda g, x: g / (1 + np.abs(x)) ** 2)],
    "Softmax": unary(softmax, SIGNED, least_rank=2),
    "LogSoftmax": unary(lambda x: np.log(softmax(x)), SIGNED, tolerance=4, least_rank=2),
}
