/* Reads all tensors of the checkpoints that standard input names, one a line, under sanitizers. Whatever a
 * file holds, each gives its values or one of the statuses of a report. Prints how many did the one and the
 * other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../flowcore/kernels/saving/checkpoint.h"

static long long bytes_of_texts;

static int count_text(fc_work *w, void *arg, int64_t i, fc_bytes text) {
    (void)w, (void)arg, (void)i;
    for (int64_t k = 0; k < text.size; k++)
        bytes_of_texts += (unsigned char)text.data[k] != 0; /* touches all */
    return FC_OK;
}

static void read_all(const fc_checkpoint *c, long *good, long *bad) {
    for (int64_t i = 0; i < c->count; i++) {
        const fc_entry *e = &c->entries[i];
        fc_work w = {0};
        if (!fc_is_tensor(e)) continue;
        if (!fc_expect_readable(&w, c, e, NULL)) {
            size_t size = (size_t)(fc_count(e->ndim, e->dims) * fc_item_size(e->dtype));
            void *to = malloc(size ? size : 1);
            if (!to) abort();
            if (e->dtype == FC_STRING) fc_read_strings(&w, c, e, NULL, count_text, NULL);
            else fc_read_tensor(&w, c, e, NULL, to);
            free(to);
        }
        ++*(w.status ? bad : good);
    }
}

int main(void) {
    char prefix[FC_PREFIX_MAX];
    long good = 0, bad = 0;
    while (fgets(prefix, sizeof prefix, stdin)) {
        fc_work w = {0};
        fc_checkpoint c;
        prefix[strcspn(prefix, "\n")] = 0;
        if (fc_open_checkpoint(&w, prefix, &c)) {
            bad++;
        } else {
            read_all(&c, &good, &bad);
            fc_close_checkpoint(&c);
        }
    }
    printf("%ld %ld\n", good, bad);
    return 0;
}
