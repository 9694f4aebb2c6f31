/* Building programs is Python's (flowcore/opencl/programs.py): the one place of this unit that takes the GIL,
 * once per program. */
#ifndef FLOWCORE_OPENCL_BUILD_H
#define FLOWCORE_OPENCL_BUILD_H

#include "cl_api.h"

/* Calls `build` (a PyObject) with file and options. NULL, and why in `text`, where it raised. */
cl_program ocl_build(void *build, const char *file, const char *options, char *text, size_t size);

#endif
