/* The elementwise unit as an extension module. */
#include "../_module.h"

extern const fc_kernel_table fc_elementwise_kernels, fc_cast_kernels, fc_select_kernels;

static const fc_kernel_table *tables[] = {&fc_elementwise_kernels, &fc_cast_kernels, &fc_select_kernels};
FC_KERNEL_MODULE(_elementwise, tables, NULL)
