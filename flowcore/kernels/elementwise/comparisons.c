/* The kernels of formulas/comparisons.def. */
#define GROUP comparisons
#define FORMULAS "../../../opencl_kernels/formulas/comparisons.def"
#include "expand.h"
