/* The optimisers' updates, in place. Scalars come in the type of computation.
 *
 * ROWS=0: of whole variables, an item to an element. ROWS=1: of single rows; an item takes one element of a
 * row through all gradients that belong to it, in their order, so that repeated rows yield the same bits as
 * on the host. `table`: see scatter.cl. */
#include "optimizers.def"

#define VARIABLE(name) __global T *name##_p, long name##_at
#define LOAD(name) T_C name = LOAD_T(name##_p + name##_at, i)
#define STORE(name) STORE_T(name##_p + name##_at, i, name)

/* EACH_UPDATE { ... }: i is an element's place in the variables, LOAD_GRADIENT loads its gradient. */
#if ROWS
#define GRADIENT \
    __global const T *g_p, long g_at, __global const long *table, long table_at, long count, long inner
#define LOAD_GRADIENT T_C g = LOAD_T(g_p + g_at, (size_t)table[position] * (size_t)inner + j)
#define EACH_UPDATE \
    FOR_EACH(k, count *inner) \
    for (size_t line = (size_t)table_at + k / (size_t)inner, j = k % (size_t)inner, \
                i = (size_t)table[line + (size_t)count + 1] * (size_t)inner + j, \
                first = (size_t)table_at + 2 * (size_t)count + 1, end = first + (size_t)table[line + 1], \
                position = first + (size_t)table[line]; \
         position < end; position++)
#else
#define GRADIENT __global const T *g_p, long g_at, long n
#define LOAD_GRADIENT T_C g = LOAD_T(g_p + g_at, i)
#define EACH_UPDATE FOR_EACH(i, n)
#endif

__kernel void gradient_descent(VARIABLE(w), GRADIENT, T_C lr) {
    EACH_UPDATE {
        LOAD(w);
        LOAD_GRADIENT;
        FC_GRADIENT_DESCENT(w, g, lr)
        STORE(w);
    }
}

__kernel void momentum(VARIABLE(w), VARIABLE(a), GRADIENT, T_C lr, T_C factor, int nesterov) {
    EACH_UPDATE {
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

__kernel void adam(VARIABLE(w), VARIABLE(m), VARIABLE(v), GRADIENT, T_C alpha, T_C beta1, T_C beta2,
                   T_C epsilon, int nesterov) {
    EACH_UPDATE {
        LOAD(w);
        LOAD(m);
        LOAD(v);
        LOAD_GRADIENT;
        if (nesterov) {
            FC_ADAM_NESTEROV(w, m, v, g, alpha, beta1, beta2, epsilon)
        } else {
            FC_ADAM(w, m, v, g, alpha, beta1, beta2, epsilon)
        }
        STORE(w);
        STORE(m);
        STORE(v);
    }
}

__kernel void adagrad(VARIABLE(w), VARIABLE(a), GRADIENT, T_C lr) {
    EACH_UPDATE {
        LOAD(w);
        LOAD(a);
        LOAD_GRADIENT;
        FC_ADAGRAD(w, a, g, lr)
        STORE(w);
        STORE(a);
    }
}

__kernel void rmsprop(VARIABLE(w), VARIABLE(ms), VARIABLE(mom), GRADIENT, T_C lr, T_C rho, T_C factor,
                      T_C epsilon) {
    EACH_UPDATE {
        LOAD(w);
        LOAD(ms);
        LOAD(mom);
        LOAD_GRADIENT;
        FC_RMSPROP(w, ms, mom, g, lr, rho, factor, epsilon)
        STORE(w);
        STORE(ms);
        STORE(mom);
    }
}
