/* FC_TEMPLATE for the one type that _each_type.h has set; included by that header alone. */
#ifndef INTEGER
#define INTEGER 0
#endif
#include FC_TEMPLATE
#undef TYPE
#undef T
#undef C
#undef WIDE
#undef LOAD
#undef STORE
#undef LOWEST
#undef HIGHEST
#undef INTEGER
