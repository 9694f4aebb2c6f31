/* The optimisers' updates, in place. Scalars come in the type of computation. */
#include "optimizers.def"

#define VARIABLE(name) __global T *name##_p, long name##_at
#define GRADIENT __global const T *g_p, long g_at
#define LOAD(name) T_C name = LOAD_T(name##_p + name##_at, i)
#define STORE(name) STORE_T(name##_p + name##_at, i, name)

__kernel void gradient_descent(VARIABLE(w), GRADIENT, long n, T_C lr) {
    FOR_EACH(i, n) {
        LOAD(w);
        LOAD(g);
        FC_GRADIENT_DESCENT(w, g, lr)
        STORE(w);
    }
}

__kernel void momentum(VARIABLE(w), VARIABLE(a), GRADIENT, long n, T_C lr, T_C factor, int nesterov) {
    FOR_EACH(i, n) {
        LOAD(w);
        LOAD(a);
        LOAD(g);
        if (nesterov) {
            FC_NESTEROV(w, a, g, lr, factor)
        } else {
            FC_MOMENTUM(w, a, g, lr, factor)
        }
        STORE(w);
        STORE(a);
    }
}

__kernel void adam(VARIABLE(w), VARIABLE(m), VARIABLE(v), GRADIENT, long n, T_C alpha, T_C beta1, T_C beta2,
                   T_C epsilon, int nesterov) {
    FOR_EACH(i, n) {
        LOAD(w);
        LOAD(m);
        LOAD(v);
        LOAD(g);
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

__kernel void adagrad(VARIABLE(w), VARIABLE(a), GRADIENT, long n, T_C lr) {
    FOR_EACH(i, n) {
        LOAD(w);
        LOAD(a);
        LOAD(g);
        FC_ADAGRAD(w, a, g, lr)
        STORE(w);
        STORE(a);
    }
}

__kernel void rmsprop(VARIABLE(w), VARIABLE(ms), VARIABLE(mom), GRADIENT, long n, T_C lr, T_C rho, T_C factor,
                      T_C epsilon) {
    FOR_EACH(i, n) {
        LOAD(w);
        LOAD(ms);
        LOAD(mom);
        LOAD(g);
        FC_RMSPROP(w, ms, mom, g, lr, rho, factor, epsilon)
        STORE(w);
        STORE(ms);
        STORE(mom);
    }
}
