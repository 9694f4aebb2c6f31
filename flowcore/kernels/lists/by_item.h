/* A device's own kernels, run on single elements of lists. */
#ifndef FLOWCORE_BY_ITEM_H
#define FLOWCORE_BY_ITEM_H

#include "../../_kernel.h"

/* The sum of two elements of one shape and dtype that lie on the node's device, whose memory the first may
 * give where nothing else has it. The caller owns the reference to its buffer. */
int fc_add_items(fc_ctx *ctx, const fc_tensor both[2], fc_tensor *sum);

#endif
