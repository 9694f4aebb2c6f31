/* Matrix products, batched, C = A B. A is read in place through strides: a row's number and k are both up to
 * three indices (outermost first), so that the same kernels multiply matrices, transposed or not, and
 * convolve images (flowcore/opencl/conv.c).
 *
 * Kernels with one argument list. `multiply` is for processors: an item holds a tile of MR x NR of C in
 * vectors of W elements and walks along k; B lies in panels of NR columns. `multiply_tiles` is for GPUs: a
 * group of SIDE x SIDE items makes a tile of MI SIDE x NI SIDE, from pieces of A and B in local memory, of
 * DEPTH in k; a "panel" of B is then one column. Where C is one column and A's rows and B lie along k, `dots`
 * and, for GPUs, `dots_by_group`; where C is one row, for GPUs, `columns`. Options: T (elements of A), C
 * (elements of the result), B (elements of B), and W, NV (vectors to a row; NR = W NV), MR, or SIDE, MI, NI,
 * DEPTH, INDEX (what numbers the elements of a matrix: uint where that is enough), PLAIN_K (1: k has one
 * stride in A), or VECTOR=1. */

/* The order of the sum is free, so a product and a sum may become one operation here where the device has it.
 */
#pragma OPENCL FP_CONTRACT ON

typedef struct {
    long m, n, k;
    long row_size[2], row_stride[3]; /* sizes of the two inner indices; strides in elements */
    long k_size[2], k_stride[3];
    long b_k, b_panel; /* from k to k + 1, from panel to panel */
    long c_row[3], c_column;
    long count, a_batch, b_batch, c_batch;
    long chunks, c_chunk; /* k is cut into so many; each has its own C */
} gemm;

#ifndef INDEX
#define INDEX size_t
#endif

static inline INDEX three(INDEX i, const long *size, const long *stride) {
    INDEX middle = (INDEX)size[0], inner = (INDEX)size[1];
    if (i < inner) return i * (INDEX)stride[2];
    return i % inner * (INDEX)stride[2] + i / inner % middle * (INDEX)stride[1] +
           i / inner / middle * (INDEX)stride[0];
}

#ifdef MR
#define VEC PASTE(T_C, W)
#define NR (W * NV)
/* A vector at any element: a plain load, where some compilers make a call of vload. */
typedef struct __attribute__((packed)) {
    VEC v;
} unaligned;
/* Loops over the tile are to be unrolled: a compiler that leaves one keeps the tile in memory, not in
 * registers (PoCL 3.1: a fifth of the speed). */

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void multiply(__global C *c, long c_at,
                                                                      __global const T *a, long a_at,
                                                                      __global const B *b, long b_at,
                                                                      gemm g) {
    size_t row_tiles = ((size_t)g.m + MR - 1) / MR, column_tiles = ((size_t)g.n + NR - 1) / NR;
    size_t tiles = row_tiles * column_tiles * (size_t)(g.chunks * g.count), items = get_global_size(0);
    size_t begin = tiles * get_global_id(0) / items, end = tiles * (get_global_id(0) + 1) / items;
    for (size_t tile = begin; tile < end; tile++) {
        size_t i = tile % row_tiles * MR, panel = tile / row_tiles % column_tiles,
               rest = tile / row_tiles / column_tiles;
        size_t batch = rest % (size_t)g.count, chunk = rest / (size_t)g.count;
        size_t k = (size_t)g.k * chunk / (size_t)g.chunks,
               k_end = (size_t)g.k * (chunk + 1) / (size_t)g.chunks;
        size_t a_step = (size_t)g.k_stride[2], b_step = (size_t)g.b_k, run = (size_t)g.k_size[1];
        __global const T *from = a + a_at + batch * (size_t)g.a_batch;
        __global const B *columns = b + b_at + batch * (size_t)g.b_batch + panel * (size_t)g.b_panel;
        size_t row_at[MR];
        VEC sum[MR][NV];
#pragma unroll
        for (int r = 0; r < MR; r++) {
            size_t row = i + (size_t)r < (size_t)g.m ? i + (size_t)r : (size_t)g.m - 1;
            row_at[r] = three(row, g.row_size, g.row_stride);
#pragma unroll
            for (int v = 0; v < NV; v++) sum[r][v] = (VEC)0;
        }
        while (k < k_end) {
            size_t left = run - k % run, length = left < k_end - k ? left : k_end - k;
            __global const T *x_at = from + three(k, g.k_size, g.k_stride);
            __global const B *y_at = columns + k * b_step;
            for (size_t s = 0; s < length; s++, x_at += a_step, y_at += b_step) {
                VEC y[NV];
#pragma unroll
                for (int v = 0; v < NV; v++) y[v] = ((__global const unaligned *)(y_at + v * W))->v;
#pragma unroll
                for (int r = 0; r < MR; r++) {
                    VEC x = (VEC)(LOAD_T(x_at + row_at[r], 0));
#pragma unroll
                    for (int v = 0; v < NV; v++) sum[r][v] = x * y[v] + sum[r][v];
                }
            }
            k += length;
        }
        size_t rows = (size_t)g.m - i < MR ? (size_t)g.m - i : MR,
               n = (size_t)g.n - panel * NR < NR ? (size_t)g.n - panel * NR : NR;
        __global C *to = c + c_at + batch * (size_t)g.c_batch + chunk * (size_t)g.c_chunk +
                         panel * NR * (size_t)g.c_column;
#pragma unroll
        for (int r = 0; r < MR; r++) {
            VEC row[NV];
#pragma unroll
            for (int v = 0; v < NV; v++) row[v] = sum[r][v];
            const T_C *values = (const T_C *)row;
            if ((size_t)r >= rows) continue;
            __global C *at = to + three(i + (size_t)r, g.row_size, g.c_row);
            for (size_t j = 0; j < n; j++) STORE_C(at, j * (size_t)g.c_column, values[j]);
        }
    }
}
#endif

#ifdef SIDE
#define ITEMS (SIDE * SIDE)
#define ROWS (MI * SIDE)
#define COLUMNS (NI * SIDE)
#define SPACE \
    4 /* between the lines of a piece, so that items that write along k meet in few banks; it keeps vectors \
         aligned */

/* What an item holds of C: MI rows and NI columns, in runs of up to four that it reads from local memory as
 * one vector. */
#if MI < 4
#define ROW_RUN MI
#else
#define ROW_RUN 4
#endif
#if NI < 4
#define COLUMN_RUN NI
#else
#define COLUMN_RUN 4
#endif
#if ROW_RUN == 1
typedef T_C row_run;
#else
typedef PASTE(T_C, ROW_RUN) row_run;
#endif
#if COLUMN_RUN == 1
typedef T_C column_run;
#else
typedef PASTE(T_C, COLUMN_RUN) column_run;
#endif

/* What an item carries from a matrix to local memory: elements that are `k_step` in k and `line_step` lines
 * (rows of A, columns of B) apart. Neighbouring items read along k or along the lines, whichever is dense. */
typedef struct {
    uint k, line, k_step, line_step;
} portion;
#define PORTION(lines) (((lines) * DEPTH + ITEMS - 1) / ITEMS)
static inline portion portion_of(uint id, bool along_k, uint lines) {
    return along_k ? (portion){id % DEPTH, id / DEPTH, 0, ITEMS / DEPTH}
                   : (portion){id / lines, id % lines, ITEMS / lines, 0};
}

/* Reads the portions of the piece at k, where the conditions hold for element d of it. */
#define CARRY(A_HOLDS, B_HOLDS) \
    _Pragma("unroll") for (int e = 0; e < PORTION(ROWS); e++) { \
        const uint d = of_a.k + (uint)e * of_a.k_step; \
        next_a[e] = (A_HOLDS) ? LOAD_T(from, row_at[e] + K_AT(now ^ 1, k, d)) : (T_C)0; \
    } \
    _Pragma("unroll") for (int e = 0; e < PORTION(COLUMNS); e++) { \
        const uint d = of_b.k + (uint)e * of_b.k_step; \
        next_b[e] = (B_HOLDS) ? LOAD_B(columns, column_at[e] + (k + d) * (INDEX)g.b_k) : (T_C)0; \
    }

/* While a piece is multiplied the next one is on its way to registers, and then to the other half of local
 * memory: one barrier to a piece. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void multiply_tiles(
    __global C *c, long c_at, __global const T *a, long a_at, __global const B *b, long b_at, gemm g) {
    __local T_C a_piece[2][DEPTH][ROWS + SPACE] __attribute__((aligned(32))),
        b_piece[2][DEPTH][COLUMNS + SPACE] __attribute__((aligned(32)));
#if PLAIN_K
#define K_AT(half, k, d) (((k) + (d)) * (INDEX)g.k_stride[2])
#else
    __local INDEX k_at[2][DEPTH]; /* where k leads in A */
#define K_AT(half, k, d) k_at[half][d]
#endif
    const size_t row_tiles = ((size_t)g.m + ROWS - 1) / ROWS,
                 column_tiles = ((size_t)g.n + COLUMNS - 1) / COLUMNS;
    const size_t tiles = row_tiles * column_tiles * (size_t)(g.chunks * g.count);
    const uint id = (uint)get_local_id(0), x = id % SIDE, y = id / SIDE;
    const portion of_a = portion_of(id, g.k_stride[2] == 1, ROWS),
                  of_b = portion_of(id, g.b_k == 1 && g.b_panel != 1, COLUMNS);
    const bool has_a = ROWS * DEPTH >= ITEMS || (of_a.k < DEPTH && of_a.line < ROWS),
               has_b = COLUMNS * DEPTH >= ITEMS || (of_b.k < DEPTH && of_b.line < COLUMNS);
    for (size_t tile = get_group_id(0); tile < tiles; tile += get_num_groups(0)) {
        const INDEX j = (INDEX)(tile % column_tiles * COLUMNS),
                    i = (INDEX)(tile / column_tiles % row_tiles * ROWS);
        const size_t rest = tile / row_tiles / column_tiles, batch = rest % (size_t)g.count,
                     chunk = rest / (size_t)g.count;
        const INDEX begin = (INDEX)((size_t)g.k * chunk / (size_t)g.chunks),
                    end = (INDEX)((size_t)g.k * (chunk + 1) / (size_t)g.chunks);
        __global const T *from = a + a_at + batch * (size_t)g.a_batch;
        __global const B *columns = b + b_at + batch * (size_t)g.b_batch;
        /* of lines beyond the last, the last is read in vain */
        INDEX row_at[PORTION(ROWS)], column_at[PORTION(COLUMNS)];
        T_C next_a[PORTION(ROWS)], next_b[PORTION(COLUMNS)], sum[MI][NI];
#pragma unroll
        for (int e = 0; e < PORTION(ROWS); e++)
            row_at[e] = three(min(i + of_a.line + (uint)e * of_a.line_step, (INDEX)g.m - 1), g.row_size,
                              g.row_stride);
#pragma unroll
        for (int e = 0; e < PORTION(COLUMNS); e++)
            column_at[e] = min(j + of_b.line + (uint)e * of_b.line_step, (INDEX)g.n - 1) * (INDEX)g.b_panel;
#pragma unroll
        for (int r = 0; r < MI; r++) {
#pragma unroll
            for (int s = 0; s < NI; s++) sum[r][s] = 0;
        }
#if !PLAIN_K
        if (id < 2 * DEPTH) k_at[id / DEPTH][id % DEPTH] = three(begin + id, g.k_size, g.k_stride);
#endif
        barrier(CLK_LOCAL_MEM_FENCE); /* all are done with the tile before */
        uint now = 1;                 /* the half that is multiplied: none before the first piece is there */
        for (INDEX k = begin, first = 1;; now ^= 1) {
            const bool more = k < end;
            /* all but the last piece: without a look at each k, which took a fifth of the time */
            if (more && k + DEPTH <= end) {
                CARRY(has_a, has_b)
            } else if (more) {
                CARRY(has_a && k + d < end, has_b && k + d < end)
            }
            if (!first) {
#if MI * NI == 64
#pragma unroll 4 /* all would need more registers than leave room for a second group */
#else
#pragma unroll
#endif
                for (int d = 0; d < DEPTH; d++) {
                    T_C p[MI] __attribute__((aligned(32))), q[NI] __attribute__((aligned(32)));
#pragma unroll
                    for (int r = 0; r < MI; r += ROW_RUN)
                        *(row_run *)(p + r) = *(
                            __local const row_run *)&a_piece[now][d][y * ROW_RUN + (uint)r * SIDE];
#pragma unroll
                    for (int s = 0; s < NI; s += COLUMN_RUN)
                        *(column_run *)(q + s) = *(
                            __local const column_run *)&b_piece[now][d][x * COLUMN_RUN + (uint)s * SIDE];
#pragma unroll
                    for (int r = 0; r < MI; r++) {
#pragma unroll
                        for (int s = 0; s < NI; s++) sum[r][s] = p[r] * q[s] + sum[r][s];
                    }
                }
            }
            if (!more) break;
#pragma unroll
            for (int e = 0; e < PORTION(ROWS); e++)
                if (has_a)
                    a_piece[now ^ 1][of_a.k + (uint)e * of_a.k_step][of_a.line + (uint)e * of_a.line_step] =
                        next_a[e];
#pragma unroll
            for (int e = 0; e < PORTION(COLUMNS); e++)
                if (has_b)
                    b_piece[now ^ 1][of_b.k + (uint)e * of_b.k_step][of_b.line + (uint)e * of_b.line_step] =
                        next_b[e];
            k += DEPTH;
#if !PLAIN_K
            if (!first && id < DEPTH) k_at[now][id] = three(k + id, g.k_size, g.k_stride);
#endif
            first = 0;
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        __global C *to = c + c_at + batch * (size_t)g.c_batch + chunk * (size_t)g.c_chunk;
#pragma unroll
        for (int r = 0; r < MI; r++) {
            const INDEX row = i + y * ROW_RUN + (uint)(r % ROW_RUN) + (uint)(r / ROW_RUN * ROW_RUN) * SIDE;
            if (row >= (INDEX)g.m) continue;
            const INDEX at = three(row, g.row_size, g.c_row);
#pragma unroll
            for (int s = 0; s < NI; s++) {
                const INDEX column = j + x * COLUMN_RUN + (uint)(s % COLUMN_RUN) +
                                     (uint)(s / COLUMN_RUN * COLUMN_RUN) * SIDE;
                if (column < (INDEX)g.n) STORE_C(to, at + column * (INDEX)g.c_column, sum[r][s]);
            }
        }
    }
}
#endif

#ifdef VECTOR
/* Element `i` of C, among all batches and chunks: where it lies, A's row and B for it, and its part of k. */
#define BEGIN_ELEMENT(i, lines) \
    size_t line = i % (size_t)(lines), batch = i / (size_t)(lines) % (size_t)g.count, \
           chunk = i / (size_t)(lines) / (size_t)g.count; \
    size_t k = (size_t)g.k * chunk / (size_t)g.chunks, k_end = (size_t)g.k * (chunk + 1) / (size_t)g.chunks; \
    __global const T *row = a + a_at + batch * (size_t)g.a_batch; \
    __global const B *column = b + b_at + batch * (size_t)g.b_batch; \
    __global C *to = c + c_at + batch * (size_t)g.c_batch + chunk * (size_t)g.c_chunk

__kernel VECTORS void dots(__global C *c, long c_at, __global const T *a, long a_at, __global const B *b,
                           long b_at, gemm g) {
    FOR_PART(i, g.m * g.count * g.chunks) {
        BEGIN_ELEMENT(i, g.m);
        size_t run = (size_t)g.k_size[1];
        row += three(line, g.row_size, g.row_stride);
        C16 s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        T_C sum = 0;
        while (k < k_end) {
            size_t left = run - k % run, length = left < k_end - k ? left : k_end - k, j = 0;
            __global const T *x = row + three(k, g.k_size, g.k_stride);
            __global const B *y = column + k;
            for (; j + 64 <= length; j += 64) {
                s0 = LOAD16(x, j) * LOAD16_BY(LOAD_B, y, j) + s0;
                s1 = LOAD16(x, j + 16) * LOAD16_BY(LOAD_B, y, j + 16) + s1;
                s2 = LOAD16(x, j + 32) * LOAD16_BY(LOAD_B, y, j + 32) + s2;
                s3 = LOAD16(x, j + 48) * LOAD16_BY(LOAD_B, y, j + 48) + s3;
            }
            for (; j + 16 <= length; j += 16) s0 = LOAD16(x, j) * LOAD16_BY(LOAD_B, y, j) + s0;
            for (; j < length; j++) sum = LOAD_T(x, j) * LOAD_B(y, j) + sum;
            k += length;
        }
        s0 = (s0 + s1) + (s2 + s3);
        T_C parts[16];
        *(C16 *)parts = s0;
        for (int j = 0; j < 16; j++) sum += parts[j];
        STORE_C(to, three(line, g.row_size, g.c_row), sum);
    }
}

/* A group to an element: a tree in local memory, of as many values as the group has items (a power of two).
 */
__kernel void dots_by_group(__global C *c, long c_at, __global const T *a, long a_at, __global const B *b,
                            long b_at, gemm g, __local T_C *values) {
    size_t me = get_local_id(0), size = get_local_size(0);
    for (size_t i = get_group_id(0); i < (size_t)(g.m * g.count * g.chunks); i += get_num_groups(0)) {
        BEGIN_ELEMENT(i, g.m);
        row += three(line, g.row_size, g.row_stride);
        T_C sum = 0;
        for (k += me; k < k_end; k += size)
            sum = LOAD_T(row, three(k, g.k_size, g.k_stride)) * LOAD_B(column, k) + sum;
        values[me] = sum;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (size_t left = size / 2; left; left /= 2) {
            if (me < left) values[me] += values[me + left];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (me == 0) STORE_C(to, three(line, g.row_size, g.c_row), values[0]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* An item to a column: neighbours read neighbours. */
__kernel void columns(__global C *c, long c_at, __global const T *a, long a_at, __global const B *b,
                      long b_at, gemm g) {
    FOR_EACH(i, g.n * g.count * g.chunks) {
        BEGIN_ELEMENT(i, g.n);
        T_C sum = 0;
        for (; k < k_end; k++)
            sum = LOAD_T(row, three(k, g.k_size, g.k_stride)) *
                      LOAD_B(column, k * (size_t)g.b_k + line * (size_t)g.b_panel) +
                  sum;
        STORE_C(to, line * (size_t)g.c_column, sum);
    }
}
#endif
