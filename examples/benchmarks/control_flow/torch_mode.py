"""Python's own loop around PyTorch's operations."""

import rows
import torch


def prepare(what):
    torch.manual_seed(0)
    turn = globals().get(f"_{what}")
    if turn is None:
        raise SystemExit(f"no counterpart of {what}")

    def run(calls):
        for _ in range(calls):
            turn()

    return run


def _trivial():
    i = torch.tensor(0)
    while i < rows.TURNS:
        i = i + 1


def _state(x=None):
    x = torch.tensor(0.5) if x is None else x
    y = x
    for _ in range(rows.TURNS):
        y = y * 0.999 + x
    return y


def _gradient():
    x = torch.tensor(0.5, requires_grad=True)
    _state(x).backward()


P, ONE = torch.tensor(True), torch.tensor(1.0)


def _cond():
    return (ONE + 1.0 if P else ONE * 2.0).numpy()


A = 0.5 * torch.eye(rows.SIZE)


def _products():
    m = A
    for _ in range(rows.PRODUCTS):
        m = m @ A


_unrolled = _products
ROWS_OF_FOUR = torch.ones(rows.TURNS, 4)


def _map_fn():
    return torch.stack([row * 2.0 + 1.0 for row in ROWS_OF_FOUR])


LONG_ROWS = torch.ones(rows.LONG_ROWS, rows.LONG_ROW)


def _long_rows():
    def functions(row):
        for _ in range(4):
            row = torch.exp(torch.sin(row)) / row.sum()
        return row

    return torch.stack([functions(row) for row in LONG_ROWS])


def _scan():
    total, found = ROWS_OF_FOUR[0], []
    for row in ROWS_OF_FOUR:
        total = total * 0.5 + row
        found.append(total)
    return torch.stack(found)


MODEL = torch.nn.LSTM(200, 200)
OPTIMIZER = torch.optim.SGD(MODEL.parameters(), 0.1)
X = torch.randn(20, 20, 200)


def _lstm():
    with torch.no_grad():
        MODEL(X)[0].square().mean()


def _lstm_step():
    OPTIMIZER.zero_grad(set_to_none=True)
    MODEL(X)[0].square().mean().backward()
    OPTIMIZER.step()
