/* The kernels of formulas/gradients.def. */
#define GROUP gradients
#define FORMULAS "../../../opencl_kernels/formulas/gradients.def"
#include "expand.h"
