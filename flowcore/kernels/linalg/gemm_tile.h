/* One register-blocked product for one element type and instruction set. gemm.c includes it several times.
 * It sets before:
 *
 * - T: the element type; LANE: an integer as wide as T; VL: lanes of a vector; FMA(a, b, c): a * b + c;
 * - ISA: the name of the instruction set; TARGET: the function attribute that allows it;
 * - MAX_ROWS: rows of the largest tile. MAX_ROWS x 2 vectors of sums, 2 of B and one of A must fit the
 *   registers. */
#define NAME(x) FC_PASTE(x, ISA, T)
#define vec NAME(vec)
#define loose NAME(loose)
#define lanes NAME(lanes)
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef T vec __attribute__((vector_size(VL * sizeof(T))));
/* at any address */
typedef T loose __attribute__((vector_size(VL * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef LANE lanes __attribute__((vector_size(VL * sizeof(T))));

/* `rows` x `nv` vectors of C. The sums and pointers live in registers: every call has constant `rows` and
 * `nv`. Each row of B asks for what lies `ahead` elements on: the next panel, so that a B larger than the
 * caches is on its way while this one is multiplied (0: nothing new). */
#define NV_MOST 8 /* vectors of the widest tile; one row of it reads B as it is */
INLINE void NAME(tile_body)(const int rows, const int nv, const T *const *a, int64_t step, const fc_run *runs,
                            int64_t n_runs, const T *b, int64_t ldb, int64_t ahead, T *const *c, int64_t j,
                            int64_t columns, int accumulate) {
    vec sum[MAX_ROWS][NV_MOST];
    const T *p[MAX_ROWS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        p[i] = a[i];
        UNROLL
        for (int v = 0; v < nv; v++) sum[i][v] = (vec){0};
    }
    if (accumulate) {
        UNROLL
        for (int i = 0; i < rows; i++) UNROLL
        for (int v = 0; v < nv; v++) __builtin_prefetch(c[i] + j + v * VL, 1);
    }
    for (int64_t r = 0; r < n_runs; r++) {
        int64_t at = runs[r].a;
        const T *row = b + runs[r].b * ldb;
        for (int64_t t = runs[r].length; t > 0; t--) {
            vec wide[NV_MOST];
            __builtin_prefetch(row + ahead);
            UNROLL
            for (int v = 0; v < nv; v++) wide[v] = *(const loose *)(row + v * VL);
            UNROLL
            for (int i = 0; i < rows; i++) {
                vec x = p[i][at] - (vec){0};
                UNROLL
                for (int v = 0; v < nv; v++) sum[i][v] = FMA(x, wide[v], sum[i][v]);
            }
            at += step;
            row += ldb;
        }
    }
    if (columns == nv * VL) {
        UNROLL
        for (int i = 0; i < rows; i++) UNROLL
        for (int v = 0; v < nv; v++) {
            loose *out = (loose *)(c[i] + j + v * VL);
            if (accumulate) sum[i][v] += *out;
            *out = sum[i][v];
        }
        return;
    }
    T edge[MAX_ROWS][NV_MOST * VL];
    memset(edge, 0, rows * sizeof edge[0]);
    UNROLL
    for (int i = 0; i < rows; i++) UNROLL
    for (int v = 0; v < nv; v++) *(loose *)&edge[i][v * VL] = sum[i][v];
    for (int i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++)
            c[i][j + k] = accumulate ? c[i][j + k] + edge[i][k] : edge[i][k];
}

typedef void (*NAME(tile))(const T *const *, int64_t, const fc_run *, int64_t, const T *, int64_t, int64_t,
                           T *const *, int64_t, int64_t, int);
#define TILE(rows, nv) \
    static TARGET void NAME(tile_##rows##_##nv)(const T *const *a, int64_t step, const fc_run *runs, \
                                                int64_t n, const T *b, int64_t ldb, int64_t ahead, \
                                                T *const *c, int64_t j, int64_t columns, int accumulate) { \
        NAME(tile_body)(rows, nv, a, step, runs, n, b, ldb, ahead, c, j, columns, accumulate); \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
// clang-format off: a table
TILE(1, 8)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
#if MAX_ROWS > 6
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12) TILES(13) TILES(14)
#endif
#define PAIR(rows) {NAME(tile_##rows##_1), NAME(tile_##rows##_2)}
static const NAME(tile) NAME(tiles)[MAX_ROWS][2] = {
    PAIR(1), PAIR(2), PAIR(3), PAIR(4), PAIR(5), PAIR(6),
#if MAX_ROWS > 6
    PAIR(7), PAIR(8), PAIR(9), PAIR(10), PAIR(11), PAIR(12), PAIR(13), PAIR(14),
#endif
};
// clang-format on

/* ---- packing B ------------------------------------------------------------------------------- */

#define LO(l, s) ((l) & (s) ? VL + (l) - (s) : (l))
#define HI(l, s) ((l) & (s) ? VL + (l) : (l) + (s))
#if VL == 16
#define LANES(M, s) \
    M(0, s), M(1, s), M(2, s), M(3, s), M(4, s), M(5, s), M(6, s), M(7, s), M(8, s), M(9, s), M(10, s), \
        M(11, s), M(12, s), M(13, s), M(14, s), M(15, s)
#elif VL == 8
#define LANES(M, s) M(0, s), M(1, s), M(2, s), M(3, s), M(4, s), M(5, s), M(6, s), M(7, s)
#elif VL == 4
#define LANES(M, s) M(0, s), M(1, s), M(2, s), M(3, s)
#else
#define LANES(M, s) M(0, s), M(1, s)
#endif
#if defined(__clang__)
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (lanes){__VA_ARGS__})
#endif
#define EXCHANGE(s) \
    for (int i = 0; i < VL; i++) \
        if (!(i & (s))) { \
            vec x = r[i], y = r[i + (s)]; \
            r[i] = SHUFFLE(x, y, LANES(LO, s)); \
            r[i + (s)] = SHUFFLE(x, y, LANES(HI, s)); \
        }
/* VL rows of VL elements, `from_step` apart, become columns in `to`. */
INLINE void NAME(transpose)(const T *from, int64_t from_step, T *to, int64_t to_step) {
    vec r[VL];
    UNROLL
    for (int i = 0; i < VL; i++) r[i] = *(const loose *)(from + i * from_step);
    UNROLL
    EXCHANGE(1)
#if VL > 2
    UNROLL
    EXCHANGE(2)
#endif
#if VL > 4
    UNROLL
    EXCHANGE(4)
#endif
#if VL > 8
    UNROLL
    EXCHANGE(8)
#endif
    UNROLL
    for (int i = 0; i < VL; i++) *(loose *)(to + i * to_step) = r[i];
}

/* One run's `length` x `columns` of B from `b` on into a panel of `width` columns, the rest of it zero. */
static TARGET void NAME(pack)(const T *b, int64_t step, int64_t column, int64_t length, int64_t columns,
                              int64_t width, T *to) {
    if (column == 1) {
        for (int64_t t = 0; t < length; t++, b += step, to += width) {
            __builtin_prefetch(b + 16 * step); /* rows far apart: no hardware foresees them */
            __builtin_prefetch(b + 16 * step + columns - 1);
            if (columns == 2 * VL) {
                *(loose *)to = *(const loose *)b;
                *(loose *)(to + VL) = *(const loose *)(b + VL);
            } else {
                for (int64_t j = 0; j < columns; j++) to[j] = b[j];
                for (int64_t j = columns; j < width; j++) to[j] = 0;
            }
        }
        return;
    }
    int64_t blocks = step == 1 ? columns / VL * VL : 0; /* whole VL x VL squares */
    for (int64_t j = 0; j < blocks; j += VL) {
        int64_t t = 0;
        for (; t + VL <= length; t += VL)
            NAME(transpose)(b + t + j * column, column, to + t * width + j, width);
        for (; t < length; t++)
            for (int64_t i = j; i < j + VL; i++) to[t * width + i] = b[t + i * column];
    }
    for (int64_t j = blocks; j < columns; j++)
        for (int64_t t = 0; t < length; t++) to[t * width + j] = b[t * step + j * column];
    for (int64_t j = columns; j < width; j++)
        for (int64_t t = 0; t < length; t++) to[t * width + j] = 0;
}

/* ---- few columns ----------------------------------------------------------------------------- */

/* `rows` rows of C with `n` columns from column `first` on as dot products: the inner dimension is contiguous
 * in A and B, and fills the vectors that so few columns would leave empty. */
INLINE void NAME(dots_body)(const int rows, const int n, const fc_block *g, int64_t i, int64_t first) {
    const T *const *a = (const T *const *)g->a + i;
    T *const *c = (T *const *)g->c + i;
    vec sum[8][4];
    T rest[8][4];
    UNROLL
    for (int r = 0; r < rows; r++) UNROLL
    for (int j = 0; j < n; j++) sum[r][j] = (vec){0}, rest[r][j] = 0;
    for (int64_t k = 0; k < g->n_runs; k++) {
        int64_t at = g->runs[k].a, left = g->runs[k].length;
        const T *b = (const T *)g->b + g->runs[k].b + first * g->b_column;
        for (; left >= VL; left -= VL, at += VL, b += VL) {
            vec y[4];
            UNROLL
            for (int j = 0; j < n; j++) y[j] = *(const loose *)(b + j * g->b_column);
            UNROLL
            for (int r = 0; r < rows; r++) {
                vec x = *(const loose *)(a[r] + at);
                UNROLL
                for (int j = 0; j < n; j++) sum[r][j] = FMA(x, y[j], sum[r][j]);
            }
        }
        for (; left > 0; left--, at++, b++)
            for (int r = 0; r < rows; r++)
                for (int j = 0; j < n; j++) rest[r][j] += a[r][at] * b[j * g->b_column];
    }
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < n; j++) {
            T total = rest[r][j];
            for (int l = 0; l < VL; l++) total += sum[r][j][l];
            c[r][first + j] = g->accumulate ? c[r][first + j] + total : total;
        }
}
#define DOTS(n, most) \
    static TARGET void NAME(dots_##n)(const fc_block *g, int64_t first) { \
        int64_t i = 0; \
        for (; i + most <= g->m; i += most) NAME(dots_body)(most, n, g, i, first); \
        for (; i < g->m; i++) NAME(dots_body)(1, n, g, i, first); \
    }
DOTS(1, 8)
DOTS(2, 4)
DOTS(3, 4)
DOTS(4, 4)

/* ---- a block --------------------------------------------------------------------------------- */

/* One panel of C: all rows, in tiles of full height. A last one of few rows would wait for its own sums:
 * it shares with the one before it. */
static TARGET void NAME(panel)(const fc_block *g, const fc_run *runs, int64_t n_runs, const T *b, int64_t ldb,
                               int64_t next, int64_t j, int64_t columns, int accumulate) {
    int vectors = columns > VL;
    for (int64_t i = 0; i < g->m;) {
        int64_t left = g->m - i, rows = left < MAX_ROWS                          ? left
                                        : left > MAX_ROWS && left < MAX_ROWS + 4 ? (left + 1) / 2
                                                                                 : MAX_ROWS;
        /* the first tile asks for one half of the next panel, the others for the other */
        int64_t ahead = next && i ? next + VL : next;
        NAME(tiles)
        [rows - 1][vectors]((const T *const *)g->a + i, g->a_step, runs, n_runs, b, ldb, ahead,
                            (T *const *)g->c + i, j, columns, accumulate);
        i += rows;
    }
}

static TARGET void NAME(pack_all)(const void *b, int64_t step, int64_t column, int64_t row, int64_t length,
                                  int64_t total, int64_t columns, void *to) {
    for (int64_t j = 0; j < columns; j += 2 * VL) {
        int64_t n = columns - j < 2 * VL ? columns - j : 2 * VL, width = n > VL ? 2 * VL : VL;
        NAME(pack)((const T *)b + j * column, step, column, length, n, width,
                   (T *)to + j * total + row * width);
    }
}

/* Columns j..j_end of one piece, whose runs are `length` long in sum. */
static TARGET void NAME(columns)(const fc_block *g, fc_run *piece, int64_t n_runs, int64_t length, int64_t j,
                                 int64_t j_end, int accumulate, void *work) {
    const T *b = g->b;
    fc_run packed[FC_GEMM_RUNS];
    int64_t row = 0;
    /* Where few tiles of rows read a panel of B, reading it where it lies is cheaper than packing it first
     * (20 rows: 1.4 times as fast; 128: 1.15 times). Rows a multiple of 4 KiB apart share few lines of the
     * caches, and stay there for fewer tiles. */
    int64_t readers = g->b_step * (int64_t)sizeof(T) % 4096 ? 10 : 2;
    int in_place = !g->packed && g->b_column == 1 && g->b_step > 0 && g->m <= readers * MAX_ROWS;
    fc_run there[FC_GEMM_RUNS]; /* the runs by B's own rows */
    for (int64_t i = 0; in_place && i < n_runs; i++) {
        in_place = piece[i].b % g->b_step == 0;
        there[i] = (fc_run){piece[i].a, piece[i].b / g->b_step, piece[i].length};
    }
    for (int64_t i = 0; i < n_runs; row += piece[i++].length)
        packed[i] = (fc_run){piece[i].a, row, piece[i].length};
    while (j < j_end) {
        int64_t columns = j_end - j < 2 * VL ? j_end - j : 2 * VL, width = columns > VL ? 2 * VL : VL;
        if (g->packed) {
            NAME(panel)(g, piece, n_runs, b + j * g->packed, width,
                        j + columns < j_end ? columns * g->packed : 0, j, columns, accumulate);
        } else if (in_place && g->m == 1 && j_end - j >= NV_MOST * VL) {
            columns = NV_MOST * VL;
            NAME(tile_1_8)((const T *const *)g->a, g->a_step, there, n_runs, b + j, g->b_step, 0,
                           (T *const *)g->c, j, columns, accumulate);
        } else if (in_place && columns == width) {
            NAME(panel)(g, there, n_runs, b + j, g->b_step, j + columns < j_end ? columns : 0, j, columns,
                        accumulate);
        } else {
            T *to = work;
            for (int64_t i = 0; i < n_runs; i++)
                NAME(pack)(b + piece[i].b + j * g->b_column, g->b_step, g->b_column, piece[i].length, columns,
                           width, to + packed[i].b * width);
            NAME(panel)(g, packed, n_runs, to, width, 0, j, columns, accumulate);
            work = to + length * width;
        }
        j += columns;
    }
}

/* Cuts the runs into pieces of at most FC_GEMM_INNER inner elements and multiplies piece by piece. */
static TARGET void NAME(block)(const fc_block *g, void *work) {
    static void (*const dots[])(const fc_block *, int64_t) = {NAME(dots_1), NAME(dots_2), NAME(dots_3),
                                                              NAME(dots_4)};
    /* So few rows are not worth turning B into panels for. */
    int along = g->a_step == 1 && g->b_step == 1 && g->b_column != 1 && !g->packed && g->m <= 8 &&
                g->runs[0].length >= 64;
    if (along || fc_is_narrow(g)) {
        for (int64_t j = 0; j < g->n; j += 4) dots[g->n - j < 4 ? g->n - j - 1 : 3](g, j);
        return;
    }
    fc_run piece[FC_GEMM_RUNS];
    int accumulate = g->accumulate;
    /* the next piece begins `skip` into run r */
    int64_t r = 0, skip = 0, step = g->packed ? 1 : g->b_step;
    do {
        int64_t n_runs = 0, length = 0;
        while (r < g->n_runs && n_runs < FC_GEMM_RUNS && length < FC_GEMM_INNER) {
            int64_t take = g->runs[r].length - skip, room = FC_GEMM_INNER - length;
            if (take > room) take = room;
            if (take > 0)
                piece[n_runs++] = (fc_run){g->runs[r].a + skip * g->a_step, g->runs[r].b + skip * step, take};
            length += take > 0 ? take : 0;
            skip += take;
            if (skip >= g->runs[r].length) r++, skip = 0;
        }
        for (int64_t j = 0; j < g->n; j += FC_GEMM_COLUMNS)
            NAME(columns)(g, piece, n_runs, length, j,
                          g->n - j < FC_GEMM_COLUMNS ? g->n : j + FC_GEMM_COLUMNS, accumulate, work);
        accumulate = 1;
    } while (r < g->n_runs);
}

#define FC_STRING_(x) #x
#define FC_STRING(x) FC_STRING_(x)
static const fc_gemm NAME(gemm) = {FC_STRING(ISA), MAX_ROWS, VL, NAME(block), NAME(pack_all)};
#undef FC_STRING_
#undef FC_STRING
#undef NAME
#undef vec
#undef loose
#undef lanes
#undef LANE
#undef INLINE
#undef TILE
#undef TILES
#undef PAIR
#undef LO
#undef HI
#undef LANES
#undef EXCHANGE
#undef SHUFFLE
#undef NV_MOST
#undef DOTS
#undef T
#undef VL
#undef FMA
