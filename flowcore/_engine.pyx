"""The engine: runs plans. A plan is flat arrays; a step is one run of it, without the GIL.

Owns the scheduler's policy; the mechanism (events, deques, atomics) is in _sync.h. Knows no graph:
slots and indices only. One compile unit of several files in engine/, by subject: what plan, step and
node are in memory (structs), parallel loops (loops), what kernels may ask for (services), calls of bodies
(frames), turns of a loop at once (ahead), who runs which node when (scheduler), and what Python sees (face).

How a step runs
---------------
Each node has a count of what it waits for: one per input slot that a node fills, one per control
edge. The thread that brings it to zero makes the node ready. A thread that finishes a node goes on
with one ready successor and pushes the others to its own deque in the step; idle workers of the
pool that visit the step steal from there. `pending` counts nodes that are ready, running or parked;
at zero the step is over. A thread counts the nodes that it has finished for itself, and subtracts
them when its own deque is empty: one write to shared memory instead of one per node. The caller of
`run` works on its own step only. It sleeps on the step's event when there is nothing to do.

These threads may touch a step: its caller, alone until it first asks for help or parks a node
(`shared`); the pool's workers while they are visitors (`visitors` is raised under the pool's lock
while the step is on the pool's list); threads that complete a token (a visit that lasts from park
to the end of complete); threads that cancel (visitors from before they let the GIL go). The caller
takes the step off the list and waits for the visitors to leave before it is used again, so that no
thread ever sees a step that is gone.

A signal (Ctrl-C) or a time limit ends the wait of a caller whose step has failed and is kept by
nodes on workers, say a Python function that sleeps, or by a device that is still busy: a thread
made for it takes the caller's place, waits for the end and takes the step down. Such a step holds a
reference to its plan.

Values: a slot holds a tensor until its last reader is done (`uses`). Constants are never released.
The thread that sets `failed` records the first failure of a step; from then on ready nodes are
dropped and parked ones cancelled. A failure is recorded without allocating memory, and a node that
finds no room in a deque goes to the injection stack: a step ends also where memory has run out.

Waking a worker costs about 5 us, so work shorter than WAKE_NS in sum stays on this thread. What a
node costs is measured in the first steps and now and then later (`cost`).

Lock order: a resource's own lock, then the step's lock. The pool's lock is taken alone.

The GIL in a run
----------------
To release the GIL and take it again costs little where no other thread wants it, and some 5 us,
with a sleep and a wake-up, where several Python threads do: more than a short run itself. So a run
that has been measured to be short keeps it (`is_short`); where a thread whose run is over waits for
it, it is handed over now and then (`take_turns`), far more often than the interpreter's switch
interval would. A run that keeps it releases it at the latest
- before it sleeps, joins a parallel loop, or waits for a visitor to leave;
- where a kernel is about to wait for a lock that another thread has (`may_wait` of the kernels'
  interface);
- where it turns out to be long: a parallel loop in several pieces, more than LARGE_BYTES of memory;
- before it cancels what is parked.
So no thread waits for a lock while it has the GIL, but for the locks of steps, of the pool and of
free blocks, whose holders never wait for the GIL.
"""

cimport cython
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, PyObject
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

import os
import threading

import numpy as np

cimport flowcore._buffer as buf
from flowcore._allocate cimport fc_aligned, fc_calloc, fc_count_allocations, fc_malloc
from flowcore._buffer cimport (
    array_from_tensor, cpu_device, new_buffer, numpy_dtype, tensor_from_array,
)
from flowcore._kernel cimport (
    FC_ABI, FC_ABI_MAJOR, FC_ABI_MINOR, FC_BUF_EXTERNAL, FC_CANCELLED, FC_DEADLINE_EXCEEDED, FC_INT32,
    FC_INLINE_DIMS, FC_INTERNAL, FC_INVALID_ARGUMENT, FC_MAX_DIMS, FC_OK, FC_PENDING, FC_RESOURCE,
    FC_RESOURCE_EXHAUSTED, FC_STRING, FC_UNKNOWN,
    fc_api, fc_attr, fc_buffer, fc_bytes, fc_ctx, fc_device, fc_int_at, fc_is_plain, fc_item_size,
    fc_keeps_lists,
    fc_kernel, fc_kernel_def, fc_kernel_table, fc_mul_overflow, fc_release, fc_resource,
    fc_resource_release, fc_resource_retain, fc_retain, fc_set_dims, fc_sizes, fc_tensor, fc_token,
)
from flowcore._list cimport (
    fc_link, fc_list_first, fc_list_init, fc_list_next, fc_list_push_front, fc_list_remove,
)

include "engine/structs.pxi"
include "engine/loops.pxi"
include "engine/services.pxi"
include "engine/frames.pxi"
include "engine/ahead.pxi"
include "engine/scheduler.pxi"
include "engine/face.pxi"
