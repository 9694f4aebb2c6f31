"""The texts of OpenCL programs: plain OpenCL C 1.2 that every runtime compiles without a warning."""

from __future__ import annotations

import pathlib
import re
import warnings
from typing import Any

import numpy as np
import pytest

from flowcore.opencl import _opencl, programs, runtimes
from flowcore.opencl.formulas import kernel_text

cl = pytest.importorskip("pyopencl")

KERNELS = pathlib.Path(__file__).resolve().parents[2] / "opencl_kernels"

#: For each file the build options that tell its variants apart; prelude.cl is part of all, combine.cl of two.
OPTIONS = {
    "arg": ["T=bfloat16 R=int32 ORDER=<", "T=uint8 R=int64 ORDER=>", "T=float64 R=int32 ORDER=<"],
    "bias": ["T=float16", "T=uint16"],
    "cumulate": ["T=float16 R=float32 OP=* START=1", "T=int32 R=int32 OP=+ START=0"],
    "gather": ["T=item16 I=int32", "T=uint8 I=int64"],
    "integer_mean": [
        "T=int8 R=int8 W=long FIRST=1 LAST=0",
        "T=uint64 R=uint64 W=ulong FIRST=0 LAST=1",
        "T=int64 R=int64 W=long FIRST=1 LAST=1",
        "T=uint16 R=uint16 W=long FIRST=0 LAST=0",
    ],
    "in_top_k": ["I=int32", "I=int64"],
    "one_hot": ["T=item16 I=int64", "T=uint16 I=uint8"],
    "reduce": [
        "T=bfloat16 R=bfloat16 OP=Max SQUARE=0 DIVIDE=0",
        "T=float16 R=float16 OP=Sum SQUARE=1 DIVIDE=1",
        "T=int64 R=int64 OP=Prod SQUARE=0 DIVIDE=0",
        "T=float64 R=float64 OP=Sum SQUARE=0 DIVIDE=1",
    ],
    "scatter": [
        "T=bfloat16 OP=Add",
        "T=int16 OP=Mul",
        "T=uint32 OP=Div",
        "T=float32 OP=Max",
        "T=uint8 OP=Update",
        "T=bool OP=Update",
    ],
    "softmax": ["T=float32 BY_GROUP=0", "T=bfloat16 L=int64 BY_GROUP=1", "T=float64 L=int32 BY_GROUP=0"],
    "add_n": ["T=float32 S=bfloat16 R=bfloat16", "T=int64 S=int64 R=int64"],
    "cast": [
        "T=float32 R=int8",
        "T=float16 R=bool",
        "T=bfloat16 R=float32",
        "T=uint64 R=float16",
        "T=float64 R=uint32",
        "T=bool R=float64",
    ],
    "copy": ["T=uint8", "T=item16 SQUARE=16", "T=uint32 SQUARE=32"],
    "elementwise": [
        "FORMULA=Pow T=float32 R=float32",
        "FORMULA=FloorMod T=float16 R=float16",
        "FORMULA=FloorMod T=float64 R=float64",
        "FORMULA=IsNan T=bfloat16 R=bool",
        "FORMULA=Div T=int8 R=int8",
        "FORMULA=Pow T=uint16 R=uint16",
        "FORMULA=Abs T=int64 R=int64",
        "FORMULA=LogicalAnd T=bool R=bool",
    ],
    "fused": [
        "FUSED=float32,float32;Mul,float32,float32,i0,i1;Tanh,float32,float32,t0 ACCESS=fs AXES=1",
        (
            "FUSED=float16,bool;Cast,float16,bfloat16,i0;Cast,bool,bfloat16,i1;"
            "SquaredDifference,bfloat16,bfloat16,t0,t1"
            " ACCESS=rc AXES=3"
        ),
        (
            "FUSED=int8,int8,int8;Add,int8,int8,i0,i1;Abs,int8,int8,t0;Less,int8,bool,t1,i2;"
            "LogicalNot,bool,bool,t2"
            " ACCESS=fcr AXES=2"
        ),
        (
            "FUSED=float32,float32;Tanh,float32,float32,i0;Cast,float32,float16,t0;"
            "Exp,float16,float16,t1;Cast,float16,float32,t2;Pow,float32,float32,t3,i1"
            " ACCESS=fr AXES=4"
        ),
        (
            "FUSED=bool,float16,float16;SelectV2,float16,float16,i0,i1,i2;"
            "Tanh,float16,float16,t0;Exp,float16,float16,t1"
            " ACCESS=rfs AXES=2"
        ),
        (
            "FUSED=float32;Exp,float32,float32,i0;Cast,float32,float64,t0;"
            "FloorMod,float64,float64,t1,t1"
            " ACCESS=f AXES=1"
        ),
    ],
    "fused_reduce": [
        (
            "FUSED=float32,float32;Mul,float32,float32,i0,i1;Tanh,float32,float32,t0 ACCESS=fs AXES=1"
            " R=float32 OP=Sum DIVIDE=1"
        ),
        (
            "FUSED=float16,float16;Tanh,float16,float16,i0;Exp,float16,float16,t0;"
            "Mul,float16,float16,t1,i1"
            " ACCESS=fr AXES=3 R=float32 OP=Max DIVIDE=0"
        ),
        "FUSED=bool,int8;Cast,bool,int8,i0;Mul,int8,int8,t0,i1 ACCESS=cf AXES=2 R=int8 OP=Sum DIVIDE=0",
        "FUSED=float64;Exp,float64,float64,i0 ACCESS=f AXES=1 R=float64 OP=Prod DIVIDE=0",
    ],
    "gemm": [
        "T=float32 C=float32 B=float32 W=4 NV=2 MR=6",
        "T=float16 C=float16 B=float32 W=4 NV=1 MR=3",
        "T=int64 C=int64 B=int64 W=2 NV=2 MR=2",
        "T=bfloat16 C=float32 B=bfloat16 SIDE=8 MI=4 NI=1 DEPTH=8 INDEX=uint PLAIN_K=1",
        "T=float64 C=float64 B=float64 SIDE=16 MI=8 NI=4 DEPTH=16 INDEX=ulong PLAIN_K=0",
        "T=float32 C=float32 B=float32 VECTOR=1 INDEX=uint",
        "T=bfloat16 C=float32 B=float16 VECTOR=1",
        "T=int32 C=int32 B=int32 VECTOR=1",
    ],
    "optimizers": [
        *("T=float32 ROWS=0", "T=float16 ROWS=0", "T=bfloat16 ROWS=0", "T=float64 ROWS=0"),
        *("T=float32 ROWS=1", "T=float16 ROWS=1"),
    ],
    "pack": ["T=float32 R=32", "T=float16 R=5", "T=int32 R=1"],
    "pool": ["T=float32 BLOCK=16", "T=bfloat16 BLOCK=1"],
    "random": [
        "T=bfloat16 FOUR=fc_normal_four_f GROUP=fc_four_f DOUBLE=0",
        "T=float32 FOUR=fc_uniform_four_f GROUP=fc_four_f DOUBLE=0",
        "T=float64 FOUR=fc_truncated_four_d GROUP=fc_four_d DOUBLE=1",
        "T=int32",
    ],
    "select": ["T=uint16", "T=uint64"],
}
CASES = [(file, options) for file, several in OPTIONS.items() for options in several]


def test_every_file_is_compiled_here() -> None:
    assert {path.stem for path in KERNELS.glob("*.cl")} - {"prelude", "combine"} == set(OPTIONS)


def _runtimes() -> list[runtimes.Runtime]:
    try:
        return runtimes.runtimes()
    except ImportError:
        return []


def context_of(runtime: runtimes.Runtime) -> Any:
    context = cl.Context([runtime.handle])
    try:
        cl.Program(context, "__kernel void nothing(__global int *x) { *x = 1; }").build()
    except cl.RuntimeError as error:
        pytest.skip(f"{runtime.name} cannot compile at all: {error}")
    return context


@pytest.mark.parametrize("runtime", _runtimes(), ids=lambda r: r.platform)
def test_compiles_without_a_warning(runtime: runtimes.Runtime) -> None:
    context = context_of(runtime)
    for file, options in CASES:
        if "float64" in options and not runtime.has_double:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # runtimes report success in words
            cl.Program(context, programs.source(file, options)).build(["-cl-std=CL1.2", "-Werror"])


@pytest.mark.parametrize(("file", "options"), CASES, ids=str)
def test_names_no_extension_but_doubles_where_it_computes_in_them(file: str, options: str) -> None:
    text = programs.source(file, options)
    wanted = {"cl_khr_fp64"} if "float64" in options else set()
    assert set(re.findall(r"\bcl_[a-z]+_\w+", text)) == wanted
    assert set(re.findall(r"#pragma OPENCL EXTENSION (\w+) : enable", text)) == wanted
    assert "#include" not in text
    if not wanted:
        compiled = re.sub(r"#if DOUBLE\n.*?#endif", "", text, flags=re.S)
        assert not re.search(r"\bdouble\b", re.sub(r"/\*.*?\*/", "", compiled, flags=re.S))


@pytest.mark.parametrize("runtime", _runtimes(), ids=lambda r: r.platform)
def test_division_by_multiplication_is_exact(runtime: runtimes.Runtime) -> None:
    most = 2**31 - 1
    sizes = np.array(
        [
            1,
            2,
            3,
            5,
            7,
            10,
            63,
            64,
            65,
            641,
            1000003,
            2**16 - 1,
            2**16 + 1,
            2**30 - 1,
            2**30,
            2**30 + 1,
            2**31 - 2,
            most,
        ],
        np.int64,
    )
    numbers = np.unique(
        np.concatenate(
            [
                np.clip(
                    [k * y + d for y in sizes for k in (0, 1, 2, most // y) for d in (-1, 0, 1)], 0, most - 1
                ),
                [most - 1],
            ]
        )
    )
    x, y = (
        a.ravel().copy()
        for a in np.meshgrid(np.append(numbers, np.random.default_rng(0).integers(0, most, 2000)), sizes)
    )
    by = np.repeat([_opencl.divisor(int(size), most) for size in sizes], x.size // sizes.size)
    assert by.all()
    assert _opencl.divisor(7, most + 1) == 0
    context = context_of(runtime)
    queue = cl.CommandQueue(context)
    text = (
        kernel_text("prelude.cl")
        + "__kernel void quotients(__global long *x, __global const long *y, __global const long *by) {"
        " size_t i = get_global_id(0); x[i] = (long)fc_quotient((size_t)x[i], y[i], by[i]); }"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kernel = cl.Program(context, text).build(["-cl-std=CL1.2"]).quotients
    there = [
        cl.Buffer(context, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR, hostbuf=a)
        for a in (x, y, by)
    ]
    kernel(queue, (x.size,), None, *there)
    found = np.empty_like(x)
    cl.enqueue_copy(queue, found, there[0])
    np.testing.assert_array_equal(found, x // y)


@pytest.mark.parametrize("path", sorted(KERNELS.rglob("*.def")), ids=lambda p: p.stem)
def test_lines_are_short(path: pathlib.Path) -> None:
    assert [line for line in path.read_text().splitlines() if len(line) > 110] == []


def test_a_formula_may_take_several_lines() -> None:
    text = programs.source("elementwise", "FORMULA=Selu T=float32 R=float32")
    assert "(x < F(0.0) ? F(1.6732632423543772848170429916717) * FC_EXPM1(x) : x)" in text


def test_unknown_formulas_and_files_are_refused() -> None:
    with pytest.raises(KeyError, match="no formula for Pow of bool"):
        programs.source("elementwise", "FORMULA=Pow T=bool R=bool")
    with pytest.raises(FileNotFoundError):
        programs.source("nowhere", "T=float32")


@pytest.mark.parametrize("path", sorted(KERNELS.glob("*.cl")), ids=lambda p: p.stem)
def test_no_index_of_an_element_is_kept_in_32_bits(path: pathlib.Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    assert not re.search(r"\b(?:u?int|unsigned)\s+\w+\s*=[^;]*\bget_(?:global|group)_(?:id|size)\b", text)
    assert not re.search(r"\(u?int\)\s*get_(?:global|group)_(?:id|size)", text)
    for arguments in re.findall(r"__kernel[^(]*(?:\(\([^)]*\)\))?[^(]*\w+\(([^{;]*)\)\s*\{", text):
        assert not re.search(r"\bint (?:n|size|length|count|rows|columns)\b", arguments), (
            "sizes are passed as long"
        )
