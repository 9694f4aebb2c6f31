"""The host side of OpenCL devices: finding them, building programs, launching kernels. Knows no
graph; pyopencl is imported at first use.
"""
