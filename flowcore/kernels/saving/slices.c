/* See slices.h. */
#include "slices.h"

/* ---- the text of a slice --------------------------------------------------------------------- */

typedef struct {
    const char *at, *end;
} text;

static int read_number(text *t, int64_t *value) {
    const char *first = t->at;
    *value = 0;
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *t->at - '0', value))
            return 0;
    return t->at > first;
}
static int read_sign(text *t, char sign) { return t->at < t->end && *t->at == sign && t->at++; }

static int read_part(text *t, fc_extent *part) {
    *part = (fc_extent){0, -1};
    if (read_sign(t, '-')) return 1;
    return read_number(t, &part->start) && read_sign(t, ',') && read_number(t, &part->length) &&
           part->length > 0;
}

int fc_parse_slice(fc_work *w, fc_bytes bytes, fc_slice_spec *spec) {
    char shown[FC_SHOWN];
    text t = {bytes.data, bytes.data + bytes.size};
    int parts = 0, good = 1;
    spec->ndim = -1;
    if (!bytes.size) return FC_OK;
    spec->ndim = 0;
    /* sizes, each with a space behind it; then parts with colons between them */
    while (good && memchr(t.at, ' ', (size_t)(t.end - t.at))) {
        good = spec->ndim < FC_MOST_DIMS && read_number(&t, &spec->dims[spec->ndim]) && read_sign(&t, ' ');
        spec->ndim += good;
    }
    while (good && t.at < t.end) {
        good = (!parts || read_sign(&t, ':')) && parts < spec->ndim && read_part(&t, &spec->part[parts]);
        parts += good;
    }
    if (good && parts == spec->ndim && fc_count(spec->ndim, spec->dims) >= 0 &&
        fc_is_inside(spec->ndim, spec->dims, spec->part))
        return FC_OK;
    return fc_blame(
        w, FC_INVALID_ARGUMENT,
        "'%s' is no part of a tensor: expected its sizes and, for each, '-' or 'start,length' within "
        "it, such as '4 2 0,2:-'",
        fc_shown(bytes, shown));
}

/* ---- sizes ----------------------------------------------------------------------------------- */

int64_t fc_count(int ndim, const int64_t *dims) {
    int64_t count = 1, most = 1;
    for (int d = 0; d < ndim; d++) {
        /* also where one size is zero, the others must fit */
        if (dims[d] < 0 || fc_mul_overflow(most, dims[d] ? dims[d] : 1, &most)) return -1;
        count *= dims[d];
    }
    return count;
}

int fc_is_inside(int ndim, const int64_t *dims, const fc_extent *part) {
    for (int d = 0; d < ndim; d++) {
        if (part[d].length < 0 && part[d].start) return 0;
        if (part[d].start < 0 || part[d].start > dims[d] || part[d].length > dims[d] - part[d].start)
            return 0;
    }
    return 1;
}

int fc_is_whole(int ndim, const int64_t *dims, const fc_extent *part) {
    for (int d = 0; d < ndim; d++)
        if (part[d].start || fc_length(&part[d], dims[d]) != dims[d]) return 0;
    return 1;
}

int64_t fc_count_part(int ndim, const int64_t *dims, const fc_extent *part) {
    int64_t count = 1;
    for (int d = 0; d < ndim; d++) count *= fc_length(&part[d], dims[d]);
    return count;
}

int fc_same_part(int ndim, const fc_extent *a, const fc_extent *b) {
    return !ndim || !memcmp(a, b, sizeof *a * (size_t)ndim);
}

int64_t fc_each_shared_row(int ndim, const int64_t *dims, const fc_extent *from, const fc_extent *to,
                           fc_row row, void *arg) {
    int64_t size[FC_MOST_DIMS], from_stride[FC_MOST_DIMS], to_stride[FC_MOST_DIMS], at[FC_MOST_DIMS];
    int64_t i = 0, j = 0, count = 1, from_all = 1, to_all = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        int64_t begin = from[d].start > to[d].start ? from[d].start : to[d].start;
        int64_t from_end = from[d].start + fc_length(&from[d], dims[d]);
        int64_t to_end = to[d].start + fc_length(&to[d], dims[d]);
        size[d] = (from_end < to_end ? from_end : to_end) - begin;
        if (size[d] <= 0) return 0;
        at[d] = 0;
        from_stride[d] = from_all, to_stride[d] = to_all;
        i += (begin - from[d].start) * from_all;
        j += (begin - to[d].start) * to_all;
        from_all *= fc_length(&from[d], dims[d]), to_all *= fc_length(&to[d], dims[d]);
        count *= size[d];
    }
    int64_t n = ndim > 0 ? size[ndim - 1] : 1;
    for (int64_t done = 0; done < count; done += n) {
        row(arg, i, j, n);
        for (int d = ndim - 2; d >= 0; d--) {
            i += from_stride[d], j += to_stride[d];
            if (++at[d] < size[d]) break;
            i -= size[d] * from_stride[d], j -= size[d] * to_stride[d];
            at[d] = 0;
        }
    }
    return count;
}

/* ---- keys, which sort as what they are made of ------------------------------------------------- */

/* How many bytes follow, then these, the highest first. */
static void put_unsigned(fc_blob *key, uint64_t value) {
    uint8_t bytes[9];
    int n = 0;
    for (uint64_t rest = value; rest; rest >>= 8) n++;
    bytes[0] = (uint8_t)n;
    for (int i = 0; i < n; i++) bytes[n - i] = (uint8_t)(value >> 8 * i);
    fc_put(key, bytes, (size_t)n + 1);
}

/* Zeros and 255s are doubled up, so that the mark of the end occurs nowhere else. */
static void put_text(fc_blob *key, fc_bytes s) {
    for (int64_t i = 0; i < s.size; i++) {
        fc_put(key, s.data + i, 1);
        if (s.data[i] == 0) fc_put(key, "\xff", 1);
        if ((uint8_t)s.data[i] == 0xff) fc_put(key, "\0", 1);
    }
    fc_put(key, "\0\1", 2);
}

/* In n bytes, the highest first, of which the first n bits tell n and the sign: all of them are the opposite
 * of the sign, and the next bit is the sign itself. */
static void put_signed(fc_blob *key, int64_t value) {
    uint64_t magnitude = (uint64_t)(value < 0 ? ~value : value);
    uint8_t bytes[10];
    int n = 1;
    while (n < 10 && magnitude >> (7 * n - 1)) n++;
    for (int i = 0; i < n; i++) {
        int shift = 8 * (n - 1 - i);
        bytes[i] = (uint8_t)(shift > 63 ? value >> 63 : value >> shift);
    }
    for (int bit = 0; bit < n; bit++) bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    fc_put(key, bytes, (size_t)n);
}

void fc_put_slice_key(fc_blob *key, fc_bytes name, int ndim, const fc_extent *part) {
    put_unsigned(key, 0);
    put_text(key, name);
    put_unsigned(key, (uint64_t)ndim);
    for (int d = 0; d < ndim; d++) {
        put_signed(key, part[d].start);
        put_signed(key, part[d].length);
    }
}
