/* Template: the optimisers' loops for one type, see _each_type.h; formulas: optimizers.def. */

#define BEGIN_LOOP \
    const update *u = arg; \
    T *var = u->data[0]; \
    const T *grad = u->grad; \
    for (int64_t i = begin; i < end; i++) { \
        C w = LOAD(var[i]), g = LOAD(grad[i]);
#define END_LOOP \
    var[i] = STORE(w); \
    }

FC_CLONES static void FN(gradient_descent)(void *arg, int64_t begin, int64_t end) {
    C lr = (C)((const update *)arg)->scalar[0];
    BEGIN_LOOP
    FC_GRADIENT_DESCENT(w, g, lr)
    END_LOOP
}

FC_CLONES static void FN(momentum)(void *arg, int64_t begin, int64_t end) {
    C lr = (C)((const update *)arg)->scalar[0], momentum = (C)((const update *)arg)->scalar[1];
    T *accum = ((const update *)arg)->data[1];
    int nesterov = ((const update *)arg)->flag;
    BEGIN_LOOP
    C a = LOAD(accum[i]);
    if (nesterov) {
        FC_NESTEROV(w, a, g, lr, momentum)
    } else {
        FC_MOMENTUM(w, a, g, lr, momentum)
    }
    accum[i] = STORE(a);
    END_LOOP
}

FC_CLONES static void FN(adam)(void *arg, int64_t begin, int64_t end) {
    const double *s = ((const update *)arg)->scalar;
    C alpha = (C)s[0], beta1 = (C)s[1], beta2 = (C)s[2], epsilon = (C)s[3];
    T *m = ((const update *)arg)->data[1], *v = ((const update *)arg)->data[2];
    int nesterov = ((const update *)arg)->flag;
    BEGIN_LOOP
    C a = LOAD(m[i]), b = LOAD(v[i]);
    if (nesterov) {
        FC_ADAM_NESTEROV(w, a, b, g, alpha, beta1, beta2, epsilon)
    } else {
        FC_ADAM(w, a, b, g, alpha, beta1, beta2, epsilon)
    }
    m[i] = STORE(a);
    v[i] = STORE(b);
    END_LOOP
}

FC_CLONES static void FN(adagrad)(void *arg, int64_t begin, int64_t end) {
    C lr = (C)((const update *)arg)->scalar[0];
    T *accum = ((const update *)arg)->data[1];
    BEGIN_LOOP
    C a = LOAD(accum[i]);
    FC_ADAGRAD(w, a, g, lr)
    accum[i] = STORE(a);
    END_LOOP
}

FC_CLONES static void FN(rmsprop)(void *arg, int64_t begin, int64_t end) {
    const double *s = ((const update *)arg)->scalar;
    C lr = (C)s[0], rho = (C)s[1], momentum = (C)s[2], epsilon = (C)s[3];
    T *ms = ((const update *)arg)->data[1], *mom = ((const update *)arg)->data[2];
    BEGIN_LOOP
    C a = LOAD(ms[i]), b = LOAD(mom[i]);
    FC_RMSPROP(w, a, b, g, lr, rho, momentum, epsilon)
    ms[i] = STORE(a);
    mom[i] = STORE(b);
    END_LOOP
}
#undef BEGIN_LOOP
#undef END_LOOP
