/* A fused node: a chain or tree of elementwise ops, block by block, so that what is between two steps stays
 * in the first-level cache.
 *
 * A step is a call of the very loop that the op's own kernel runs, over a block of elements; the results are
 * the same bits therefore. Steps whose value is smaller than the output (shapes were unknown when the plan
 * was made) are computed first, whole. Inputs that are broadcast along some axes are read in place where rows
 * are long. Where rows are short, a block is several of them: an input whose rows are all alike is written
 * out for it once; the steps that read another are run row by row, or, where rows are very short, on what is
 * written out for each block.
 *
 * Where the node ends in a reduction, the last step's blocks go through a buffer to the loops of the
 * reduction's own kernel (reduce/rows.h), cut as that cuts rows: the same bits again. */
#include <string.h>

#include "../_fused.h"
#include "../reduce/rows.h"
#include "loops.h"

/* What runs a step: CAST, CHOOSE, or a line of elementwise.def. Numbers as in runtime/fuse_cpu.py. */
enum { CAST = -1, CHOOSE = -2 };
typedef struct {
    int64_t loop;
    int64_t dtype;  /* of the operands: of the values between which is chosen */
    int64_t result; /* dtype */
    int64_t place;  /* of working memory where the value goes; -1: the output's */
} fused_code;

/* Bytes of a block, and of all that are alive at a time: see docs/architecture.md for how they were measured.
 */
enum { BLOCK_BYTES = 8192, WORK_BYTES = 32768, BLOCKS_PER_PIECE = 4 };
/* A tensor of few blocks is cut into as many as its work is worth, up to MOST_SHARES, of at least LEAST_BLOCK
 * elements. */
enum { LEAST_BLOCK = 256, MOST_SHARES = 16 };
/* Elements that are handed to a thread to be reduced, if there are so many for each share. */
enum { LEAST_SHARE = 8192 };
/* Whether it is worth other threads' help. The work of ten steps on 10,000 elements, 15 us, is not: waking a
 * thread takes 5. */
static inline int is_split(int64_t size, int64_t steps) {
    return size > FC_GRAIN || size * steps > 4 * FC_GRAIN;
}
/* A row of so many elements is worth a call. */
enum { LEAST_ROW = 32 };
/* Up to so many elements broadcast inputs are written out one by one. */
enum { TINY = 64 };

typedef struct {
    enum { ONE, TWO, CHECKED, CHOICE } kind;
    int32_t step, to, from[3], by_row;
    union {
        fc_unary_loop unary;
        fc_binary_loop binary;
        int64_t item;
    } run;
    fc_check_loop check;
} instruction;

/* How a value is found. In working memory: at `place` of it. BY_ROW: see run_rows. IN_BUFFER: what is to be
 * reduced. Else (OUTSIDE) at `data`, `advance` bytes on for each element of the output. */
enum { OUTSIDE = -1, BY_ROW = -2, IN_BUFFER = -3 };
typedef struct {
    char *data;
    int32_t advance;
    int32_t place;
} value;

/* An input that is broadcast along some axes. */
typedef struct {
    int32_t value, readers;  /* how many steps read it */
    int32_t repeats, by_row; /* all rows are alike; the step that reads it is run row by row */
    int64_t item, *step;     /* elements along each axis of the output */
} walked;

typedef struct {
    int32_t n_values, n_instructions, n_walked, n_by_row, places, long_rows;
    int32_t refused; /* 1 + the step that met a value that it refuses */
    int64_t place_bytes;
    int64_t block; /* elements: part of a row, or `rows_per_block` whole rows */
    int64_t blocks, rows, row_size, blocks_per_row, rows_per_block;
    int32_t ndim;
    int64_t shape[FC_MAX_DIMS];
    value values[FC_FUSED_VALUES];
    int8_t items[FC_FUSED_VALUES]; /* bytes */
    /* elements between two of a value in a block: 0 or 1; -1: not read */
    int8_t strides[FC_FUSED_VALUES];
    instruction instructions[FC_FUSED_STEPS];
    walked inputs[FC_FUSED_VALUES];
} job;

/* ---- running --------------------------------------------------------------------------------- */

/* A step over n elements; at[v] is where value v begins. Zero where it refuses one. */
static inline int run_one(const instruction *s, char **at, const int8_t *strides, int64_t n) {
    const int32_t *from = s->from;
    switch (s->kind) {
    case ONE: s->run.unary(at[s->to], at[from[0]], n); return 1;
    case CHECKED:
        if (s->check(at[from[1]], strides[from[1]] ? n : 1)) return 0;
        /* fall through */
    case TWO:
        s->run.binary(at[s->to], at[from[0]], at[from[1]], n, strides[from[0]], strides[from[1]]);
        return 1;
    default:
        fc_select_loop(at[s->to], at[from[0]], at[from[1]], at[from[2]], n, strides[from[0]],
                       strides[from[1]], strides[from[2]], s->run.item);
    }
    return 1;
}

/* Remembers the earliest step that refused a value, whichever thread met it. */
static void refuse(job *j, int step) {
    int32_t known = __atomic_load_n(&j->refused, __ATOMIC_RELAXED);
    while ((!known || step + 1 < known) && !__atomic_compare_exchange_n(&j->refused, &known, step + 1, 0,
                                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

/* Row by row: of an input that is walked so, at[v] points to where each row begins. */
static int run_rows(const job *j, const instruction *s, char **at, int64_t n) {
    const int32_t *from = s->from;
    const int64_t rows = n / j->row_size, size = j->row_size, step = size * j->items[s->to];
    const char *now[3] = {NULL};
    int64_t bytes[3] = {0}, strides[3] = {0};
    char **starts[3] = {NULL};
    for (int i = 0; i < (s->kind == CHOICE ? 3 : 2); i++) {
        const int v = from[i];
        strides[i] = j->strides[v];
        now[i] = at[v];
        bytes[i] = strides[i] * size * j->items[v];
        if (j->values[v].place == BY_ROW) starts[i] = (char **)at[v];
    }
    char *out = at[s->to];
    for (int64_t r = 0; r < rows; r++, out += step) {
        const char *x = starts[0] ? starts[0][r] : now[0] + r * bytes[0],
                   *y = starts[1] ? starts[1][r] : now[1] + r * bytes[1];
        if (s->kind == CHOICE) {
            const char *z = starts[2] ? starts[2][r] : now[2] + r * bytes[2];
            fc_select_loop(out, x, y, z, size, strides[0], strides[1], strides[2], s->run.item);
            continue;
        }
        if (s->kind == CHECKED && s->check(y, strides[1] ? size : 1)) return 0;
        s->run.binary(out, x, y, size, strides[0], strides[1]);
    }
    return 1;
}

static void run_block(job *j, char **at, int64_t n) {
    for (int i = 0; i < j->n_instructions; i++) {
        const instruction *s = &j->instructions[i];
        if (!(s->by_row ? run_rows(j, s, at, n) : run_one(s, at, j->strides, n))) {
            refuse(j, s->step);
            return;
        }
    }
}

/* Where `row` begins in a broadcast input, in elements. */
static int64_t row_offset(const job *j, const walked *w, int64_t row) {
    int64_t offset = 0;
    for (int d = j->ndim - 2; d > 0; d--) {
        offset += row % j->shape[d] * w->step[d];
        row /= j->shape[d];
    }
    return j->ndim > 1 ? offset + row * w->step[0] : 0;
}

#define FILL(T) \
    for (int64_t k = 0; k < n; k++) ((T *)to)[k] = *(const T *)from;
static inline void fill(char *to, const char *from, int64_t n, int64_t item) {
    switch (item) {
    case 1: memset(to, *from, (size_t)n); break;
    case 2: FILL(uint16_t) break;
    case 4: FILL(uint32_t) break;
    case 8: FILL(uint64_t) break;
    default:
        for (int64_t k = 0; k < n; k++) memcpy(to + k * item, from, (size_t)item);
    }
}

/* Rows [row, row + rows) of a broadcast input, one after the other; BY_ROW: where they begin. */
FC_CLONES static void write_out(const job *j, const walked *w, char *to, int64_t row, int64_t rows) {
    const char *data = j->values[w->value].data;
    int64_t n = j->row_size, bytes = n * w->item, at[FC_MAX_DIMS], offset = row_offset(j, w, row), rest = row;
    if (w->repeats) { /* by doubling */
        memcpy(to, data, (size_t)bytes);
        for (int64_t done = 1; done < rows; done *= 2)
            memcpy(to + done * bytes, to, (size_t)((rows - done < done ? rows - done : done) * bytes));
        return;
    }
    for (int d = j->ndim - 2; d >= 0; d--) {
        at[d] = rest % j->shape[d];
        rest /= j->shape[d];
    }
    for (int64_t k = 0; k < rows; k++) {
        const char *from = data + offset * w->item;
        if (w->by_row) ((const char **)to)[k] = from;
        else if (w->step[j->ndim - 1]) memcpy(to + k * bytes, from, (size_t)bytes);
        else fill(to + k * bytes, from, n, w->item);
        for (int d = j->ndim - 2; d >= 0; d--) {
            offset += w->step[d];
            if (++at[d] < j->shape[d]) break;
            offset -= at[d] * w->step[d];
            at[d] = 0;
        }
    }
}

/* Bytes that `begin_blocks` needs, and those after them that hold where rows begin. */
static inline size_t work_bytes(const job *j) { return (size_t)(j->places * j->place_bytes) + FC_ALIGN; }
static inline size_t starts_bytes(const job *j) {
    return (size_t)(j->n_by_row * j->rows_per_block) * sizeof(char *);
}

/* Gives what all blocks of a thread have in common its place in memory of the thread's own. */
static void begin_blocks(const job *j, char **at, char *work, char **starts) {
    work += -(uintptr_t)work % FC_ALIGN;
    for (int v = 0; v < j->n_values; v++)
        if (j->values[v].place >= 0) at[v] = work + j->values[v].place * j->place_bytes;
    for (int i = 0; i < j->n_walked; i++)
        if (j->inputs[i].by_row) at[j->inputs[i].value] = (char *)starts, starts += j->rows_per_block;
    if (!j->long_rows)
        for (int i = 0; i < j->n_walked; i++)
            if (j->inputs[i].repeats)
                write_out(j, &j->inputs[i], at[j->inputs[i].value], 0, j->rows_per_block);
}

/* n elements from `column` of `row` on: part of the row, or, where rows are short, whole ones. */
static void run_elements(job *j, char **at, int64_t row, int64_t column, int64_t n) {
    const int64_t element = row * j->row_size + column;
    for (int v = 0; v < j->n_values; v++)
        if (j->values[v].place == OUTSIDE) at[v] = j->values[v].data + element * j->values[v].advance;
    for (int i = 0; i < j->n_walked; i++) {
        const walked *w = &j->inputs[i];
        if (j->long_rows) at[w->value] += (row_offset(j, w, row) + column * w->step[j->ndim - 1]) * w->item;
        else if (!w->repeats) write_out(j, w, at[w->value], row, n / j->row_size);
    }
    run_block(j, at, n);
}

/* Blocks [begin, end). */
static void run_blocks(void *arg, int64_t begin, int64_t end) {
    job *j = arg;
    char *at[FC_FUSED_VALUES];
    char *work = __builtin_alloca(work_bytes(j)), **starts = __builtin_alloca(starts_bytes(j));
    begin_blocks(j, at, work, starts);
    for (int64_t b = begin; b < end; b++) {
        int64_t row = b, column = 0, n = j->row_size;
        if (j->long_rows && j->blocks_per_row > 1) {
            row = b / j->blocks_per_row;
            column = b % j->blocks_per_row * j->block;
            n = j->row_size - column < j->block ? j->row_size - column : j->block;
        } else if (!j->long_rows) {
            row = b * j->rows_per_block;
            n = (j->rows - row < j->rows_per_block ? j->rows - row : j->rows_per_block) * j->row_size;
        }
        run_elements(j, at, row, column, n);
    }
}

/* ---- reducing -------------------------------------------------------------------------------- */

/* Rows of `size` elements, each cut into pieces, and these into the reduction's blocks, whose values are
 * joined at the end. Rows of no more than a block are reduced at once. */
typedef struct {
    job steps;
    const fc_row_loops *loops;
    int64_t item, size, piece, pieces_per_row, blocks_per_piece;
    char *out;
    char *values; /* of blocks; NULL: rows are reduced at once */
} reduction;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* A piece's first element and its length. */
static inline int64_t piece_begin(const reduction *r, int64_t piece, int64_t *length) {
    const int64_t from = piece % r->pieces_per_row * r->piece;
    *length = least(r->piece, r->size - from);
    return piece / r->pieces_per_row * r->size + from;
}

/* Elements [begin, end), whole rows or part of a piece of `length`, to `out`: results, or the values of
 * blocks. The steps yield as much at a time as suits them; what is no whole row or block yet waits in the
 * buffer. */
static void reduce_elements(reduction *r, char **at, char *buffer, int64_t begin, int64_t end, int64_t length,
                            char *out) {
    job *j = &r->steps;
    const int64_t unit = r->values ? FC_ROW_BLOCK : r->size;
    /* elements of the buffer that are waiting, less than `unit` before each turn */
    int64_t from = 0, to = 0;
    for (int64_t next = begin; next < end;) {
        int64_t row = next / j->row_size, column = next % j->row_size, n;
        at[j->n_values - 1] = buffer + to * r->item;
        if (j->long_rows) {
            n = least(least(j->block, j->row_size - column), end - next);
            run_elements(j, at, row, column, n);
            to += n;
        } else { /* whole rows, of which a part may be somebody else's, before and behind */
            n = least(j->rows_per_block, (end - next + column + j->row_size - 1) / j->row_size) * j->row_size;
            run_elements(j, at, row, 0, n);
            to += n;
            from += column;
            n -= column;
        }
        if (__atomic_load_n(&j->refused, __ATOMIC_RELAXED)) return;
        next += n;
        if (next >= end) to -= next - end;
        int64_t ready = next >= end ? to - from : (to - from) / unit * unit;
        if (r->values) {
            r->loops->blocks(out, buffer + from * r->item, ready, length);
            out += (ready + unit - 1) / unit * r->loops->value_size;
        } else {
            r->loops->rows(out, buffer + from * r->item, unit, ready / unit);
            out += ready / unit * r->item;
        }
        from += ready;
        if (!from) continue;
        memmove(buffer, buffer + from * r->item, (size_t)((to - from) * r->item));
        to -= from;
        from = 0;
    }
}

/* Rows [begin, end), or blocks of all pieces. */
static void reduce_units(void *arg, int64_t begin, int64_t end) {
    reduction *r = arg;
    const job *j = &r->steps;
    char *at[FC_FUSED_VALUES];
    char *buffer = __builtin_alloca((size_t)((j->block + FC_ROW_BLOCK) * r->item) + FC_ALIGN);
    buffer += -(uintptr_t)buffer % FC_ALIGN;
    char *work = __builtin_alloca(work_bytes(j)), **starts = __builtin_alloca(starts_bytes(j));
    begin_blocks(j, at, work, starts);
    if (!r->values) {
        reduce_elements(r, at, buffer, begin * r->size, end * r->size, r->size, r->out + begin * r->item);
        return;
    }
    for (int64_t piece = begin / r->blocks_per_piece; piece * r->blocks_per_piece < end; piece++) {
        int64_t length, start = piece_begin(r, piece, &length), first = begin - piece * r->blocks_per_piece,
                        last = end - piece * r->blocks_per_piece;
        if (first < 0) first = 0;
        reduce_elements(r, at, buffer, start + first * FC_ROW_BLOCK,
                        start + least(last * FC_ROW_BLOCK, length), length,
                        r->values + (piece * r->blocks_per_piece + first) * r->loops->value_size);
    }
}

/* ---- preparing ------------------------------------------------------------------------------- */

static inline int64_t place_bytes(int64_t elements, int64_t item) {
    return (elements * item + FC_ALIGN - 1) / FC_ALIGN * FC_ALIGN;
}

static inline void set_instruction(instruction *to, const fc_fused_step *step, const fused_code *code,
                                   int n_in, int k) {
    to->step = k;
    to->by_row = 0;
    to->check = NULL;
    to->to = n_in + k;
    for (int i = 0; i < 3; i++) to->from[i] = (int32_t)step->operand[i];
    if (code->loop == CAST) {
        to->kind = ONE;
        to->run.unary = fc_cast_loop((int)code->dtype, (int)code->result);
    } else if (code->loop == CHOOSE) {
        to->kind = CHOICE;
        to->run.item = fc_item_size((int)code->dtype);
    } else {
        const fc_formula *f = fc_formula_at(code->loop);
        to->kind = f->unary ? ONE : f->checks ? CHECKED : TWO;
        if (f->unary) to->run.unary = f->unary[code->dtype];
        else to->run.binary = f->binary[code->dtype];
        if (f->checks) to->check = f->checks[code->dtype];
    }
}

/* Axes of length 1 are left out, and neighbours merged that all broadcast inputs walk alike. `steps` has room
 * for one of each axis of `out` and input. */
static void set_axes(job *j, const fc_tensor *const *shapes, const fc_tensor *out, int64_t *steps) {
    const int64_t *dims = fc_dims(out);
    for (int i = 0; i < j->n_walked; i++) {
        const fc_tensor *in = shapes[j->inputs[i].value];
        const int64_t *in_dims = fc_dims(in);
        int64_t next = 1, *step = j->inputs[i].step = steps + i * out->ndim;
        for (int d = out->ndim - 1; d >= 0; d--) {
            int at = d - (out->ndim - in->ndim);
            int64_t size = at < 0 ? 1 : in_dims[at];
            step[d] = size == 1 ? 0 : next;
            next *= size;
        }
    }
    j->ndim = 0;
    for (int d = 0; d < out->ndim; d++) { /* no axis goes further back than it came from */
        if (dims[d] == 1) continue;
        int merge = j->ndim > 0;
        for (int i = 0; merge && i < j->n_walked; i++)
            merge = j->inputs[i].step[j->ndim - 1] == j->inputs[i].step[d] * dims[d];
        int to = merge ? j->ndim - 1 : j->ndim++;
        j->shape[to] = merge ? j->shape[to] * dims[d] : dims[d];
        for (int i = 0; i < j->n_walked; i++) j->inputs[i].step[to] = j->inputs[i].step[d];
    }
    for (int i = 0; i < j->n_walked; i++) {
        j->inputs[i].repeats = j->inputs[i].step[j->ndim - 1] != 0;
        for (int d = 0; d < j->ndim - 1; d++)
            if (j->inputs[i].step[d]) j->inputs[i].repeats = 0;
    }
}

/* How long a block is: `size` elements of at most `item` bytes. Small tensors, where each division counts,
 * are one block. */
static void set_blocks(job *j, int64_t size, int32_t item) {
    int32_t bytes = WORK_BYTES / (j->places + j->n_walked + 1);
    int64_t most = (bytes < BLOCK_BYTES ? bytes : BLOCK_BYTES) / item, work = size * j->n_instructions;
    /* few elements and many steps: still something for each thread */
    if (is_split(size, j->n_instructions)) {
        int64_t pieces = work / FC_GRAIN + 1, share = size / (pieces < MOST_SHARES ? pieces : MOST_SHARES);
        if (share < LEAST_BLOCK) share = LEAST_BLOCK;
        if (share < most) most = share;
    }
    j->row_size = j->n_walked ? j->shape[j->ndim - 1] : size;
    j->rows = j->row_size == size ? 1 : size / j->row_size;
    j->long_rows = !j->n_walked || 2 * j->row_size > most;
    j->block = size;
    j->blocks = j->blocks_per_row = 1;
    j->rows_per_block = j->rows;
    if (j->long_rows) {
        if (j->row_size > most) {
            j->blocks_per_row = (j->row_size + most - 1) / most;
            j->block = ((j->row_size + j->blocks_per_row - 1) / j->blocks_per_row + 15) / 16 * 16;
        } else {
            j->block = j->row_size;
        }
        j->blocks = j->rows * j->blocks_per_row;
    } else if (size > most) {
        j->rows_per_block = most / j->row_size;
        j->block = j->rows_per_block * j->row_size;
        j->blocks = (j->rows + j->rows_per_block - 1) / j->rows_per_block;
    }
    for (int i = 0; i < j->n_walked; i++) {
        walked *w = &j->inputs[i];
        w->by_row = !j->long_rows && !w->repeats && w->readers == 1 && j->row_size >= LEAST_ROW;
        j->n_by_row += w->by_row;
        j->strides[w->value] = !(j->long_rows || w->by_row) || w->step[j->ndim - 1];
        j->values[w->value].place = j->long_rows ? OUTSIDE : w->by_row ? BY_ROW : j->places++;
    }
    for (int i = 0; j->n_by_row && i < j->n_instructions; i++) {
        instruction *s = &j->instructions[i];
        for (int k = 0; k < (s->kind == CHOICE ? 3 : s->kind == ONE ? 1 : 2); k++)
            s->by_row |= j->values[s->from[k]].place == BY_ROW;
    }
    j->place_bytes = place_bytes(j->block < size ? j->block : size, item);
}

typedef struct {
    int n_in, n_steps, places;
    int64_t item; /* bytes of the longest */
    const fc_fused_step *steps;
    const fused_code *codes;
    const fc_tensor *shapes[FC_FUSED_VALUES];
    /* of the inputs, and of values that are computed whole; NULL for others */
    char *data[FC_FUSED_VALUES];
} program;

/* Dtypes are those of the loops that read the value. */
static int64_t item_of(const fc_ctx *ctx, const program *p, int v) {
    return fc_item_size(v < p->n_in ? ctx->in[v]->dtype : (int)p->codes[v - p->n_in].result);
}

static int refused(fc_ctx *ctx, const program *p, int step) {
    return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, FC_FUSED_MARK "%s", (int)p->steps[step].op,
                          fc_formula_at(p->codes[step].loop)->message);
}

/* How many steps along axes `prepare` may write down for the inputs of the steps up to `last`. */
static inline size_t most_steps(const program *p, int last) {
    return (size_t)(p->n_in + last) * (size_t)p->shapes[p->n_in + last]->ndim;
}

/* The steps [first, last] whose value is not there yet, the last one's into `out`, as `j`. `steps` has room
 * for most_steps. */
static void prepare(const fc_ctx *ctx, const program *p, int first, int last, char *out, int64_t *steps,
                    job *j) {
    const int end = p->n_in + last;
    const int64_t size = p->shapes[end]->size;
    j->n_values = end + 1;
    j->places = p->places;
    j->n_instructions = j->n_walked = j->n_by_row = j->refused = 0;
    memset(j->strides, -1, (size_t)end + 1);
    for (int k = first; k <= last; k++) {
        if (p->data[p->n_in + k]) continue;
        set_instruction(&j->instructions[j->n_instructions++], &p->steps[k], &p->codes[k], p->n_in, k);
        for (int i = 0; i < 3 && p->steps[k].operand[i] >= 0; i++) {
            const int v = (int)p->steps[k].operand[i];
            if (j->strides[v] >= 0) {
                for (int w = 0; w < j->n_walked; w++) j->inputs[w].readers += j->inputs[w].value == v;
                continue;
            }
            j->items[v] = (int8_t)item_of(ctx, p, v);
            if (!p->data[v]) {
                j->values[v] = (value){NULL, 0, (int32_t)p->codes[v - p->n_in].place};
                j->strides[v] = 1;
            } else {
                const int32_t item = j->items[v];
                j->strides[v] = p->shapes[v]->size == size;
                j->values[v] = (value){p->data[v], j->strides[v] ? item : 0, OUTSIDE};
                if (!j->strides[v] && p->shapes[v]->size > 1)
                    j->inputs[j->n_walked++] = (walked){.value = v, .readers = 1, .item = item};
            }
        }
    }
    for (int v = 0; v < end; v++)
        if (j->strides[v] < 0) j->values[v].place = 0; /* not read */
    j->items[end] = (int8_t)item_of(ctx, p, end);
    j->values[end] = (value){out, j->items[end], OUTSIDE};
    if (j->n_walked) set_axes(j, p->shapes, p->shapes[end], steps);
    set_blocks(j, size, (int32_t)p->item);
}

/* Computes them, block by block, by several threads. */
static __attribute__((noinline)) int run_steps(fc_ctx *ctx, const program *p, int first, int last,
                                               char *out) {
    const int64_t size = p->shapes[p->n_in + last]->size;
    job j;
    prepare(ctx, p, first, last, out, __builtin_alloca(most_steps(p, last) * sizeof(int64_t)), &j);
    int64_t grain = j.blocks < MOST_SHARES * BLOCKS_PER_PIECE ? 1 : BLOCKS_PER_PIECE;
    if (j.blocks > 1 && j.block * j.n_instructions * grain < FC_GRAIN)
        grain = FC_GRAIN / (j.block * j.n_instructions);
    if (grain >= j.blocks || !is_split(size, j.n_instructions)) run_blocks(&j, 0, j.blocks);
    else ctx->api->parallel_for(ctx, j.blocks, grain, run_blocks, &j);
    return j.refused ? refused(ctx, p, j.refused - 1) : FC_OK;
}

/* All steps, and rows of what they yield reduced to `out`. */
static __attribute__((noinline)) int reduce_steps(fc_ctx *ctx, const program *p, const fc_row_loops *loops,
                                                  const fc_run *run, char *out) {
    const int last = p->n_steps - 1;
    const int64_t size = p->shapes[p->n_in + last]->size;
    reduction r;
    job *j = &r.steps;
    r.loops = loops;
    r.item = item_of(ctx, p, p->n_in + last);
    r.size = run->reduced;
    r.out = out;
    r.values = NULL;
    prepare(ctx, p, 0, last, NULL, __builtin_alloca(most_steps(p, last) * sizeof(int64_t)), j);
    j->values[p->n_in + last].place = IN_BUFFER;
    r.piece = fc_piece(run, loops->associative);
    r.pieces_per_row = (r.size + r.piece - 1) / r.piece;
    r.blocks_per_piece = (r.piece + FC_ROW_BLOCK - 1) / FC_ROW_BLOCK;
    const int64_t unit = least(r.size, FC_ROW_BLOCK), pieces = run->outer * r.pieces_per_row,
                  units = pieces * r.blocks_per_piece;
    if (j->long_rows && j->block > unit) j->block -= j->block % unit;
    char *results = out;
    if (r.size > FC_ROW_BLOCK) {
        const size_t bytes = (size_t)(units * loops->value_size + FC_ALIGN - 1) / FC_ALIGN * FC_ALIGN;
        void *memory;
        int rc = ctx->api->scratch(ctx, bytes + (size_t)(pieces * r.item), &memory);
        if (rc) return rc;
        r.values = memory;
        if (r.pieces_per_row > 1) results = r.values + bytes;
    }
    int64_t share = least(LEAST_SHARE, size / MOST_SHARES), worth = FC_GRAIN / (j->n_instructions + 1);
    int64_t grain = ((share > worth ? share : worth) + unit - 1) / unit;
    if (grain >= units || !is_split(size, j->n_instructions + 1)) reduce_units(&r, 0, units);
    else ctx->api->parallel_for(ctx, units, grain, reduce_units, &r);
    if (j->refused) return refused(ctx, p, j->refused - 1);
    if (!r.values) return FC_OK;
    for (int64_t piece = 0; piece < pieces; piece++) {
        int64_t length;
        piece_begin(&r, piece, &length);
        loops->join(results + piece * r.item, r.values + piece * r.blocks_per_piece * loops->value_size,
                    (length + FC_ROW_BLOCK - 1) / FC_ROW_BLOCK, length);
    }
    if (results != out) loops->rows(out, results, r.pieces_per_row, run->outer);
    return FC_OK;
}

#define SPREAD(T) \
    for (int i = 0; i < n; i++) ((T *)to)[i] = ((const T *)data)[from[i]];
/* Writes a small input out in the shape of the output, of at most TINY elements. */
static void spread(char *to, const char *data, const fc_tensor *in, const fc_tensor *out, int64_t item) {
    const int64_t *dims = fc_dims(out), *in_dims = fc_dims(in);
    int16_t from[TINY] = {0};
    int n = 1;
    int64_t next = 1;
    /* axis by axis, the innermost first */
    for (int d = out->ndim - 1, at = in->ndim - 1; d >= 0; d--, at--) {
        const int64_t size = at < 0 ? 1 : in_dims[at], step = size == 1 ? 0 : next;
        for (int k = 1; k < (int)dims[d]; k++)
            for (int i = 0; i < n; i++) from[k * n + i] = (int16_t)(from[i] + k * step);
        n *= (int)dims[d];
        next *= size;
    }
    switch (item) {
    case 1: SPREAD(uint8_t) break;
    case 2: SPREAD(uint16_t) break;
    case 4: SPREAD(uint32_t) break;
    case 8: SPREAD(uint64_t) break;
    default:
        for (int i = 0; i < n; i++) memcpy(to + i * item, data + from[i] * item, (size_t)item);
    }
}

/* All steps over one block, where that is all there is: each is prepared and run at once. `n_walked` inputs
 * are to be written out. */
static int run_small(fc_ctx *ctx, const program *p, int n_walked, char *out) {
    const fc_tensor *shape = p->shapes[p->n_in + p->n_steps - 1];
    const int64_t size = shape->size, bytes = place_bytes(size, p->item);
    char *at[FC_FUSED_VALUES];
    int8_t strides[FC_FUSED_VALUES];
    char *work = __builtin_alloca((size_t)((p->places + n_walked) * bytes) + FC_ALIGN);
    work += -(uintptr_t)work % FC_ALIGN;
    char *written = work + p->places * bytes;
    for (int v = 0; v < p->n_in; v++) {
        at[v] = p->data[v];
        strides[v] = p->shapes[v]->size == size;
        if (strides[v] || p->shapes[v]->size == 1) continue;
        spread(written, p->data[v], p->shapes[v], shape, item_of(ctx, p, v));
        at[v] = written;
        strides[v] = 1;
        written += bytes;
    }
    for (int k = 0; k < p->n_steps; k++) {
        const int v = p->n_in + k;
        instruction step;
        set_instruction(&step, &p->steps[k], &p->codes[k], p->n_in, k);
        at[v] = k == p->n_steps - 1 ? out : work + p->codes[k].place * bytes;
        strides[v] = 1;
        if (!run_one(&step, at, strides, size)) return refused(ctx, p, k);
    }
    return FC_OK;
}

/* Attributes: the dtypes of the inputs, the steps, and what runs each, after the places in working memory and
 * the bytes of the longest item. Values that are smaller than the last step's are computed. `n_small`: how
 * many inputs are to be written out where all is one block (run_small); -1 where it is not. */
static int begin(fc_ctx *ctx, program *p, fc_tensor *made, int *n_small) {
    p->n_in = ctx->n_in;
    p->n_steps = (int)(ctx->attrs[1].n * (int64_t)sizeof(int64_t) / (int64_t)sizeof(fc_fused_step));
    p->steps = (const fc_fused_step *)ctx->attrs[1].ints;
    p->places = (int)ctx->attrs[2].ints[0];
    p->item = ctx->attrs[2].ints[1];
    p->codes = (const fused_code *)(ctx->attrs[2].ints + 2);
    if (p->n_in > FC_FUSED_INPUTS || p->n_steps < 1 || p->n_steps > FC_FUSED_STEPS)
        return ctx->api->fail(ctx, FC_INTERNAL, "the fused node is too large");
    for (int i = 0; i < p->n_in; i++) {
        if (ctx->in[i]->dtype != ctx->attrs[0].ints[i])
            return ctx->api->fail(ctx, FC_INVALID_ARGUMENT, "the inputs differ in dtype");
        p->data[i] = fc_data(ctx->in[i]);
    }
    int rc = fc_fused_shapes(ctx, p->n_steps, p->steps, p->shapes, made);
    if (rc) return rc;
    const int64_t size = p->shapes[p->n_in + p->n_steps - 1]->size;
    int plain = !is_split(size, p->n_steps) && size * p->item <= BLOCK_BYTES &&
                size * p->item * p->places <= WORK_BYTES;
    *n_small = 0;
    for (int i = 0; i < p->n_in; i++) *n_small += p->shapes[i]->size != size && p->shapes[i]->size != 1;
    plain &= !*n_small || size <= TINY;
    for (int k = 0; k < p->n_steps; k++) {
        const fc_tensor *own = p->shapes[p->n_in + k];
        p->data[p->n_in + k] = NULL;
        if (own->size == size || !own->size) continue;
        void *whole;
        rc = ctx->api->scratch(ctx, (size_t)(own->size * item_of(ctx, p, p->n_in + k)), &whole);
        if (!rc) rc = run_steps(ctx, p, k, k, whole);
        if (rc) return rc;
        p->data[p->n_in + k] = whole;
        plain = 0;
    }
    if (!plain) *n_small = -1;
    return FC_OK;
}

static int fused(fc_ctx *ctx) {
    fc_tensor made[FC_FUSED_STEPS];
    program p;
    int n_small, rc = begin(ctx, &p, made, &n_small);
    if (rc) return rc;
    const fc_tensor *shape = p.shapes[p.n_in + p.n_steps - 1];
    rc = fc_alloc_over(ctx, p.n_in, (int)p.codes[p.n_steps - 1].result, shape->ndim, fc_dims(shape));
    if (rc || !shape->size) return rc;
    char *out = fc_data(&ctx->out[0]);
    return n_small >= 0 ? run_small(ctx, &p, n_small, out) : run_steps(ctx, &p, 0, p.n_steps - 1, out);
}

/* Attribute 3: the address of the reduction's loops, its op, keep_dims, axes. */
static int fused_reduction(fc_ctx *ctx) {
    fc_tensor made[FC_FUSED_STEPS];
    program p;
    fc_reduction r;
    const fc_row_loops *loops = (const fc_row_loops *)(intptr_t)ctx->attrs[3].ints[0];
    int n_small, rc = begin(ctx, &p, made, &n_small);
    if (rc) return rc;
    const fc_tensor *shape = p.shapes[p.n_in + p.n_steps - 1];
    rc = fc_fused_reduction(ctx, shape, &ctx->attrs[3], 1, &r);
    if (!rc) rc = ctx->api->alloc(ctx, 0, (int)p.codes[p.n_steps - 1].result, r.ndim, r.shape);
    if (rc || !ctx->out[0].size) return rc;
    char *out = fc_data(&ctx->out[0]);
    if (!shape->size) {
        loops->rows(out, NULL, 0, ctx->out[0].size);
        return FC_OK;
    }
    if (n_small < 0)
        return r.count ? reduce_steps(ctx, &p, loops, &r.runs[0], out)
                       : run_steps(ctx, &p, 0, p.n_steps - 1, out);
    char *values = r.count ? __builtin_alloca((size_t)(shape->size * p.item)) : out;
    rc = run_small(ctx, &p, n_small, values);
    if (!rc && r.count) loops->rows(out, values, r.runs[0].reduced, r.runs[0].outer);
    return rc;
}

static const fc_kernel_def defs[] = {
    {"_Fused", "", "dtypes steps code", FC_SYNC, 0, 0, fused},
    {"_FusedReduction", "", "dtypes steps code reduction", FC_SYNC, 0, 0, fused_reduction},
};
const fc_kernel_table fc_fused_kernels = {FC_ABI, "CPU", sizeof defs / sizeof defs[0], defs};
