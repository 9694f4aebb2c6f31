/* The random kernels as an extension module, and the factories of their states. */
#include "../_module.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "random.h"

int fc_random_uniform(fc_ctx *ctx), fc_random_normal(fc_ctx *ctx), fc_truncated_normal(fc_ctx *ctx),
    fc_random_int(fc_ctx *ctx), fc_random_shuffle(fc_ctx *ctx);

#define FLOATS "dtype:float16,bfloat16,float32,float64"
static const fc_kernel_def defs[] = {
    {"RandomUniform", FLOATS, "dtype", FC_STATEFUL, 1, 0, fc_random_uniform},
    {"RandomStandardNormal", FLOATS, "dtype", FC_STATEFUL, 1, 0, fc_random_normal},
    {"TruncatedNormal", FLOATS, "dtype", FC_STATEFUL, 1, 0, fc_truncated_normal},
    {"RandomUniformInt", "Tout:int32,int64", "", FC_STATEFUL, 7, 0, fc_random_int},
    {"RandomShuffle", "", "", FC_STATEFUL, 0, 0, fc_random_shuffle},
};
static const fc_kernel_table fc_random_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};

static void destroy(fc_resource *self) {
    free((char *)self->name);
    free(self);
}

/* A key that differs between processes, nodes and moments. */
static uint64_t entropy(const void *salt) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t x = (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec << 20 ^ (uint64_t)getpid() << 40 ^
                 (uint64_t)(uintptr_t)salt;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u; /* the finaliser of SplitMix64 */
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static int64_t seed_of(PyObject *attrs, const char *name) {
    PyObject *value = PyMapping_GetItemString(attrs, name);
    int64_t seed = value ? PyLong_AsLongLong(value) : 0;
    Py_XDECREF(value);
    return seed;
}

/* (name, attrs) -> capsule. Both seeds zero: a key of its own for each session. */
static PyObject *create(PyObject *module, PyObject *args) {
    const char *name;
    PyObject *attrs;
    (void)module;
    if (!PyArg_ParseTuple(args, "sO", &name, &attrs)) return NULL;
    int64_t seed = seed_of(attrs, "seed"), seed2 = seed_of(attrs, "seed2");
    if (PyErr_Occurred()) return NULL;
    fc_rng *rng = calloc(1, sizeof(fc_rng));
    if (!rng) return PyErr_NoMemory();
    rng->base.refs = 1;
    rng->base.kind = FC_RES_RNG;
    rng->base.destroy = destroy;
    rng->base.name = strdup(name);
    if (!rng->base.name) {
        free(rng);
        return PyErr_NoMemory();
    }
    rng->key = seed || seed2 ? (uint64_t)seed * 0x9E3779B97F4A7C15u ^ (uint64_t)seed2 << 1 : entropy(rng);
    return PyCapsule_New(rng, FC_RESOURCE_CAPSULE, NULL);
}

static PyMethodDef methods[] = {{"create_RandomUniform", create, METH_VARARGS, NULL},
                                {"create_RandomStandardNormal", create, METH_VARARGS, NULL},
                                {"create_TruncatedNormal", create, METH_VARARGS, NULL},
                                {"create_RandomUniformInt", create, METH_VARARGS, NULL},
                                {"create_RandomShuffle", create, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static const fc_kernel_table *tables[] = {&fc_random_kernels};
FC_KERNEL_MODULE(_random, tables, methods)
