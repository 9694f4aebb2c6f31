/* Which kernel of gemm.cl multiplies, in which tiles, and what is packed before. */
#include "gemm.h"

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t item_size(int dtype) {
    return dtype == FC_FLOAT16 || dtype == FC_BFLOAT16 ? 4 : fc_item_size(dtype);
}

/* A tensor of `size` elements of the computed type, to be released by the caller. */
static int work_space(fc_ctx *ctx, int dtype, int64_t size, fc_tensor *t) {
    *t = (fc_tensor){
        .dtype = item_size(dtype) == fc_item_size(dtype) ? dtype : FC_FLOAT32, .ndim = 1, .size = size};
    return ocl_buffer_new(ctx, t->dtype, size, &t->buffer);
}

/* Lines of `in` in panels of `width`; see pack.cl. */
static int pack(fc_ctx *ctx, const fc_tensor *in, int64_t lines, int64_t k, int64_t line_stride,
                int64_t k_stride, int64_t count, int64_t batch, int64_t width, fc_tensor *out) {
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

/* Into how many pieces a processor cuts k: enough tiles for all units, and pieces of B that stay in a cache
 * while the rows pass. */
static int64_t choose_chunks(const ocl_device *d, const ocl_gemm *g, int64_t tiles) {
    int64_t wanted = d->units * 8, chunks = 1;
    if (tiles < wanted && g->k >= 512) chunks = min64(ceil_div(wanted, tiles), g->k / 256);
    if (g->k >= 8192 && g->m * g->n <= 262144)
        chunks = chunks > g->k / 1024 ? chunks : min64(g->k / 1024, 64);
    return chunks;
}

/* A kernel of gemm.cl with the options of its tile, and how it is launched: so many groups of so many items,
 * or trees or items by elements of C. */
typedef struct {
    const char *kernel;
    char shape[64];
    enum { BY_TILES, BY_PARTS, BY_TREES, BY_ITEMS } by;
    int64_t groups, group;
} plan;

static int launch(fc_ctx *ctx, const ocl_gemm *g, const plan *p, const fc_tensor *c, const fc_tensor *a,
                  const fc_tensor *b) {
    int64_t elements = g->m * g->n * g->count * g->chunks, length = ceil_div(g->k, g->chunks);
    ocl_call call;
    int rc = ocl_begin(&call, ctx, "gemm", p->kernel, "T=%s C=%s B=%s %s", ocl_type(a->dtype),
                       ocl_type(c->dtype), ocl_type(b->dtype), p->shape);
    if (rc) return rc;
    ocl_tensor(&call, c);
    ocl_tensor(&call, a);
    ocl_tensor(&call, b);
    ocl_bytes(&call, g, sizeof *g);
    if (p->by == BY_PARTS) return ocl_run_parts(&call, elements, length);
    if (p->by == BY_TREES) return ocl_run_trees(&call, elements, length, item_size(c->dtype));
    if (p->by == BY_ITEMS) return ocl_run(&call, elements);
    return ocl_run_groups(&call, 1, &p->groups, &p->group);
}

/* With chunks: into partial sums, laid out as C is, which are added up after. */
static int in_chunks(fc_ctx *ctx, const ocl_gemm *g, const plan *p, const fc_tensor *c, const fc_tensor *a,
                     const fc_tensor *b) {
    fc_tensor parts;
    ocl_gemm part = *g;
    int64_t size = g->count * g->m * g->n;
    int rc = work_space(ctx, c->dtype, g->chunks * size, &parts);
    if (rc) return rc;
    part.c_chunk = size;
    rc = launch(ctx, &part, p, &parts, a, b);
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

static int run(fc_ctx *ctx, const ocl_gemm *g, const plan *p, const fc_tensor *c, const fc_tensor *a,
               const fc_tensor *b) {
    return g->chunks > 1 ? in_chunks(ctx, g, p, c, a, b) : launch(ctx, g, p, c, a, b);
}

/* Whether C lies in memory row after row, so that partial sums may be added up element by element. */
static int is_dense(const ocl_gemm *g) {
    int64_t inner = g->n, middle = inner * g->row_size[1], outer = middle * g->row_size[0];
    int64_t rows = g->row_size[0] * g->row_size[1];
    return g->c_column == 1 && g->c_row[2] == inner && (g->row_size[0] == 1 || g->c_row[1] == middle) &&
           (g->m <= rows || g->c_row[0] == outer) && (g->count == 1 || g->c_batch == g->m * g->n);
}

/* Whether A is one matrix, its rows and k at one stride each. */
static int is_plain(const ocl_gemm *g) { return g->m <= g->row_size[1] && g->k <= g->k_size[1]; }

static int multiply_vectors(fc_ctx *ctx, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b,
                            ocl_gemm g) {
    const ocl_device *d = ocl_of(ctx);
    /* A tile fills the vector registers: 32 where they are 64 bytes wide, else 16. */
    int wide = d->vector_bytes == 64;
    int most = d->tile_vectors ? d->tile_vectors : wide ? 4 : 2;
    int64_t w = d->vector_bytes / item_size(c->dtype),
            nv = g.n <= w       ? 1
                 : g.n <= 2 * w ? 2
                                : most,
            mr = nv == 4           ? 5
                 : wide || nv == 1 ? 12
                                   : 6;
    if (nv == most && d->tile_rows) mr = d->tile_rows;
    if (g.m < mr) mr = g.m;
    /* a row is all there is: long pieces of B's rows, which lie far apart */
    if (g.m == 1 && g.n % (16 * w) == 0) nv = 16;
    int64_t nr = w * nv;
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
    if (!rc && is_plain(&g) && g.n >= 16 * nr && (double)g.m * (double)g.n * (double)g.k >= 1 << 27) {
        rc = pack(ctx, a, g.m, g.k, g.row_stride[2], g.k_stride[2], g.a_batch ? g.count : 1, g.a_batch, mr,
                  &packed_a);
        a = &packed_a;
        if (g.a_batch) g.a_batch = ceil_div(g.m, mr) * mr * g.k;
        g.row_size[0] = ceil_div(g.m, mr), g.row_size[1] = mr;
        g.row_stride[1] = mr * g.k, g.row_stride[2] = 1, g.k_stride[2] = mr;
        g.c_row[1] = mr * g.c_row[2];
    }
    int64_t tiles = ceil_div(g.m, mr) * ceil_div(g.n, nr) * g.count;
    g.chunks = is_dense(&g) ? choose_chunks(d, &g, tiles) : 1;
    plan p = {.kernel = "multiply", .groups = min64(tiles * g.chunks, d->units * 16), .group = 1};
    snprintf(p.shape, sizeof p.shape, "W=%d NV=%d MR=%d", (int)w, (int)nv, (int)mr);
    if (!rc) rc = run(ctx, &g, &p, c, a, b);
    fc_release(packed_a.buffer);
    fc_release(packed_b.buffer);
    return rc;
}

/* ---- GPUs ------------------------------------------------------------------------------------ */

enum { MOST_CHUNKS = 256, LEAST_CHUNK = 128 };

/* Whether 32 bits number the elements of each matrix. */
static int is_small(const fc_tensor *c, const fc_tensor *a, const fc_tensor *b) {
    return c->size <= INT32_MAX && a->size <= INT32_MAX && b->size <= INT32_MAX;
}

/* The deepest pieces of A and B that local memory has room for twice; 0: none. */
static int depth_of(const ocl_device *d, int64_t side, int64_t mi, int64_t ni, int64_t item) {
    int depth = 16;
    while (depth >= 8 && 2 * depth * (((mi + ni) * side + 8) * item + 8) > d->local_memory) depth /= 2;
    return depth >= 8 ? depth : 0;
}

/* Steps of a unit until all tiles are done, of so many elements to an item. A unit does 48 multiply-adds a
 * step and moves 16 bytes; a second launch costs 13,000 steps. Small tiles wait for local memory: `rate` is
 * what they reach of the largest. Fitted to 250 timings on an NVIDIA H200: the choice takes 1.02 of the best
 * tile's time on the average of 12 shapes, 1.08 at worst. */
static double steps(const ocl_device *d, const ocl_gemm *g, int64_t side, int64_t mi, int64_t ni,
                    int64_t chunks, int64_t item) {
    static const double rate[] = {0.17, 0.32, 0.4, 0.48, 0.78, 1.0, 1.0}; /* of 1, 2, 4 ... 64 elements */
    double groups = (double)(ceil_div(g->m, mi * side) * ceil_div(g->n, ni * side) * g->count * chunks);
    double rounds = (double)(int64_t)((groups + (double)d->units - 1) / (double)d->units);
    double tile = (double)(mi * ni * side * side) / 48 / rate[63 - __builtin_clzll((uint64_t)(mi * ni))] *
                  (double)ceil_div(g->k, chunks);
    double sums = chunks > 1 ? 13000 + (double)(g->m * g->n * g->count * (chunks + 1) * item) /
                                           (16.0 * (double)d->units)
                             : 0;
    return rounds * tile + sums;
}

static int multiply_tiles(fc_ctx *ctx, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b,
                          ocl_gemm g) {
    const ocl_device *d = ocl_of(ctx);
    int64_t item = item_size(c->dtype), most = is_dense(&g) ? min64(g.k / LEAST_CHUNK, MOST_CHUNKS) : 1,
            best_mi = 1, best_ni = 1;
    int64_t side = d->tile_side ? d->tile_side : d->max_group >= 256 && depth_of(d, 16, 1, 1, item) ? 16 : 8;
    double least = 0;
    g.chunks = 1;
    for (int64_t mi = 8; mi; mi /= 2)
        for (int64_t ni = 8; ni; ni /= 2) {
            if (!depth_of(d, side, mi, ni, item) || mi * ni * item > 256) continue;
            for (int64_t chunks = 1; chunks == 1 || chunks <= most; chunks *= 2) {
                double cost = steps(d, &g, side, mi, ni, chunks, item);
                if (least && cost >= least) continue;
                least = cost, best_mi = mi, best_ni = ni, g.chunks = chunks;
            }
        }
    int64_t tiles = ceil_div(g.m, best_mi * side) * ceil_div(g.n, best_ni * side) * g.count * g.chunks;
    plan p = {.kernel = "multiply_tiles", .groups = min64(tiles, 65535), .group = side * side};
    snprintf(p.shape, sizeof p.shape, "SIDE=%d MI=%d NI=%d DEPTH=%d INDEX=%s PLAIN_K=%d", (int)side,
             (int)best_mi, (int)best_ni, depth_of(d, side, best_mi, best_ni, item),
             is_small(c, a, b) ? "uint" : "ulong", g.k <= g.k_size[1]);
    return run(ctx, &g, &p, c, a, b);
}

/* C is one row or one column: nothing is read more than once, so nothing is packed. */
static int multiply_vector(fc_ctx *ctx, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b,
                           ocl_gemm g) {
    const ocl_device *d = ocl_of(ctx);
    int64_t elements = g.m * g.n * g.count;
    /* A GPU wants a thousand items to a unit, and walks the part of a column alone: 32 elements of it at
     * least. */
    int64_t pieces = g.n == 1 ? ceil_div(d->units * 4, elements) : ceil_div(d->units * 1024, elements),
            worth = g.n == 1 ? g.k / 1024 : g.k / 32;
    g.chunks = !is_dense(&g) ? 1
               : d->is_cpu   ? choose_chunks(d, &g, elements)
               : worth < 1   ? 1
                             : min64(pieces, worth);
    plan p = {.kernel = d->is_cpu  ? "dots"
                        : g.n == 1 ? "dots_by_group"
                                   : "columns",
              .by = d->is_cpu  ? BY_PARTS
                    : g.n == 1 ? BY_TREES
                               : BY_ITEMS};
    snprintf(p.shape, sizeof p.shape, "VECTOR=1 INDEX=%s", is_small(c, a, b) ? "uint" : "ulong");
    return run(ctx, &g, &p, c, a, b);
}

/* The transposed product, of plain A. */
static ocl_gemm turned(const ocl_gemm *g) {
    return (ocl_gemm){.m = g->n,
                      .n = g->m,
                      .k = g->k,
                      .row_size = {1, g->n},
                      .row_stride = {0, 0, g->b_column},
                      .k_size = {1, g->k},
                      .k_stride = {0, 0, g->b_k},
                      .b_k = g->k_stride[2],
                      .b_column = g->row_stride[2],
                      .c_row = {0, 0, g->c_column},
                      .c_column = g->c_row[2],
                      .count = g->count,
                      .a_batch = g->b_batch,
                      .b_batch = g->a_batch,
                      .c_batch = g->c_batch};
}

int ocl_multiply(fc_ctx *ctx, const fc_tensor *c, const fc_tensor *a, const fc_tensor *b, ocl_gemm g) {
    /* A column of which A's rows do not lie along k is better a row, and the other way about. */
    if (is_plain(&g) && ((g.n == 1 && g.m > 1 && g.k_stride[2] != 1) ||
                         (g.m == 1 && g.n > 1 && g.b_column != 1 && g.b_k == 1))) {
        const fc_tensor *left = b;
        g = turned(&g), b = a, a = left;
    }
    const ocl_device *d = ocl_of(ctx);
    /* so many rows that tiles of one column in use of sixteen are faster than a group to a row */
    const int fills = !d->is_cpu && g.m >= d->units * 64;
    if (g.n == 1 && g.k_stride[2] == 1 && g.b_k == 1 && !fills) return multiply_vector(ctx, c, a, b, g);
    if (d->is_cpu) return multiply_vectors(ctx, c, a, b, g);
    return g.m == 1 ? multiply_vector(ctx, c, a, b, g) : multiply_tiles(ctx, c, a, b, g);
}
