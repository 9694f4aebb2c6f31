/* Finds a formula among all groups: what fused nodes are made of. */
#include <string.h>

#include "loops.h"

#define GROUP_BITS 8 /* a number is that of the group, then eight bits for the line in it */
#define GROUP_POINTER(name) &fc_##name##_formulas,
static const fc_formula_group *const groups[] = {FC_FORMULA_GROUPS(GROUP_POINTER)};

int fc_find_formula(const char *op, int dtype) {
    if (dtype < 0 || dtype >= FC_NUM_DTYPES) return -1;
    for (int g = 0; g < (int)(sizeof groups / sizeof groups[0]); g++)
        for (int i = 0; i < groups[g]->count; i++) {
            const fc_formula *f = &groups[g]->formulas[i];
            if (!strcmp(f->op, op) && (f->unary ? f->unary[dtype] != NULL : f->binary[dtype] != NULL))
                return g << GROUP_BITS | i;
        }
    return -1;
}

const fc_formula *fc_formula_at(int number) {
    return &groups[number >> GROUP_BITS]->formulas[number & ((1 << GROUP_BITS) - 1)];
}
