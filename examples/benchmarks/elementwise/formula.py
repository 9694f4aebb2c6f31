"""The ten ops, for every library with these names."""


def ten(m, x):
    h = m.tanh(x * 1.5 + 0.5)
    h = m.tanh(-(h * h))
    return m.maximum(m.tanh(m.minimum(abs(h), 0.9)), 0.1)
