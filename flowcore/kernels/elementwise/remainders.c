/* The kernels of formulas/remainders.def. */
#define GROUP remainders
#define FORMULAS "../../../opencl_kernels/formulas/remainders.def"
#include "expand.h"
