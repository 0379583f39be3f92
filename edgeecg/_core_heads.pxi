# Heads: included by _core.pyx, whose names it uses.

cdef void *buffer_of(object array, Py_ssize_t size, bint writable) except NULL:
    """Where an array's bytes lie, which are so many in a row."""
    cdef Py_buffer view
    cdef Py_ssize_t there
    PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0))
    there = view.len
    PyBuffer_Release(&view)
    if there != size:
        raise ValueError("an array of another size")
    return view.buf if size else <void *>&LEAST_MV


cdef class Classifier:
    """A head and the state of its verdicts. ValueError names what is wrong with the bytes of its file."""
    cdef ee_classifier head
    cdef ee_verdicts state
    cdef void *memory
    cdef float steps                                   # of the embedding, in a unit of float32

    def __cinit__(self, const unsigned char[::1] data not None, int exponent):
        cdef size_t size = <size_t>data.shape[0]
        self.memory = PyMem_Malloc(size + 64)
        if self.memory == NULL:
            raise MemoryError()
        if size:
            memcpy(aligned(self.memory), &data[0], size)
        cdef ee_status status = ee_classifier_view(&self.head, aligned(self.memory), size)
        if status != EE_OK:
            raise ValueError(ee_status_text(status).decode())
        self.steps = <float>(<uint64_t>1 << exponent)
        ee_verdicts_reset(&self.state)

    def __dealloc__(self):
        PyMem_Free(self.memory)

    def reset(self):
        ee_verdicts_reset(&self.state)

    def run(self, embedding, quality, probability, verdict, bint fresh):
        """The next windows, of a new recording where `fresh`: float32 (n, dim) and uint8 (n,) -> probability, float32
        (n, classes), and verdict, int8 (n,) or (n, classes) as `HeadResult` has it. Threads may share it for fresh ones."""
        cdef Py_ssize_t dim = self.head.dim, classes = self.head.classes, n = len(quality)
        cdef const float *x = <const float *>buffer_of(embedding, 4 * n * dim, False)
        cdef const uint8_t *q = <const uint8_t *>buffer_of(quality, n, False)
        cdef float *p = <float *>buffer_of(probability, 4 * n * classes, True)
        cdef int8_t *v = <int8_t *>buffer_of(verdict, n * classes if self.head.independent else n, True)
        cdef ee_verdicts new
        ee_verdicts_reset(&new)
        with nogil:
            self.run_all(&new if fresh else &self.state, n, x, q, p, v)

    cdef void run_all(self, ee_verdicts *state, Py_ssize_t n, const float *x, const uint8_t *q, float *p,
                      int8_t *v) noexcept nogil:
        cdef int16_t e16[1024]
        cdef unsigned short found[EE_MOST_CLASSES]
        cdef uint32_t bits
        cdef Py_ssize_t i, c, dim = self.head.dim, classes = self.head.classes
        for i in range(n):
            for c in range(dim):
                e16[c] = <int16_t>(x[i * dim + c] * self.steps)
            ee_classify(&self.head, e16, NULL, found)
            for c in range(classes):
                p[i * classes + c] = <float>found[c] * (<float>1 / 32768)
            bits = ee_verdict(&self.head, state, found, q[i])
            if self.head.independent:
                for c in range(classes):
                    v[i * classes + c] = -2 if bits & EE_UNREADABLE else bits >> c & 1
            else:
                v[i] = -2 if bits & EE_UNREADABLE else -1
                for c in range(classes):
                    if bits >> c & 1:
                        v[i] = <int8_t>c
