"""Linked rings (_list.h) for Cython units."""


cdef extern from "_list.h" nogil:
    struct fc_link:
        fc_link *next
        fc_link *previous

    void fc_list_init(fc_link *list)
    void fc_list_push_front(fc_link *list, fc_link *link)
    void fc_list_push_back(fc_link *list, fc_link *link)
    void fc_list_remove(fc_link *link)
    void *fc_list_first(const fc_link *list)
    void *fc_list_next(const fc_link *list, const fc_link *link)
