/* The kernels of formulas/arithmetic.def. */
#define GROUP arithmetic
#define FORMULAS "../../../opencl_kernels/formulas/arithmetic.def"
#include "expand.h"
