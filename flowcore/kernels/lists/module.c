/* The kernels of lists as an extension module. */
#include "../_module.h"

extern const fc_kernel_table fc_list_kernels, fc_list_move_kernels;

static const fc_kernel_table *tables[] = {&fc_list_kernels, &fc_list_move_kernels};
FC_KERNEL_MODULE(_lists, tables, NULL)
