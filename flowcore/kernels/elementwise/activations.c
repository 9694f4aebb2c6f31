/* The kernels of formulas/activations.def. */
#define GROUP activations
#define FORMULAS "../../../opencl_kernels/formulas/activations.def"
#include "expand.h"
