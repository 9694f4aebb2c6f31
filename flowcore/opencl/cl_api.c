/* Looking the OpenCL functions up; error names. */
#include "cl_api.h"

#include <dlfcn.h>
#include <stdio.h>

fc_cl_api cl;

const char *fc_cl_load(const char *path) {
    void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (!handle) return path;
#define LOOK_UP(result, name, parameters) \
    *(void **)&cl.name = dlsym(handle, #name); \
    if (!cl.name) return #name;
    FC_CL_FUNCTIONS(LOOK_UP)
    return NULL;
}

const char *fc_cl_error(cl_int code) {
    static const struct {
        cl_int code;
        const char *name;
    } names[] = {{-1, "CL_DEVICE_NOT_FOUND"},
                 {-2, "CL_DEVICE_NOT_AVAILABLE"},
                 {-4, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
                 {-5, "CL_OUT_OF_RESOURCES"},
                 {-6, "CL_OUT_OF_HOST_MEMORY"},
                 {-14, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"},
                 {-34, "CL_INVALID_CONTEXT"},
                 {-36, "CL_INVALID_COMMAND_QUEUE"},
                 {-38, "CL_INVALID_MEM_OBJECT"},
                 {-46, "CL_INVALID_KERNEL_NAME"},
                 {-48, "CL_INVALID_KERNEL"},
                 {-49, "CL_INVALID_ARG_INDEX"},
                 {-51, "CL_INVALID_ARG_SIZE"},
                 {-52, "CL_INVALID_KERNEL_ARGS"},
                 {-54, "CL_INVALID_WORK_GROUP_SIZE"},
                 {-55, "CL_INVALID_WORK_ITEM_SIZE"},
                 {-61, "CL_INVALID_BUFFER_SIZE"}};
    static _Thread_local char text[64];
    const char *name = "OpenCL error";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].code == code) name = names[i].name;
    snprintf(text, sizeof text, "%s (%d)", name, (int)code);
    return text;
}
