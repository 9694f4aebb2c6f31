"""Kernels for matrix products and convolutions (C): see flowcore/kernels/linalg."""

KERNELS: list[object]

def set_blas(gemm: tuple[int, ...], wide: bool, /) -> None:
    """Addresses of the CBLAS routines sgemm, dgemm, cgemm, zgemm (0: own kernels).

    `wide`: their integers have 64 bits.
    """

def new_kept() -> object:
    """A capsule: the state of a node that keeps what it made of a constant operand.

    The engine's Resource owns it.
    """

def simd() -> str:
    """The instruction set that the own kernels use: "avx512", "avx2", "neon" or "baseline"."""
