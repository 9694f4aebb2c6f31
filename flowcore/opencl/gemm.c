/* Which kernel of gemm.cl multiplies, in which tiles, and what is packed before. */
#include "gemm.h"

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t item_size(int dtype) { return dtype == FC_FLOAT16 || dtype == FC_BFLOAT16 ? 4 : fc_item_size(dtype); }

/* A tensor of `size` elements of the computed type, to be released by the caller. */
static int work_space(fc_ctx *ctx, int dtype, int64_t size, fc_tensor *t) {
    *t = (fc_tensor){.dtype = item_size(dtype) == fc_item_size(dtype) ? dtype : FC_FLOAT32, .ndim = 1, .size = size};
    return ocl_buffer_new(ctx, t->dtype, size, &t->buffer);
}

/* Lines of `in` in panels of `width`; see pack.cl. */
static int pack(fc_ctx *ctx, const fc_tensor *in, int64_t lines, int64_t k, int64_t line_stride, int64_t k_stride, int64_t count, int64_t batch, int64_t width, fc_tensor *out) {
    int64_t panels = ceil_div(lines, width);
    int rc = work_space(ctx, in->dtype, count * panels * k * width, out);
    ocl_call call;
    if (!rc) rc = ocl_begin(&call, ctx, "pack", "pack", "T=%s R=%d", ocl_type(in->dtype), (int)width);
    if (rc) return rc;
    ocl_tensor(&call, out);
    ocl_tensor(&call, in);
    int64_t numbers[] = {lines, k, line_stride, k_stride, count, batch};
    for (int i = 0; i < 6; i++) ocl_long(&call, numbers[i]);
    return ocl_run_parts(&call, count * panels * ceil_div(k, 64), 64 * width);
}

/* Into how many pieces k is cut: enough tiles for all units, and pieces of B that stay in a cache while the rows pass. */
static int64_t choose_chunks(const ocl_device *d, const ocl_gemm *g, int64_t tiles) {
    int64_t wanted = d->units * (d->is_cpu ? 8 : 4), chunks = 1;
    if (tiles < wanted && g->k >= 512) chunks = min64(ceil_div(wanted, tiles), g->k / 256);
    if (d->is_cpu && g->k >= 8192 && g->m * g->n <= 262144) chunks = chunks > g->k / 1024 ? chunks : min64(g->k / 1024, 64);
    return chunks;
}

static int launch(fc_ctx *ctx, const ocl_gemm *g, const char *kernel, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b, const char *shape, int64_t groups, int64_t group) {
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "gemm", kernel, "T=%s C=%s B=%s %s", ocl_type(a->dtype), ocl_type(c->dtype), ocl_type(b->dtype), shape);
    if (rc) return rc;
    ocl_tensor(&call, c);
    ocl_tensor(&call, a);
    ocl_tensor(&call, b);
    ocl_bytes(&call, g, sizeof *g);
    return ocl_run_groups(&call, 1, &groups, &group);
}

/* With chunks: into partial sums, laid out as C is, which are added up after. */
static int in_chunks(fc_ctx *ctx, const ocl_gemm *g, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b, const char *kernel, const char *shape, int64_t groups, int64_t group) {
    fc_tensor parts;
    ocl_gemm part = *g;
    int64_t size = g->count * g->m * g->n;
    int rc = work_space(ctx, c->dtype, g->chunks * size, &parts);
    if (rc) return rc;
    part.c_chunk = size;
    rc = launch(ctx, &part, kernel, &parts, a, b, shape, groups, group);
    ocl_call call;
    if (!rc) rc = ocl_begin(&call, ctx, "pack", "sum_chunks", "T=%s R=1", ocl_type(c->dtype));
    if (!rc) {
        ocl_tensor(&call, c);
        ocl_tensor(&call, &parts);
        ocl_long(&call, size);
        ocl_long(&call, g->chunks);
        rc = ocl_run(&call, size);
    }
    fc_release(parts.buffer);
    return rc;
}

static int run(fc_ctx *ctx, const ocl_gemm *g, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b, const char *kernel, const char *shape, int64_t groups, int64_t group) {
    return g->chunks > 1 ? in_chunks(ctx, g, c, a, b, kernel, shape, groups, group) : launch(ctx, g, kernel, c, a, b, shape, groups, group);
}

/* Whether C lies in memory row after row, so that partial sums may be added up element by element. */
static int is_dense(const ocl_gemm *g) {
    int64_t inner = g->n, middle = inner * g->row_size[1], outer = middle * g->row_size[0];
    int64_t rows = g->row_size[0] * g->row_size[1];
    return g->c_column == 1 && g->c_row[2] == inner && (g->row_size[0] == 1 || g->c_row[1] == middle) && (g->m <= rows || g->c_row[0] == outer) &&
           (g->count == 1 || g->c_batch == g->m * g->n);
}

static int multiply_vectors(fc_ctx *ctx, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b, ocl_gemm g) {
    const ocl_device *d = ocl_of(ctx);
    /* A tile fills the vector registers: 32 where they are 64 bytes wide, else 16. */
    int wide = d->vector_bytes == 64;
    int most = d->tile_vectors ? d->tile_vectors : wide ? 4 : 2;
    int64_t w = d->vector_bytes / item_size(c->dtype), nv = g.n <= w ? 1 : g.n <= 2 * w ? 2 : most, nr = w * nv, mr = nv == 4 ? 5 : wide || nv == 1 ? 12 : 6;
    if (nv == most && d->tile_rows) mr = d->tile_rows;
    if (g.m < mr) mr = g.m;
    fc_tensor packed_a = {.buffer = NULL}, packed_b = {.buffer = NULL};
    int same_type = item_size(b->dtype) == fc_item_size(b->dtype), rc = FC_OK;
    /* B serves as it is where its rows are whole vectors, near one another or read once only. */
    if (g.b_column == 1 && same_type && g.n % nr == 0 && (g.b_k <= 256 || g.m <= 2 * mr)) {
        g.b_column = nr;
    } else {
        rc = pack(ctx, b, g.n, g.k, g.b_column, g.b_k, g.b_batch ? g.count : 1, g.b_batch, nr, &packed_b);
        b = &packed_b;
        if (g.b_batch) g.b_batch = ceil_div(g.n, nr) * nr * g.k;
        g.b_k = nr, g.b_column = nr * g.k;
    }
    /* Rows far apart cost more than a copy of A where each is read often. */
    int plain = g.m <= g.row_size[1] && g.k <= g.k_size[1];
    if (!rc && plain && g.n >= 16 * nr && (double)g.m * (double)g.n * (double)g.k >= 1 << 27) {
        rc = pack(ctx, a, g.m, g.k, g.row_stride[2], g.k_stride[2], g.a_batch ? g.count : 1, g.a_batch, mr, &packed_a);
        a = &packed_a;
        if (g.a_batch) g.a_batch = ceil_div(g.m, mr) * mr * g.k;
        g.row_size[0] = ceil_div(g.m, mr), g.row_size[1] = mr;
        g.row_stride[1] = mr * g.k, g.row_stride[2] = 1, g.k_stride[2] = mr;
        g.c_row[1] = mr * g.c_row[2];
    }
    int64_t tiles = ceil_div(g.m, mr) * ceil_div(g.n, nr) * g.count;
    char shape[64];
    snprintf(shape, sizeof shape, "W=%d NV=%d MR=%d", (int)w, (int)nv, (int)mr);
    g.chunks = is_dense(&g) ? choose_chunks(d, &g, tiles) : 1;
    if (!rc) rc = run(ctx, &g, c, a, b, "multiply", shape, min64(tiles * g.chunks, d->units * 16), 1);
    fc_release(packed_a.buffer);
    fc_release(packed_b.buffer);
    return rc;
}

static int multiply_tiles(fc_ctx *ctx, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b, ocl_gemm g) {
    const ocl_device *d = ocl_of(ctx);
    int side = d->tile_side ? d->tile_side : d->max_group >= 256 && d->local_memory >= 2 * 16 * 65 * item_size(c->dtype) ? 16 : 8;
    int64_t tile = 4 * side, tiles = ceil_div(g.m, tile) * ceil_div(g.n, tile) * g.count;
    char shape[64];
    snprintf(shape, sizeof shape, "SIDE=%d DEPTH=16", side);
    g.chunks = is_dense(&g) ? choose_chunks(d, &g, tiles) : 1;
    return run(ctx, &g, c, a, b, "multiply_tiles", shape, min64(tiles * g.chunks, 65535), (int64_t)side * side);
}

int ocl_multiply(fc_ctx *ctx, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b, ocl_gemm g) {
    return ocl_of(ctx)->is_cpu ? multiply_vectors(ctx, c, a, b, g) : multiply_tiles(ctx, c, a, b, g);
}
