/* The kernels of formulas/functions.def. */
#define GROUP functions
#define FORMULAS "../../../opencl_kernels/formulas/functions.def"
#include "expand.h"
