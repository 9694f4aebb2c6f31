/* Includes FC_TEMPLATE (a quoted header name) once per floating type. No include guard: used by several
 * files. */
#define FN_PASTE(name, type) name##_##type
#define FN_OF(name, type) FN_PASTE(name, type)
#define FN(name) FN_OF(name, TYPE)

#define T float
#define C float
#define TYPE float32
#define LOAD FC_SAME
#define STORE FC_SAME
#define EXP fc_exp_f
#define LOG fc_log_f
#include FC_TEMPLATE
#undef T
#undef TYPE
#undef LOAD
#undef STORE

#define T fc_half
#define TYPE float16
#define LOAD fc_from_half
#define STORE fc_to_half
#include FC_TEMPLATE
#undef T
#undef TYPE
#undef LOAD
#undef STORE

#define T fc_bfloat16
#define TYPE bfloat16
#define LOAD fc_from_bfloat16
#define STORE fc_to_bfloat16
#include FC_TEMPLATE
#undef T
#undef C
#undef TYPE
#undef LOAD
#undef STORE
#undef EXP
#undef LOG

#define T double
#define C double
#define TYPE float64
#define LOAD FC_SAME
#define STORE FC_SAME
#define EXP exp
#define LOG log
#include FC_TEMPLATE
#undef T
#undef C
#undef TYPE
#undef LOAD
#undef STORE
#undef EXP
#undef LOG
#undef FN
#undef FN_OF
#undef FN_PASTE
