"""Allocations that a test can make fail (_allocate.h) for Cython units."""

from libc.stdint cimport int32_t, int64_t


cdef extern from "_allocate.h" nogil:
    ctypedef struct fc_allocations:
        int32_t counting
        int64_t made
        int64_t first
        int64_t last

    void fc_count_allocations(fc_allocations *count)
    bint fc_refuses()
    void *fc_malloc(size_t bytes)
    void *fc_calloc(size_t count, size_t bytes)
    char *fc_strdup(const char *text)
    void *fc_aligned(size_t bytes, size_t alignment)
