"""What queues offer to readers, which take work from them."""

from flowcore._kernel cimport fc_ctx, fc_resource, fc_tensor, fc_token

#: Gets the element that a request took; `token` is NULL where the request did not wait. Returns FC_PENDING
#: where it completes the token itself. It ends with one call of `end_use` or `give_back`.
ctypedef int (*use_element)(
    fc_ctx *ctx, fc_token *token, fc_resource *queue, fc_tensor *element) noexcept nogil
ctypedef void (*cancel_token)(fc_token *token, void *queue) noexcept nogil

cdef fc_resource *queue_of_strings(fc_ctx *ctx, int i, int *rc) noexcept nogil
cdef int take_for_use(fc_ctx *ctx, fc_resource *queue, use_element use, cancel_token cancel) noexcept nogil
cdef bint cancel_take(fc_resource *queue, fc_token *token) noexcept nogil
cdef void end_use(fc_ctx *ctx, fc_resource *queue, fc_tensor *element) noexcept nogil
cdef void give_back(fc_ctx *ctx, fc_resource *queue, fc_tensor *element) noexcept nogil
