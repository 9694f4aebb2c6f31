# The engine as Python sees it: pools, kernels, resources, plans.

class StepError(Exception):
    """A step failed: status `code`, `node` (index or -1) of `plan`, `message`, and `cause`, the exception
    of a Python kernel or None.

    `path`: the calls that led to the node, the outermost first, each as the plan and the index of the node
    that called, and the turn of a loop; of deep calls the first ones alone, `depth` says how many there were.
    """

    def __init__(self, code, node, message, cause=None, plan=None, path=(), depth=0):
        super().__init__(message)
        self.code = code
        self.node = node
        self.message = message
        self.cause = cause
        self.plan = plan
        self.path = path
        self.depth = depth


class Node:
    """What a plan is told of a node; see docs/architecture.md.

    `memory`: the device that its outputs are allocated by, None for the host. Planning has nodes of its own,
    with these fields (runtime/plan_node.py).
    """

    __slots__ = ("after", "attrs", "inputs", "kernel", "memory", "name", "output_dtypes", "outputs", "state")

    def __init__(
        self, name, kernel, inputs=(), outputs=(), after=(), attrs=(), state=None, output_dtypes=(),
        memory=None
    ):
        self.name = name
        self.kernel = kernel
        self.inputs = inputs
        self.outputs = outputs
        self.after = after
        self.attrs = attrs
        self.state = state
        self.output_dtypes = output_dtypes
        self.memory = memory


_CALLS = {"call": CALL_NODE, "if": IF_NODE, "case": CASE_NODE, "while": WHILE_NODE}


class Call:
    """What a node runs that calls bodies, which are plans made with `body=True`.

    `kind` "call": one body, whose arguments are the node's inputs and whose results its outputs. "if": the
    first input chooses the second body where it is true, else the first. "case": the first input, a scalar
    of int32, is the number of a body; the last one where there is no such body. "while": a condition, and a
    turn, which computes the condition for the next turn first, then the arguments in `carried`; the others
    stay as they are, and the turn holds them (`held`).

    `ahead`, of a "while" with two bodies more: what a turn does in order, and a part that may run ahead of
    the turns before, whose results are arguments of the former, behind those of the turn.
    """

    __slots__ = ("ahead", "bodies", "carried", "kind")

    def __init__(self, kind, bodies, carried=(), ahead=None):
        if kind not in _CALLS:
            raise ValueError(f"a call is one of {', '.join(_CALLS)}, found {kind!r}")
        self.kind = kind
        self.bodies = bodies
        self.carried = carried
        self.ahead = ahead


class Ahead:
    """How a part of a loop's turns runs ahead: of `window` turns at once.

    `reads`: which of the loop's arguments those of the part are: held ones, and `counter`, of dtype
    `counter_type`, which grows by one in each turn. The loop goes on as long as it is less than `limit`:
    an argument's place, or, with `limit_known`, the number itself.
    """

    __slots__ = ("counter", "counter_type", "limit", "limit_known", "reads", "window")

    def __init__(self, window, reads, counter, counter_type, limit, limit_known):
        if window < 1:
            raise ValueError(f"window must be at least 1, found {window}")
        self.window = window
        self.reads = reads
        self.counter = counter
        self.counter_type = counter_type
        self.limit = limit
        self.limit_known = limit_known


cdef class Kernel:
    """One entry of a kernel table."""

    cdef const fc_kernel_def *entry
    cdef readonly str op, types, device
    cdef readonly tuple attrs           # names
    cdef readonly int flags
    cdef readonly unsigned int host_in, host_out

    def __repr__(self):
        return f"<Kernel {self.op} {self.device} {self.types}>"


cdef int check_abi(uint32_t abi, str what) except -1:
    """Raises ImportError unless something made for `abi` works here: same major number, no newer minor."""
    cdef uint32_t major = FC_ABI_MAJOR(abi), minor = FC_ABI_MINOR(abi)
    if major == FC_ABI_MAJOR(FC_ABI) and minor <= FC_ABI_MINOR(FC_ABI):
        return 0
    remedy = (
        "install a newer flowcore" if major == FC_ABI_MAJOR(FC_ABI) else
        "rebuild the extension with this flowcore's headers")
    raise ImportError(
        f"{what} was built for version {major}.{minor} of the kernels' interface, this engine has"
        f" {FC_ABI_MAJOR(FC_ABI)}.{FC_ABI_MINOR(FC_ABI)}: {remedy}")


def load_kernels(capsules):
    """The kernels in the capsules of extension modules.

    Raises ImportError for a table of another major or a newer minor version of the interface.
    """
    cdef const fc_kernel_table *table
    cdef const fc_kernel_def *entry
    cdef Kernel kernel
    cdef int64_t i
    result = []
    for capsule in capsules:
        table = <const fc_kernel_table *>PyCapsule_GetPointer(capsule, "flowcore.kernel_table")
        check_abi(table.abi, "a kernel table")
        for i in range(table.count):
            entry = &table.defs[i]
            kernel = Kernel.__new__(Kernel)
            kernel.entry = entry
            kernel.op = entry.op.decode()
            kernel.types = entry.types.decode()
            kernel.attrs = tuple(entry.attrs.decode().split())
            kernel.device = table.device.decode()
            kernel.flags = entry.flags
            kernel.host_in = entry.host_in
            kernel.host_out = entry.host_out
            result.append(kernel)
    return result


cdef class Resource:
    """Owns one reference to a resource: a variable, a queue, a random counter."""

    cdef fc_resource *pointer
    cdef int32_t fork_count

    def __init__(self, capsule):
        self.pointer = <fc_resource *>PyCapsule_GetPointer(capsule, "flowcore.resource")
        self.fork_count = fc_fork_count

    def __dealloc__(self):
        # a lock in it may be held by a thread of the parent, for ever here
        if self.fork_count == fc_fork_count:
            fc_resource_release(self.pointer)

    @property
    def name(self):
        return self.pointer.name.decode()

    @property
    def kind(self):
        return self.pointer.kind

    @property
    def address(self):
        return <size_t>self.pointer


cdef class Device:
    """A device of an extension: wraps the fc_device in a capsule "flowcore.device", which must stay alive."""

    cdef fc_device *pointer
    cdef object capsule

    def __init__(self, capsule):
        self.pointer = <fc_device *>PyCapsule_GetPointer(capsule, "flowcore.device")
        self.capsule = capsule
        check_abi(self.pointer.abi, "a device")

    @property
    def name(self):
        return self.pointer.name.decode()

    @property
    def moves(self):
        """Whether kernels that go through the device's own copy and fill can run on it."""
        return self.pointer.copy != NULL and self.pointer.fill != NULL

    @property
    def keeps_lists(self):
        """Whether the elements of lists may lie in its memory."""
        return bool(fc_keeps_lists(self.pointer))


def processors():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


cdef class Pool:
    """Worker threads. `threads` counts the caller of a run too, so that Pool(1) has no worker."""

    cdef pool_t *c
    cdef readonly int threads

    def __init__(self, int threads):
        cdef int i
        if threads < 1 or threads > 1024:
            raise ValueError(f"a pool has 1 to 1024 threads, found {threads}")
        self.threads = threads
        self.c = new_pool(threads)
        if self.c == NULL:
            raise MemoryError(f"no memory for a pool of {threads} threads")
        self.c.watch_ns = WATCH_NS if threads <= processors() else 0
        self.c.most_spares = threads if 1 < threads <= processors() else 0
        for i in range(1, threads):
            self.c.workers[i].pool = self.c
            self.c.workers[i].index = i
            fc_add32(&self.c.refs, 1)
            if pthread_create(&self.c.threads[i], NULL, worker_main, &self.c.workers[i]) != 0:
                self.c.threads[i] = 0
                fc_add32(&self.c.refs, -1)
                raise RuntimeError(f"the system refused to start worker thread {i} of {threads}")

    def __dealloc__(self):
        cdef int i
        if self.c == NULL:
            return
        if self.c.fork_count != fc_fork_count:  # the workers live in another process
            return
        fc_store32(&self.c.stop, 1)
        with nogil:
            for _ in range(1, self.c.n_threads):
                fc_event_wake(&self.c.event, 1)
            fc_event_wake(&self.c.spare, 1)
            for i in range(1, self.c.n_threads + self.c.n_spares):
                if self.c.threads[i] == 0:
                    continue
                pthread_join(self.c.threads[i], NULL)
            leave_pool(self.c)


cdef int cancel_steps(list running, bytes message) except -1:
    """Fails the steps at these addresses.

    It visits all of them before it lets the GIL go: from then on a step may end, but not go.

    In a forked child it leaves alone the steps that run in the parent.
    """
    cdef list addresses = []
    cdef const char *text = message
    cdef step_t *step
    for address in running:
        step = <step_t *><size_t>address
        if step.plan.pool.fork_count == fc_fork_count:
            fc_add32(&step.visitors, 1)
            addresses.append(address)
    for address in addresses:
        step = <step_t *><size_t>address
        with nogil:
            fail_step(step, FC_CANCELLED, NULL, -1, text)
            fc_event_wake(&step.event, 1)
            fc_add32(&step.visitors, -1)
    return 0


cdef class StopFlag:
    """Ends `Plan.run_until` loops, also one that is parked."""

    cdef int32_t flag
    cdef list running          # addresses of steps, as ints; changed with the GIL held

    def __cinit__(self):
        self.running = []

    def set(self):
        """Stops the loops that use this flag, now and later."""
        fc_store32(&self.flag, 1)
        cancel_steps(self.running, b"stopped")

    def clear(self):
        """Makes the flag usable again."""
        fc_store32(&self.flag, 0)

    def is_set(self):
        return fc_load32(&self.flag) != 0


cdef fc_attr no_attr            # of nodes without attributes

#: How an entry of a list attribute is packed, by its type; other types are not.
_ENTRY_KINDS = {bool: int, str: bytes, tuple: list, type(None): list}

cdef struct attr_tensors_t:     # tensors of attributes, which a plan releases
    attr_tensors_t *following
    fc_tensor *first
    int32_t count


@cython.no_gc_clear  # __dealloc__ needs `pool`, also where a cycle is collected
cdef class Plan:
    """A compiled plan. `run` may be called from many threads at once.

    With `body`, nodes of other plans call it (`Call`), and `run` does not: feeds are its arguments, fetches
    its results. `held`: arguments that a turn of a loop leaves as they are, by their positions. A body may
    be named in a Call before it is made (`Plan.__new__(Plan)`, later `__init__`), so that it may call
    itself. `about` is the caller's, to tell what its nodes are.
    """

    cdef plan_t c
    cdef readonly Pool pool
    cdef public object about
    # objects that the C side points to while steps run; a collected cycle empties it before
    # __dealloc__
    cdef list keep
    cdef void **blocks          # the C side's own memory: each block begins with a pointer to the one before
    cdef attr_tensors_t *attr_tensors
    cdef list feeds, fetches
    cdef step_t *idle
    cdef list active            # addresses of steps that run now; changed with the GIL held
    cdef int32_t *fetch_slots
    cdef int32_t *feed_slots
    cdef bint is_body

    def __init__(
        self, Pool pool, nodes, int num_slots, feeds, fetches, constants, bint body=False, held=()
    ):
        cdef int32_t i, n_nodes = len(nodes), n_sources = 0
        cdef int64_t n_in = 0
        cdef node_t *last
        cdef fc_tensor tensor
        fc_bump(&live_plans, 1)
        self.pool = pool
        self.keep = []
        self.active = []
        self.feeds = list(feeds)
        self.fetches = list(fetches)
        self.is_body = body
        if body:
            nodes = [*nodes, Node("return", None, tuple(self.fetches))]
            n_nodes += 1
        self.c.pool = pool.c
        self.c.is_body = body
        self.c.owner = <PyObject *>self
        pthread_mutex_init(&self.c.lock, NULL)
        self.c.n_nodes = n_nodes
        self.c.n_slots = num_slots
        for node in nodes:
            n_in += len(node.inputs)
        if n_in > 0x7fffffff:
            raise ValueError(f"a plan of {n_nodes} nodes with {n_in} inputs is too large")
        self.c.n_in_slots = n_in
        self.c.nodes = <node_t *>self._block(n_nodes * sizeof(node_t))
        self.c.in_slots = <int32_t *>self._block(n_in * sizeof(int32_t))
        self.c.waits = <int32_t *>self._block(n_nodes * sizeof(int32_t))
        self.c.uses = <int32_t *>self._block(num_slots * sizeof(int32_t))
        self.c.cost = <float *>self._block(n_nodes * sizeof(float))
        self.c.constant_of = <int32_t *>self._block(num_slots * sizeof(int32_t))
        self.c.constants = <fc_tensor *>self._block(len(constants) * sizeof(fc_tensor))
        self.fetch_slots = <int32_t *>self._block(len(self.fetches) * sizeof(int32_t))
        self.feed_slots = <int32_t *>self._block(len(self.feeds) * sizeof(int32_t))
        for i in range(num_slots):
            self.c.constant_of[i] = -1
        for slot, value in constants.items():
            if isinstance(value, Resource):
                self._resource_constant(&tensor, value)
            else:
                tensor_from_array(value, &tensor, True)
            self.c.constants[self.c.n_constants] = tensor
            self.c.constant_of[<int32_t>slot] = self.c.n_constants
            self.c.n_constants += 1
        n_in = 0
        for i, node in enumerate(nodes):
            self._fill_node(i, node, n_in)
            n_in += self.c.nodes[i].n_in
        self._link(nodes)
        for i, slot in enumerate(self.fetches):
            self.fetch_slots[i] = slot
            if not body and self.c.constant_of[<int32_t>slot] < 0:
                self.c.uses[<int32_t>slot] += 1
        # a fed value stays until the end, so that its array is released by the caller
        for i, slot in enumerate(self.feeds):
            self.feed_slots[i] = slot
            if not body or i in held:
                self.c.uses[<int32_t>slot] += 1
        self.c.arguments = self.feed_slots
        self.c.n_arguments = len(self.feeds)
        self.c.sources = <int32_t *>self._block(n_nodes * sizeof(int32_t))
        for i in range(n_nodes):
            if self.c.waits[i] == 0:
                self.c.sources[n_sources] = i
                n_sources += 1
        self.c.n_sources = n_sources
        self.c.plain = True
        for i in range(n_nodes):
            self.c.plain = self.c.plain and is_plain(&self.c.nodes[i])

    cdef int _link(self, nodes) except -1:
        """Finds who waits for whom: a first round counts, a second one fills `next`.

        A node that reads several values of another waits for it once.
        """
        cdef int32_t i, j, k
        cdef int64_t n_next = 0
        cdef bint filling
        cdef list ends = []
        cdef int32_t n_nodes = self.c.n_nodes
        cdef int32_t *producer = <int32_t *>fc_malloc((self.c.n_slots + n_nodes + 1) * sizeof(int32_t))
        cdef int32_t *last_reader = producer + self.c.n_slots
        if producer == NULL:
            raise MemoryError("no memory for a plan")
        try:
            memset(producer, -1, self.c.n_slots * sizeof(int32_t))
            for i in range(n_nodes):
                for k in range(self.c.nodes[i].n_out):
                    producer[self.c.nodes[i].first_out + k] = i
            for filling in range(2):
                memset(last_reader, -1, n_nodes * sizeof(int32_t))
                for i, node in enumerate(nodes):
                    for k in range(self.c.nodes[i].n_in):
                        j = producer[self.c.in_slots[self.c.nodes[i].first_in + k]]
                        if j >= 0:
                            self._add_edge(j, i, last_reader, filling)
                    for j in node.after:
                        if not 0 <= j < n_nodes:
                            raise ValueError(f"node '{node.name}' waits for node {j} of {n_nodes}")
                        self._add_edge(j, i, last_reader, filling)
                if not filling:
                    if self.is_body:
                        ends = [i for i in range(n_nodes - 1) if self.c.nodes[i].n_next == 0]
                        for i in ends:
                            self._add_edge(i, n_nodes - 1, last_reader, False)
                    for i in range(n_nodes):
                        self.c.nodes[i].first_next = n_next
                        n_next += self.c.nodes[i].n_next
                        self.c.nodes[i].n_next = 0
                    if n_next > 0x7fffffff:
                        raise ValueError(f"a plan of {n_nodes} nodes with {n_next} edges is too large")
                    self.c.next = <int32_t *>self._block(n_next * sizeof(int32_t))
                else:
                    for i in ends:
                        self._add_edge(i, n_nodes - 1, last_reader, True)
        finally:
            free(producer)
        return 0

    cdef void _add_edge(self, int32_t before, int32_t after, int32_t *last_reader, bint filling) noexcept:
        cdef node_t *node = &self.c.nodes[before]
        if last_reader[before] == after:
            return
        last_reader[before] = after
        if filling:
            self.c.next[node.first_next + node.n_next] = after
        else:
            self.c.waits[after] += 1
        node.n_next += 1

    cdef void *_block(self, size_t size) except NULL:
        """Zeroed memory that lives as long as the plan."""
        cdef void **block = <void **>fc_calloc(1, size + 2 * sizeof(void *))
        if block == NULL:
            raise MemoryError(f"no memory for a plan ({size} bytes)")
        block[0] = self.blocks
        self.blocks = block
        return block + 2

    cdef int _resource_constant(self, fc_tensor *t, Resource resource) except -1:
        memset(t, 0, sizeof(fc_tensor))
        if new_buffer(FC_RESOURCE, 1, &t.buffer) != FC_OK:
            raise MemoryError
        t.ndim = 0
        t.size = 1
        t.dtype = FC_RESOURCE
        fc_resource_retain(resource.pointer)
        (<fc_resource **>t.buffer.data)[0] = resource.pointer
        return 0

    cdef int _fill_node(self, int32_t i, object entry, int64_t first_in) except -1:
        cdef node_t *node = &self.c.nodes[i]
        cdef Kernel kernel
        cdef int j
        cdef int32_t slot
        cdef tuple inputs = entry.inputs, outputs = entry.outputs
        function, state, memory = entry.kernel, entry.state, entry.memory
        self.keep.append(entry.name)  # the same object as the operation's
        node.name = <char *>PyUnicode_AsUTF8(entry.name)
        node.n_in = len(inputs)
        node.n_out = len(outputs)
        node.first_in = first_in
        for j, slot in enumerate(inputs):
            if not 0 <= slot < self.c.n_slots:
                raise ValueError(f"node '{entry.name}' reads slot {slot} of {self.c.n_slots}")
            self.c.in_slots[first_in + j] = slot
            if self.c.constant_of[slot] < 0:
                self.c.uses[slot] += 1
        node.first_out = outputs[0] if outputs else 0
        for j, slot in enumerate(outputs):
            if slot != node.first_out + j or not 0 <= slot < self.c.n_slots:
                raise ValueError(f"the output slots of node '{entry.name}' are not consecutive")
        node.device = cpu_device()
        if memory is not None:
            self.keep.append(memory)
            node.device = (<Device?>memory).pointer
        if state is not None:
            self.keep.append(state)
            node.state = (<Resource?>state).pointer
        if function is None:
            node.kind = RETURN_NODE
        elif isinstance(function, Call):
            self._fill_call(node, function)
        elif isinstance(function, Kernel):
            kernel = function
            node.target.fn = kernel.entry.fn
            node.host_out = kernel.entry.host_out
            node.attrs = self._pack(entry.name, kernel.attrs, entry.attrs)
        else:
            self.keep.append(function)
            node.kind = PYTHON_NODE
            node.target.python = <python_t *>self._block(sizeof(python_t))
            node.target.python.function = <PyObject *>function
            node.target.python.types = <int32_t *>self._block(sizeof(int32_t) * (node.n_out + 1))
            for j in range(node.n_out):
                node.target.python.types[j] = entry.output_dtypes[j]
        return 0

    cdef int _fill_call(self, node_t *node, object function) except -1:
        cdef call_t *call = <call_t *>self._block(sizeof(call_t))
        cdef Plan body
        cdef int i
        node.kind = call.kind = _CALLS[function.kind]
        node.target.call = call
        call.index = self.c.n_calls
        self.c.n_calls += 1
        call.n_bodies = len(function.bodies)
        call.bodies = <plan_t **>self._block(call.n_bodies * sizeof(plan_t *))
        for i, body in enumerate(function.bodies):
            self.keep.append(body)
            call.bodies[i] = &body.c
        call.n_carried = len(function.carried)
        call.carried = <int32_t *>self._block(call.n_carried * sizeof(int32_t))
        for i in range(call.n_carried):
            call.carried[i] = function.carried[i]
        if function.ahead is not None:
            self._fill_ahead(call, function.ahead)
        return 0

    cdef int _fill_ahead(self, call_t *call, object ahead) except -1:
        cdef int i
        call.window = ahead.window
        call.counter = ahead.counter
        call.counter_type = ahead.counter_type
        call.limit_place = -1 if ahead.limit_known else ahead.limit
        call.limit = ahead.limit
        call.reads = <int32_t *>self._block(len(ahead.reads) * sizeof(int32_t))
        for i in range(len(ahead.reads)):
            call.reads[i] = ahead.reads[i]
        return 0

    cdef fc_attr *_pack(self, str name, tuple names, tuple values) except NULL:
        cdef fc_attr *attrs
        cdef int i
        if len(names) != len(values):
            raise ValueError(
                f"node '{name}' gives {len(values)} attributes where its kernel takes {len(names)}")
        if not values:
            return &no_attr
        attrs = <fc_attr *>self._block(sizeof(fc_attr) * len(values))
        for i, value in enumerate(values):
            if value is None:
                attrs[i].n = -1
            elif isinstance(value, (str, bytes)):
                attrs[i].s = self._text(value, &attrs[i].n)
            elif isinstance(value, (list, tuple)):
                self._pack_list(&attrs[i], value, name, names[i])
            elif isinstance(value, np.ndarray):
                attrs[i].n = 1
                attrs[i].tensors = self._tensors([value])
            elif isinstance(value, float):
                attrs[i].f = value
            elif hasattr(value, "__index__"):
                attrs[i].i = value
                attrs[i].f = value
            else:
                raise TypeError(f"attribute {names[i]} of node '{name}' cannot be packed: {value!r}")
        return attrs

    cdef int _pack_list(self, fc_attr *attr, value, str name, str attr_name) except -1:
        """A list whose entries are all of one kind: numbers, strings, shapes (lists, None) or arrays."""
        cdef int j
        cdef int64_t *ints
        cdef double *floats
        cdef fc_bytes *strings
        kinds = {_ENTRY_KINDS.get(type(v), type(v)) for v in value}
        attr.n = len(value)
        if kinds <= {int}:
            ints = <int64_t *>self._block(sizeof(int64_t) * len(value))
            for j, v in enumerate(value):
                ints[j] = v
            attr.ints = ints
        elif kinds <= {int, float}:
            floats = <double *>self._block(sizeof(double) * len(value))
            for j, v in enumerate(value):
                floats[j] = v
            attr.floats = floats
        elif kinds == {bytes}:
            strings = <fc_bytes *>self._block(sizeof(fc_bytes) * len(value))
            for j, v in enumerate(value):
                strings[j].data = self._text(v, &strings[j].size)
            attr.strings = strings
        elif kinds == {list}:
            attr.shapes = self._shapes(value)
        elif kinds == {np.ndarray}:
            attr.tensors = self._tensors(value)
        else:
            raise TypeError(f"attribute {attr_name} of node '{name}' cannot be packed: {value!r}")
        return 0

    cdef const char *_text(self, value, int64_t *size) except NULL:
        """Text as bytes that live as long as the plan."""
        data = value.encode() if isinstance(value, str) else value
        self.keep.append(data)
        size[0] = len(data)
        return <const char *>data

    cdef fc_sizes *_shapes(self, value) except NULL:
        cdef fc_sizes *shapes = <fc_sizes *>self._block(sizeof(fc_sizes) * len(value))
        cdef int64_t *sizes
        cdef int j, d
        for j, shape in enumerate(value):
            if shape is None:
                shapes[j].ndim = -1
                continue
            shapes[j].ndim = len(shape)
            sizes = <int64_t *>self._block(sizeof(int64_t) * len(shape))
            for d, size in enumerate(shape):
                sizes[d] = size
            shapes[j].sizes = sizes
        return shapes

    cdef fc_tensor *_tensors(self, value) except NULL:
        cdef fc_tensor *tensors = <fc_tensor *>self._block(sizeof(fc_tensor) * len(value))
        cdef attr_tensors_t *owned = <attr_tensors_t *>self._block(sizeof(attr_tensors_t))
        owned.following = self.attr_tensors
        owned.first = tensors
        self.attr_tensors = owned
        for array in value:
            tensor_from_array(array, &tensors[owned.count], True)
            owned.count += 1
        return tensors

    def __dealloc__(self):
        cdef step_t *step
        cdef frame_t *frame
        cdef void **block
        cdef int32_t i
        if self.c.pool != NULL and self.c.pool.fork_count != fc_fork_count:
            return  # as for a Resource
        while self.idle != NULL:
            step = self.idle
            self.idle = step.free_next
            free_step(step)
        while self.c.idle != NULL:
            frame = self.c.idle
            self.c.idle = frame.next
            free_frame(frame)
        if self.c.constants != NULL:
            for i in range(self.c.n_constants):
                fc_release(self.c.constants[i].buffer)
        while self.attr_tensors != NULL:  # in blocks, which go below
            for i in range(self.attr_tensors.count):
                fc_release(self.attr_tensors.first[i].buffer)
            self.attr_tensors = self.attr_tensors.following
        while self.blocks != NULL:
            block = self.blocks
            self.blocks = <void **>block[0]
            free(block)
        fc_bump(&live_plans, -1)

    cdef step_t *_acquire(self) except NULL:
        cdef step_t *step = self.idle
        if self.c.pool.fork_count != fc_fork_count:
            raise RuntimeError(
                "this plan was made before the process was forked, and its threads have not survived that;"
                " make a new Session in this process, where the graph may be used as before")
        if step == NULL:
            step = new_step(&self.c)
            if step == NULL:
                raise MemoryError("no memory for a step")
        else:
            self.idle = step.free_next
        self.active.append(<size_t>step)
        fc_bump(&running_steps, 1)
        return step

    cdef void _give_back(self, step_t *step):
        self.active.remove(<size_t>step)
        # A cancelling thread that saw the step in `active` has become a visitor with the GIL held.
        if fc_load32(&step.listed) or fc_load32(&step.visitors):
            with nogil:
                unlist_step(step)
        step.free_next = self.idle
        self.idle = step
        fc_bump(&running_steps, -1)

    cdef bint _leave(self, step_t *step) noexcept:
        """Leaves a failed step to a thread that waits for its end. False: the system gives no thread."""
        cdef pthread_t thread
        self.active.remove(<size_t>step)
        Py_INCREF(self)
        step.owner = <PyObject *>self
        if pthread_create(&thread, NULL, end_left_step, step) == 0:
            pthread_detach(thread)
            return True
        self.active.append(<size_t>step)
        step.owner = NULL
        Py_DECREF(self)
        return False

    cdef object _failure(self, step_t *step):
        """The exception of a failed step."""
        signal = cause = None
        pthread_mutex_lock(&step.lock)
        if step.signal != NULL:
            signal = <object>step.signal
            Py_XDECREF(step.signal)
            step.signal = NULL
        if step.error != NULL:
            cause = <object>step.error
            Py_XDECREF(step.error)
            step.error = NULL
        pthread_mutex_unlock(&step.lock)
        if signal is not None:
            return signal
        if step.error_node < 0 and cause is not None:  # the wait hook
            return cause
        message = step.message.decode("utf-8", "replace")
        if step.error_plan == NULL:
            return StepError(step.code, step.error_node, message, cause)
        path = path_as_tuple(&step.error_path[0], min(step.error_depth, MAX_PATH))
        plan = <Plan>step.error_plan.owner
        return StepError(step.code, step.error_node, message, cause, plan, path, step.error_depth)

    def run(self, values, int64_t timeout_ms=0, list trace=None, on_wait=None):
        """Runs the plan once. Returns the fetched arrays; raises StepError."""
        cdef step_t *step
        cdef int32_t i, slot, n_feeds = len(self.feeds)
        cdef int64_t deadline = fc_now_ns() + timeout_ms * 1000000 if timeout_ms > 0 else 0
        cdef void *hook = <void *>on_wait if on_wait is not None else NULL
        cdef bint main_thread, ended, left = False
        cdef PyThreadState *state
        cdef PyThreadState **outer
        cdef list result
        cdef fc_tensor *t
        if self.is_body:
            raise ValueError("a body is run by the nodes that call it")
        if len(values) != n_feeds:
            raise ValueError(f"the plan takes {n_feeds} values, found {len(values)}")
        step = self._acquire()
        try:
            if trace is not None:
                step.trace = new_trace()
            start_step(step, trace is not None)
            i = 0
            try:
                while i < n_feeds:
                    tensor_from_array(values[i], &step.frame.slots[self.feed_slots[i]], False)
                    i += 1
            except BaseException:
                while i > 0:
                    i -= 1
                    release_slot(&step.frame.slots[self.feed_slots[i]])
                raise
            main_thread = in_main_thread()
            outer = fc_keep(&state)
            if not self.c.short or trace is not None:
                fc_let_go()
            elif fc_load32(&fc_returning):
                take_turns()
            ended = execute(step, deadline, main_thread, hook)
            fc_come_back(state, outer)
            if step.measure:
                self.c.short = is_short(&self.c)
            failure = None
            if not ended:
                failure = self._failure(step)
                left = self._leave(step)
                if left:
                    raise failure
                with nogil:
                    go_on(step, NO_NODE, 0, False, NULL)
            if trace is not None and step.trace != NULL:
                trace += events_of(step.trace)
            # A cancel that came when all was done changes nothing, so that what a queue gave out is
            # not lost; a signal is never swallowed.
            whole = not fc_load32(&step.dropped) and step.error == NULL and step.signal == NULL
            if fc_load32(&step.failed) and (failure is not None or not whole):
                failure = failure or self._failure(step)
                with nogil:
                    clean_step(step)
                raise failure
            # Fed and fetched values are all that is left; those fetched are handed over where
            # nobody else holds them.
            for i in range(n_feeds):
                slot = self.feed_slots[i]
                if self.c.uses[slot] == 1 or fc_add32(&step.frame.uses[slot], -1) == 1:
                    release_slot(&step.frame.slots[slot])
            result = []
            try:
                for i in range(len(self.fetches)):
                    t = &step.frame.slots[self.fetch_slots[i]]
                    # a constant stays the plan's: the second reference makes this a copy
                    if self.c.uses[self.fetch_slots[i]] == 0:
                        fc_retain(t.buffer)
                    try:
                        result.append(array_from_tensor(t, True))
                    finally:
                        if self.c.uses[self.fetch_slots[i]] == 0:
                            fc_release(t.buffer)
            finally:
                for i in range(len(self.fetches)):
                    if self.c.uses[self.fetch_slots[i]] != 0:
                        release_slot(&step.frame.slots[self.fetch_slots[i]])
            return result
        finally:
            if not left:
                free_trace(step)
                self._give_back(step)

    def run_until(self, StopFlag stop, on_wait=None):
        """Runs the plan, which must have no feeds, again and again without the GIL until `stop` is
        set.

        `on_wait`: as for `run`. Returns the number of finished steps.
        """
        cdef step_t *step
        cdef int64_t done = 0
        cdef int32_t i, n_fetches = len(self.fetches)
        cdef void *hook = <void *>on_wait if on_wait is not None else NULL
        if self.feeds:
            raise ValueError("a plan with feeds cannot be looped")
        step = self._acquire()
        stop.running.append(<size_t>step)
        try:
            start_step(step, False)
            with nogil:
                while not fc_load32(&stop.flag):
                    execute(step, 0, False, hook)
                    if fc_load32(&step.dropped):
                        break
                    for i in range(n_fetches):
                        if self.c.uses[self.fetch_slots[i]] != 0:
                            release_slot(&step.frame.slots[self.fetch_slots[i]])
                    done += 1
                    restart_step(step)
            if fc_load32(&step.dropped):
                failure = self._failure(step)
                with nogil:
                    clean_step(step)
                if not (fc_load32(&stop.flag) and step.code == FC_CANCELLED and step.error_node < 0):
                    raise failure
            return done
        finally:
            stop.running.remove(<size_t>step)
            self._give_back(step)

    def cancel(self, str message="cancelled"):
        """Fails the steps that run now with CANCELLED."""
        cancel_steps(self.active, message.encode())

    def waiting(self):
        """The nodes that are parked now, over all steps: plan and index of each."""
        result = []
        for address in self.active:
            result += parked_nodes(<step_t *><size_t>address)
        return result

    @property
    def costs(self):
        """Measured nanoseconds per node; 0 where not measured yet."""
        return [self.c.cost[i] for i in range(self.c.n_nodes)]


cdef trace_t *new_trace() except NULL:
    cdef trace_t *trace = <trace_t *>fc_calloc(1, sizeof(trace_t))
    if trace == NULL:
        raise MemoryError("no memory for the trace of a run")
    pthread_mutex_init(&trace.lock, NULL)
    return trace


cdef void free_trace(step_t *step) noexcept:
    cdef trace_t *trace = step.trace
    cdef int64_t i
    step.trace = NULL
    if trace == NULL:
        return
    for i in range(trace.count):
        free(trace.events[i].path)
    free(trace.events)
    pthread_mutex_destroy(&trace.lock)
    free(trace)


cdef list events_of(trace_t *trace):
    """(plan, node, start, end, thread, path) of each execution of a node."""
    cdef event_t *event
    cdef int64_t i
    cdef list result = []
    for i in range(trace.count):
        event = &trace.events[i]
        path = path_as_tuple(event.path, event.depth)
        result.append((<Plan>event.plan.owner, event.node, event.start, event.end, event.thread, path))
    return result


cdef tuple path_as_tuple(place_t *path, int32_t depth):
    return tuple([(<Plan>path[i].plan.owner, path[i].node, path[i].turn) for i in range(depth)])


cdef bint is_plain(node_t *node) noexcept:
    """Whether a node is a kernel of the host, or calls bodies of such; a body that is not made yet is not."""
    cdef int32_t i
    if node.kind == KERNEL_NODE:
        return node.device == cpu_device()
    if node.kind == RETURN_NODE:
        return True
    if node.kind == PYTHON_NODE or node.kind == WHILE_NODE:
        return False
    for i in range(node.target.call.n_bodies):
        if not node.target.call.bodies[i].plain:
            return False
    return True


cdef void *end_left_step(void *arg) noexcept nogil:
    """The thread that takes the place of a caller that has left."""
    cdef step_t *step = <step_t *>arg
    go_on(step, NO_NODE, 0, False, NULL)
    clean_step(step)
    give_back_left_step(step)
    return NULL


cdef void give_back_left_step(step_t *step) noexcept with gil:
    cdef Plan plan = <Plan>step.owner
    Py_XDECREF(step.owner)
    step.owner = NULL
    Py_XDECREF(step.error)
    Py_XDECREF(step.signal)
    step.error = step.signal = NULL
    free_trace(step)
    step.free_next = plan.idle
    plan.idle = step
    fc_bump(&running_steps, -1)


cdef void restart_step(step_t *step) noexcept nogil:
    """The next round of a loop.

    A failure that was recorded between two rounds is kept: it drops the nodes of this one.
    """
    reset_counts(step.frame)
    step.pending = step.plan.n_sources
    step.measure = step.frame.measure = False


cdef step_t *new_step(plan_t *plan) noexcept:
    """A step of the plan, or NULL without memory."""
    cdef step_t *step = <step_t *>fc_calloc(1, sizeof(step_t))
    if step == NULL:
        return NULL
    step.plan = plan
    fc_list_init(&step.tokens)
    pthread_mutex_init(&step.lock, NULL)
    fc_event_init(&step.event)
    fc_bump(&live_steps, 1)
    if not has_arrays(step):
        free_step(step)
        return NULL
    return step


cdef bint has_arrays(step_t *step) noexcept:
    """Allocates a new step's arrays. False without memory."""
    cdef int32_t i, n_threads = step.plan.pool.n_threads
    cdef size_t deques = n_threads * sizeof(fc_deque)
    step.frame = make_frame(step.plan)
    step.deques = <fc_deque *>fc_aligned(deques, 64)
    if step.deques == NULL:
        return False
    memset(step.deques, 0, deques)
    if step.frame == NULL:
        return False
    step.frame.step = step
    for i in range(n_threads):
        if fc_deque_init(&step.deques[i], 64) != 0:
            return False
    return True


cdef void free_step(step_t *step) noexcept:
    """Also of a step that lacks some of its arrays."""
    cdef int i
    if step.deques != NULL:
        for i in range(step.plan.pool.n_threads):
            fc_deque_destroy(&step.deques[i])
    free(step.deques)
    if step.frame != NULL:
        free_frame(step.frame)
    pthread_mutex_destroy(&step.lock)
    fc_event_destroy(&step.event)
    free(step)
    fc_bump(&live_steps, -1)


cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef unsigned long main_thread_ident


def _remember_main_thread():
    global main_thread_ident
    main_thread_ident = threading.main_thread().ident


_remember_main_thread()
if hasattr(os, "register_at_fork"):
    # the thread that forks is the child's main thread
    os.register_at_fork(after_in_child=_remember_main_thread)


cdef bint in_main_thread() noexcept:
    return PyThread_get_thread_ident() == main_thread_ident


def live_counts():
    """What is alive now: buffers, bytes and strings; plans, their steps and frames (idle ones are kept for
    reuse), steps that run, parked tokens.
    """
    return {
        **buf_live_counts(),
        "plans": live_plans,
        "steps": live_steps,
        "frames": live_frames,
        "running_steps": running_steps,
        "tokens": live_tokens,
    }


from flowcore._buffer import live_counts as buf_live_counts
