from collections.abc import Callable

KERNELS: list[object]

def load(path: str) -> None: ...
def open_device(
    name: str,
    context: int,
    device: int,
    build: Callable[[str, str], int],
    is_cpu: bool,
    wide_items: bool,
    units: int,
    max_group: int,
    local_memory: int,
    max_buffer: int,
    memory_limit: int,
    vector_bytes: int,
    is_serial: bool,
    share_alignment: int,
) -> object: ...
def set_memory_limit(capsule: object, size: int, /) -> None: ...
def fail_next_copy(code: int, /) -> None: ...
def set_tiles(capsule: object, rows: int, vectors: int, side: int, /) -> None: ...
def divisor(size: int, most: int, /) -> int: ...
def new_constant() -> object: ...
def counters(capsule: object) -> dict[str, int]: ...
