/* The data-movement unit as an extension module. */
#include "../_module.h"

extern const fc_kernel_table fc_shape_kernels, fc_layout_kernels, fc_join_kernels, fc_index_kernels,
    fc_generate_kernels;

static const fc_kernel_table *tables[] = {&fc_shape_kernels, &fc_layout_kernels, &fc_join_kernels,
                                          &fc_index_kernels, &fc_generate_kernels};
FC_KERNEL_MODULE(_array, tables, NULL)
