/* Includes FC_TEMPLATE (a quoted header name) once for each number type, with these macros set:
 *   TYPE  the name, as in FC_NAME       T  the stored type       C  the type of computation
 *   LOAD, STORE  from T to C and back   FN(name)  name_TYPE      LOWEST, HIGHEST  but for complex types
 *   WIDE  holds a sum of as many C as fit into memory   INTEGER  1 for integers
 * FC_TEMPLATE_FLOATS set before: only the floating types. Several files of a unit may include this, so there
 * is no include guard. */
#include <complex.h>
#include <math.h>
#include <stdint.h>

#include "_float16.h"

#ifndef FN
#define FC_PASTE_NAME2(a, b) a##_##b
#define FC_PASTE_NAME(a, b) FC_PASTE_NAME2(a, b)
#define FN(name) FC_PASTE_NAME(name, TYPE)
#endif

#define TYPE FLOAT32
#define T float
#define C float
#define WIDE float
#define LOAD
#define STORE
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#include "_one_type.h"

#define TYPE FLOAT64
#define T double
#define C double
#define WIDE double
#define LOAD
#define STORE
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#include "_one_type.h"

#define TYPE FLOAT16
#define T fc_half
#define C float
#define WIDE float
#define LOAD fc_from_half
#define STORE fc_to_half
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#include "_one_type.h"

#define TYPE BFLOAT16
#define T fc_bfloat16
#define C float
#define WIDE float
#define LOAD fc_from_bfloat16
#define STORE fc_to_bfloat16
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#include "_one_type.h"

#ifndef FC_TEMPLATE_FLOATS
#define TYPE INT8
#define T int8_t
#define C int8_t
#define WIDE int64_t
#define LOAD
#define STORE
#define LOWEST INT8_MIN
#define HIGHEST INT8_MAX
#define INTEGER 1
#include "_one_type.h"

#define TYPE UINT8
#define T uint8_t
#define C uint8_t
#define WIDE uint64_t
#define LOAD
#define STORE
#define LOWEST 0
#define HIGHEST UINT8_MAX
#define INTEGER 1
#include "_one_type.h"

#define TYPE INT16
#define T int16_t
#define C int16_t
#define WIDE int64_t
#define LOAD
#define STORE
#define LOWEST INT16_MIN
#define HIGHEST INT16_MAX
#define INTEGER 1
#include "_one_type.h"

#define TYPE UINT16
#define T uint16_t
#define C uint16_t
#define WIDE uint64_t
#define LOAD
#define STORE
#define LOWEST 0
#define HIGHEST UINT16_MAX
#define INTEGER 1
#include "_one_type.h"

#define TYPE INT32
#define T int32_t
#define C int32_t
#define WIDE int64_t
#define LOAD
#define STORE
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#define INTEGER 1
#include "_one_type.h"

#define TYPE UINT32
#define T uint32_t
#define C uint32_t
#define WIDE uint64_t
#define LOAD
#define STORE
#define LOWEST 0
#define HIGHEST UINT32_MAX
#define INTEGER 1
#include "_one_type.h"

#define TYPE INT64
#define T int64_t
#define C int64_t
#define WIDE __int128
#define LOAD
#define STORE
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#define INTEGER 1
#include "_one_type.h"

#define TYPE UINT64
#define T uint64_t
#define C uint64_t
#define WIDE unsigned __int128
#define LOAD
#define STORE
#define LOWEST 0
#define HIGHEST UINT64_MAX
#define INTEGER 1
#include "_one_type.h"

#define TYPE COMPLEX64
#define T float complex
#define C float complex
#define WIDE float complex
#define LOAD
#define STORE
#include "_one_type.h"

#define TYPE COMPLEX128
#define T double complex
#define C double complex
#define WIDE double complex
#define LOAD
#define STORE
#include "_one_type.h"
#endif
#undef FC_TEMPLATE
#undef FC_TEMPLATE_FLOATS
