"""Ten elementwise ops in a row: what fusing and vectorising them brings. The floor is reading and
writing once.
"""

from workload import Row

ROWS = {"": Row("10 elementwise ops (3 of them tanh) over 1M floats", "ms", short=True, bytes=8e6)}
