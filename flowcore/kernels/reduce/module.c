/* The reductions as an extension module. */
#include "../_module.h"

extern const fc_kernel_table fc_reduce_kernels, fc_cumulate_kernels;

static const fc_kernel_table *tables[] = {&fc_reduce_kernels, &fc_cumulate_kernels};
FC_KERNEL_MODULE(_reduce, tables, NULL)
