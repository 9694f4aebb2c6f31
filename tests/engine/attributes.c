/* A kernel that writes down its attributes, in the order and the terms in which it gets them. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "../../flowcore/kernels/_module.h"

static char text[4096];
static size_t used;

static void add(const char *format, ...) {
    va_list args;
    va_start(args, format);
    used += (size_t)vsnprintf(text + used, sizeof text - used, format, args);
    va_end(args);
}

static int write_down(fc_ctx *ctx) {
    const fc_attr *a = ctx->attrs;
    used = 0;
    for (int64_t k = 0; k < a[0].n; k++) {
        add("%" PRId64 ":", a[0].strings[k].size);
        for (int64_t i = 0; i <= a[0].strings[k].size; i++) add("%02x", (uint8_t)a[0].strings[k].data[i]);
        add(" ");
    }
    add("| ");
    for (int64_t k = 0; k < a[1].n; k++) {
        add("%" PRId64 "(", a[1].shapes[k].ndim);
        for (int64_t d = 0; d < a[1].shapes[k].ndim; d++) add("%" PRId64 ",", a[1].shapes[k].sizes[d]);
        add(") ");
    }
    add("| ");
    for (int64_t k = 0; k < a[2].n; k++) add("%" PRId64 " ", a[2].ints[k]);
    add("| ");
    for (int64_t k = 0; k < a[3].n; k++) {
        const fc_tensor *t = &a[3].tensors[k];
        char shape[64];
        add("%s%s ", fc_dtype_name(t->dtype), fc_shape_str(t, shape, sizeof shape));
        for (int64_t i = 0; i < t->size; i++) add("%g ", (double)((const float *)fc_data(t))[i]);
    }
    add("| %.*s %" PRId64, (int)a[4].n, a[4].s, a[4].n);
    int64_t size = (int64_t)used;
    int rc = ctx->api->alloc(ctx, 0, FC_UINT8, 1, &size);
    if (!rc) memcpy(fc_data(&ctx->out[0]), text, used);
    return rc;
}

static const fc_kernel_def defs[] = {
    {"WriteDown", "", "strings shapes types tensors func", 0, 0, 0, write_down}};
static const fc_kernel_table table = {FC_ABI, "CPU", 1, defs};
static const fc_kernel_table *tables[] = {&table};
FC_KERNEL_MODULE(attributes, tables, NULL)
