/* The part of the OpenCL 1.2 C interface that flowcore calls, as a table of function pointers. There is no
 * link-time libOpenCL: the functions are looked up in the loader that pyopencl has in this process already,
 * so that there is never a second one. */
#ifndef FLOWCORE_CL_API_H
#define FLOWCORE_CL_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct _cl_context *cl_context;
typedef struct _cl_device_id *cl_device_id;
typedef struct _cl_command_queue *cl_command_queue;
typedef struct _cl_mem *cl_mem;
typedef struct _cl_program *cl_program;
typedef struct _cl_kernel *cl_kernel;
typedef struct _cl_event *cl_event;
typedef int32_t cl_int;
typedef uint32_t cl_uint;
typedef uint64_t cl_bitfield;

enum {
    CL_SUCCESS = 0,
    CL_MEM_OBJECT_ALLOCATION_FAILURE = -4,
    CL_OUT_OF_RESOURCES = -5,
    CL_OUT_OF_HOST_MEMORY = -6,
    CL_INVALID_BUFFER_SIZE = -61
};
enum {
    CL_MEM_READ_WRITE = 1,
    CL_MEM_USE_HOST_PTR = 8,
    CL_MEM_ALLOC_HOST_PTR = 16,
    CL_MAP_READ = 1,
    CL_MAP_WRITE = 2
};
enum { CL_COMPLETE = 0, CL_KERNEL_WORK_GROUP_SIZE = 0x11B0, CL_EVENT_COMMAND_EXECUTION_STATUS = 0x11D3 };

/* X(return type, name, parameters) */
#define FC_CL_FUNCTIONS(X) \
    X(cl_command_queue, clCreateCommandQueue, (cl_context, cl_device_id, cl_bitfield, cl_int *)) \
    X(cl_int, clReleaseCommandQueue, (cl_command_queue)) \
    X(cl_int, clRetainContext, (cl_context)) \
    X(cl_int, clReleaseContext, (cl_context)) \
    X(cl_mem, clCreateBuffer, (cl_context, cl_bitfield, size_t, void *, cl_int *)) \
    X(cl_int, clReleaseMemObject, (cl_mem)) \
    X(cl_kernel, clCreateKernel, (cl_program, const char *, cl_int *)) \
    X(cl_int, clReleaseKernel, (cl_kernel)) \
    X(cl_int, clSetKernelArg, (cl_kernel, cl_uint, size_t, const void *)) \
    X(cl_int, clGetKernelWorkGroupInfo, (cl_kernel, cl_device_id, cl_uint, size_t, void *, size_t *)) \
    X(cl_int, clEnqueueNDRangeKernel, \
      (cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *, cl_uint, \
       const cl_event *, cl_event *)) \
    X(cl_int, clEnqueueReadBuffer, \
      (cl_command_queue, cl_mem, cl_uint, size_t, size_t, void *, cl_uint, const cl_event *, cl_event *)) \
    X(cl_int, clEnqueueWriteBuffer, \
      (cl_command_queue, cl_mem, cl_uint, size_t, size_t, const void *, cl_uint, const cl_event *, \
       cl_event *)) \
    X(cl_int, clEnqueueCopyBuffer, \
      (cl_command_queue, cl_mem, cl_mem, size_t, size_t, size_t, cl_uint, const cl_event *, cl_event *)) \
    X(void *, clEnqueueMapBuffer, \
      (cl_command_queue, cl_mem, cl_uint, cl_bitfield, size_t, size_t, cl_uint, const cl_event *, \
       cl_event *, cl_int *)) \
    X(cl_int, clEnqueueUnmapMemObject, \
      (cl_command_queue, cl_mem, void *, cl_uint, const cl_event *, cl_event *)) \
    X(cl_int, clSetMemObjectDestructorCallback, (cl_mem, void (*)(cl_mem, void *), void *)) \
    X(cl_int, clSetEventCallback, (cl_event, cl_int, void (*)(cl_event, cl_int, void *), void *)) \
    X(cl_int, clWaitForEvents, (cl_uint, const cl_event *)) \
    X(cl_int, clGetEventInfo, (cl_event, cl_uint, size_t, void *, size_t *)) \
    X(cl_int, clReleaseEvent, (cl_event)) \
    X(cl_int, clFlush, (cl_command_queue)) \
    X(cl_int, clFinish, (cl_command_queue))

typedef struct {
#define FC_CL_POINTER(result, name, parameters) result(*name) parameters;
    FC_CL_FUNCTIONS(FC_CL_POINTER)
#undef FC_CL_POINTER
} fc_cl_api;
extern fc_cl_api cl;

/* Fills the table from the shared object at `path`, which must be loaded. Returns the name of a function that
 * it lacks, or NULL. */
const char *fc_cl_load(const char *path);
/* "CL_OUT_OF_RESOURCES (-5)" and its like, for messages. */
const char *fc_cl_error(cl_int code);

#endif
