/* The optimisers' updates of single rows, in place. An item takes one element of a row through all gradients
 * that belong to it, in their order, so that repeated rows yield the same bits as on the host. `table`: see
 * scatter.cl. */
#include "optimizers.def"

#define VARIABLE(name) __global T *name##_p, long name##_at
#define GRADIENT \
    __global const T *g_p, long g_at, __global const long *table, long table_at, long count, long inner
#define LOAD(name) T_C name = LOAD_T(name##_p + name##_at, i)
#define STORE(name) STORE_T(name##_p + name##_at, i, name)

#define EACH_ELEMENT(k) FOR_EACH(k, count *inner)
/* i: the place of element k in the variables. The loop over its gradients g follows. */
#define EACH_GRADIENT(k) \
    __global const long *starts = table + table_at, *rows = starts + count + 1, *positions = rows + count; \
    size_t u = k / (size_t)inner, j = k % (size_t)inner, i = (size_t)rows[u] * (size_t)inner + j; \
    for (size_t p = (size_t)starts[u]; p < (size_t)starts[u + 1]; p++)
#define LOAD_GRADIENT T_C g = LOAD_T(g_p + g_at, (size_t)positions[p] * (size_t)inner + j)

__kernel void momentum(VARIABLE(w), VARIABLE(a), GRADIENT, T_C lr, T_C factor, int nesterov) {
    EACH_ELEMENT(k) {
        EACH_GRADIENT(k) {
            LOAD(w);
            LOAD(a);
            LOAD_GRADIENT;
            if (nesterov) {
                FC_NESTEROV(w, a, g, lr, factor)
            } else {
                FC_MOMENTUM(w, a, g, lr, factor)
            }
            STORE(w);
            STORE(a);
        }
    }
}

__kernel void adagrad(VARIABLE(w), VARIABLE(a), GRADIENT, T_C lr) {
    EACH_ELEMENT(k) {
        EACH_GRADIENT(k) {
            LOAD(w);
            LOAD(a);
            LOAD_GRADIENT;
            FC_ADAGRAD(w, a, g, lr)
            STORE(w);
            STORE(a);
        }
    }
}
