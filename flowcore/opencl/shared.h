/* Values that change hands between host and device without a copy. For copy.c. */
#ifndef FLOWCORE_OPENCL_SHARED_H
#define FLOWCORE_OPENCL_SHARED_H

#include "device.h"

/* Makes input 0, a value of `d`, the node's output in host memory, to be mapped by ocl_map; 0: it is to be
 * copied. */
int ocl_lend_to_host(fc_ctx *ctx, ocl_device *d);
/* Enqueues the map that gives output `to` its address; it can be read once the event has come. */
cl_int ocl_map(ocl_device *d, const fc_tensor *from, const fc_tensor *to, cl_event *event);
/* Makes input 0, a value in host memory, the node's output on `d`; 0: it is to be copied. */
int ocl_take_from_host(fc_ctx *ctx, ocl_device *d);

#endif
