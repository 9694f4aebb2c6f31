/* Doubly linked rings: what stands on a list has its link as its first member, so that a pointer to one is a
 * pointer to the other. A link is taken off without knowing its list.
 *
 * Owns: the linking alone; locks are the callers'. Must never include Python.h.
 */
#ifndef FLOWCORE_LIST_H
#define FLOWCORE_LIST_H

#include <stddef.h>

typedef struct fc_link {
    struct fc_link *next, *previous;
} fc_link;

#define FC_EMPTY_LIST(list) {&(list), &(list)}

static inline void fc_list_init(fc_link *list) { list->next = list->previous = list; }

static inline void fc_list_insert(fc_link *before, fc_link *link) {
    link->next = before;
    link->previous = before->previous;
    before->previous->next = link;
    before->previous = link;
}
static inline void fc_list_push_front(fc_link *list, fc_link *link) { fc_list_insert(list->next, link); }
static inline void fc_list_push_back(fc_link *list, fc_link *link) { fc_list_insert(list, link); }

static inline void fc_list_remove(fc_link *link) {
    link->previous->next = link->next;
    link->next->previous = link->previous;
}

/* The first of a list, and what follows a member; NULL where there is none. */
static inline void *fc_list_next(const fc_link *list, const fc_link *link) {
    return link->next == list ? NULL : link->next;
}
static inline void *fc_list_first(const fc_link *list) { return fc_list_next(list, list); }

#endif
