# cython: language_level=3, boundscheck=False, wraparound=False
"""Binding to the C core. No arithmetic of its own: buffers in, buffers out, the GIL released while the core runs."""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

import sys

from numpy import dtype, empty

from ._signal import PLAUSIBLE_MV

cdef object INT8 = dtype("i1"), FLOAT32 = dtype("f4")
cdef double LEAST_MV = PLAUSIBLE_MV[0], MOST_MV = PLAUSIBLE_MV[1]

cdef extern from "edgeecg.h":
    ctypedef enum ee_status:
        EE_OK
    ctypedef struct ee_model:
        uint32_t window
        unsigned short n_layers, total_stride, frames, dim, channels, exponent
    ctypedef struct ee_config:
        uint32_t fs_mhz, hop, block, mult
        int32_t shift
        uint32_t flags
    ctypedef struct ee_buffer:
        uint32_t offset
        unsigned short cap, channels
        uint8_t zp, pads, tail, passing
    ctypedef struct ee_plan:
        uint32_t array_bytes, frame_bytes, scratch, delay
    ctypedef struct ee_stream
    ctypedef struct ee_result:
        uint64_t start
        const int16_t *embedding
        const int8_t *embedding8
        uint32_t quality
    ctypedef enum ee_type:
        EE_I16, EE_I32, EE_F32, EE_F64
    ctypedef struct ee_source:
        const void *data
        Py_ssize_t stride
        ee_type type
        double scale
    ctypedef struct ee_windows:
        size_t room
        int16_t *embedding
        float *embedding_f32
        int8_t *embedding8
        uint8_t *quality
    enum: EE_CACHE_TAPS
    ee_status ee_model_view(ee_model *, const void *, size_t) nogil
    const char *ee_status_text(ee_status) nogil
    int ee_choose_kernels(ee_model *, const char *) nogil
    const char *ee_kernels_name(const ee_model *) nogil
    size_t ee_pack_size(const ee_model *) nogil
    void ee_pack(ee_model *, void *) nogil
    size_t ee_state_size(const ee_model *, const ee_config *) nogil
    int ee_plan_device(const ee_model *, const ee_config *, ee_plan *, ee_buffer *) nogil
    ee_stream *ee_init(const ee_model *, const ee_config *, void *, size_t) nogil
    void ee_reset(ee_stream *) nogil
    int ee_push_source(ee_stream *, const ee_source *, size_t, size_t, size_t *) nogil
    int ee_flush(ee_stream *) nogil
    size_t ee_run(ee_stream *, const ee_source *, size_t, const ee_windows *) nogil
    ee_result ee_get_result(const ee_stream *) nogil
    uint32_t ee_delay(const ee_model *, const ee_config *) nogil
    size_t ee_scan(const ee_source *, size_t, double *, double *) nogil
    size_t ee_front_end(ee_stream *, const ee_source *, size_t, uint8_t *, size_t) nogil


cdef void *aligned(void *memory) noexcept:
    """The first multiple of 64 in memory that was asked for with 64 bytes to spare."""
    return <void *>((<uintptr_t>memory + 63) & ~<uintptr_t>63)


cdef struct Samples:
    Py_buffer view
    ee_source source
    size_t n


cdef int acquire(object array, double scale, Samples *samples) except -1:
    """A 1-D native int16, int32, float32 or float64 buffer, read in place at any stride."""
    PyObject_GetBuffer(array, &samples.view, PyBUF_FORMAT | PyBUF_STRIDES)
    if samples.view.ndim != 1:
        PyBuffer_Release(&samples.view)
        raise ValueError("samples must have one dimension")
    if not describe(scale, samples):
        PyBuffer_Release(&samples.view)
        raise ValueError("samples must be int16, int32, float32 or float64")
    samples.n = <size_t>samples.view.shape[0]
    return 0


cdef char NATIVE = b'<' if sys.byteorder == "little" else b'>'


cdef bint describe(double scale, Samples *samples) noexcept:
    """The source of a buffer along its last dimension; false for a type that is not read in place."""
    cdef const char *format = samples.view.format
    cdef char kind = format[0] if format != NULL else b'B'
    cdef Py_ssize_t size = samples.view.itemsize
    if kind == NATIVE or kind == b'=' or kind == b'@':  # views of ctypes say the order of their bytes
        kind = format[1]
    if kind == b'd':
        samples.source.type = EE_F64
    elif kind == b'f':
        samples.source.type = EE_F32
    elif kind == b'h':
        samples.source.type = EE_I16
    elif (kind == b'i' or kind == b'l') and size == 4:
        samples.source.type = EE_I32
    else:
        return False
    samples.source.data = samples.view.buf
    samples.source.stride = samples.view.strides[samples.view.ndim - 1]
    samples.source.scale = scale
    return True


cdef class Model:
    """A checked model file in aligned memory of its own. ValueError names what is wrong with the bytes.

    kernels: None for the best of this processor, or a name; LookupError when it is unknown or cannot run here.
    """
    cdef ee_model model
    cdef void *memory
    cdef void *packed

    def __cinit__(self, const unsigned char[::1] data not None, kernels=None):
        cdef size_t size = <size_t>data.shape[0]
        cdef bytes name
        self.memory = PyMem_Malloc(size + 64)
        if self.memory == NULL:
            raise MemoryError()
        if size:
            memcpy(aligned(self.memory), &data[0], size)
        cdef ee_status status = ee_model_view(&self.model, aligned(self.memory), size)
        if status != EE_OK:
            raise ValueError(ee_status_text(status).decode())
        if kernels is not None:
            name = kernels.encode()
            if not ee_choose_kernels(&self.model, name):
                raise LookupError(kernels)
        size = ee_pack_size(&self.model)
        if size:
            self.packed = PyMem_Malloc(size + 64)
            if self.packed == NULL:
                raise MemoryError()
            ee_pack(&self.model, aligned(self.packed))

    def __dealloc__(self):
        PyMem_Free(self.memory)
        PyMem_Free(self.packed)

    @property
    def kernels(self):
        return ee_kernels_name(&self.model).decode()

    @property
    def window(self):
        return self.model.window

    @property
    def dim(self):
        return self.model.dim

    @property
    def exponent(self):
        return self.model.exponent


cdef class Stream:
    """One stream through a model: the caller sees to it that one thread uses it at a time."""
    cdef readonly Model model
    cdef ee_config config
    cdef ee_stream *stream
    cdef void *memory
    cdef readonly size_t state_bytes
    cdef readonly double lowest, highest               # of the samples that `embed` saw last
    cdef double scale

    def __cinit__(self, Model model not None, uint32_t fs_mhz, uint32_t hop, uint32_t block, uint32_t mult, int32_t shift,
                  double scale, bint cache_taps):
        self.model = model
        self.config = ee_config(fs_mhz, hop, block, mult, shift, EE_CACHE_TAPS if cache_taps else 0)
        self.scale = scale
        self.state_bytes = ee_state_size(&model.model, &self.config)
        if not self.state_bytes:
            raise ValueError("this sampling rate or hop does not suit the model")
        self.memory = PyMem_Malloc(self.state_bytes + 64)
        if self.memory == NULL:
            raise MemoryError()
        self.stream = ee_init(&model.model, &self.config, aligned(self.memory), self.state_bytes)

    def __dealloc__(self):
        PyMem_Free(self.memory)

    @property
    def delay(self):
        """Samples at 128 Hz between a window's end and its result."""
        return ee_delay(&self.model.model, &self.config)

    def reset(self):
        ee_reset(self.stream)

    cdef tuple result(self):
        cdef ee_result r = ee_get_result(self.stream)
        cdef Py_ssize_t dim = self.model.model.dim
        return r.start, (<const char *>r.embedding)[:2 * dim], (<const char *>r.embedding8)[:dim], r.quality

    def push(self, samples):
        """All results that these samples complete: a list of (start, int16 bytes, int8 bytes, quality)."""
        cdef Samples s
        cdef size_t first = 0, used = 0
        cdef int found = 1
        cdef list results = []
        acquire(samples, self.scale, &s)
        try:
            while found:
                with nogil:
                    found = ee_push_source(self.stream, &s.source, first, s.n - first, &used)
                first += used
                if found:
                    results.append(self.result())
        finally:
            PyBuffer_Release(&s.view)
        return results

    def flush(self):
        cdef list results = []
        cdef int found = 1
        while found:
            with nogil:
                found = ee_flush(self.stream)
            if found:
                results.append(self.result())
        return results

    def run(self, samples, short[:, ::1] e16 not None, signed char[:, ::1] e8 not None, unsigned char[::1] quality not None):
        """A whole recording into arrays with room for its windows; returns how many were written."""
        cdef Samples s
        cdef size_t n, dim = self.model.model.dim
        cdef ee_windows out
        if e8.shape[0] != e16.shape[0] or quality.shape[0] != e16.shape[0] or e16.shape[1] != dim or e8.shape[1] != dim:
            raise ValueError("the result arrays do not fit the model")
        out = ee_windows(<size_t>e16.shape[0], NULL, NULL, NULL, NULL)
        if out.room:
            out = ee_windows(out.room, <int16_t *>&e16[0, 0], NULL, <int8_t *>&e8[0, 0], &quality[0])
        acquire(samples, self.scale, &s)
        with nogil:
            n = ee_run(self.stream, &s.source, s.n, &out)
        PyBuffer_Release(&s.view)
        return n

    def embed(self, samples, bint masked, bint as_int8, int ndim=0):
        """(windows, dim) of a recording, or (rows, dim) of the first window of each row: float32, or int8. ndim: 0 for either.

        None for whatever has to be looked at more closely: other types, NaN that is not masked, an unlikely span, no window.
        """
        cdef Samples s
        cdef Py_buffer to
        cdef ee_windows out
        cdef Py_ssize_t rows, row
        cdef size_t length                                 # at 128 Hz
        cdef double span
        cdef bint usual
        try:
            PyObject_GetBuffer(samples, &s.view, PyBUF_FORMAT | PyBUF_STRIDES)
        except ValueError:                                 # dates have none
            return None
        try:
            if not 1 <= s.view.ndim <= 2 or (ndim and s.view.ndim != ndim) or not describe(self.scale, &s):
                return None
            if (<uintptr_t>s.view.buf | <size_t>s.view.strides[0] | <size_t>s.source.stride) & (<size_t>s.view.itemsize - 1):
                return None                                # not aligned
            if (s.source.type == EE_I16 or s.source.type == EE_I32) and not self.config.mult:
                return None
            s.n = <size_t>s.view.shape[s.view.ndim - 1]
            length = (s.n * 128000 + self.config.fs_mhz - 1) // self.config.fs_mhz
            if length < self.model.model.window:
                return None
            rows = s.view.shape[0] if s.view.ndim == 2 else <Py_ssize_t>((length - self.model.model.window) // self.config.hop) + 1
            result = empty((rows, self.model.model.dim), INT8 if as_int8 else FLOAT32)
            PyObject_GetBuffer(result, &to, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS)
            usual = True
            with nogil:
                for row in range(rows if s.view.ndim == 2 else 1):
                    s.source.data = <const char *>s.view.buf + (row * s.view.strides[0] if s.view.ndim == 2 else 0)
                    if ee_scan(&s.source, s.n, &self.lowest, &self.highest) < s.n and not masked:
                        usual = False
                        break
                    span = (self.highest - self.lowest) * self.scale / 8000.0
                    if span > 0 and not LEAST_MV <= span <= MOST_MV:
                        usual = False
                        break
                    out = ee_windows(1 if s.view.ndim == 2 else <size_t>rows, NULL, NULL, NULL, NULL)
                    if as_int8:
                        out.embedding8 = <int8_t *>to.buf + row * self.model.model.dim
                    else:
                        out.embedding_f32 = <float *>to.buf + row * self.model.model.dim
                    ee_run(self.stream, &s.source, s.n, &out)
            PyBuffer_Release(&to)
            return result if usual else None
        finally:
            PyBuffer_Release(&s.view)

    def front_end(self, samples, unsigned char[:, ::1] y not None):
        """The front end alone on a whole recording; returns the frames written."""
        cdef Samples s
        cdef size_t n
        acquire(samples, self.scale, &s)
        with nogil:
            ee_reset(self.stream)
            n = ee_front_end(self.stream, &s.source, s.n, &y[0, 0], <size_t>y.shape[0])
        PyBuffer_Release(&s.view)
        return n


def device_plan(Model model not None, uint32_t fs_mhz, uint32_t hop, uint32_t block=0):
    """What a device needs: (bytes behind a stream's structure, bytes of the frames, place of the scratch among them, look-ahead in samples,
    and for each tensor (offset, frames, channels, zero point, padding in front, behind, 1 where it lives from one layer to the next)).
    None when it takes no such configuration."""
    cdef ee_config config
    cdef ee_plan plan
    cdef ee_buffer buffers[65]
    config.fs_mhz, config.hop, config.block, config.mult, config.shift, config.flags = fs_mhz, hop, block, 0, 0, 0
    if not ee_plan_device(&model.model, &config, &plan, buffers):
        return None
    tensors = [(b.offset, b.cap, b.channels, b.zp, b.pads, b.tail, b.passing) for b in buffers[:model.model.n_layers + 1]]
    return plan.array_bytes, plan.frame_bytes, plan.scratch, plan.delay, tensors


def scan(samples):
    """(first index that is not finite or -1, lowest, highest) of a sample buffer."""
    cdef Samples s
    cdef size_t bad
    cdef double lowest = 0, highest = 0
    acquire(samples, 1.0, &s)
    with nogil:
        bad = ee_scan(&s.source, s.n, &lowest, &highest)
    PyBuffer_Release(&s.view)
    return (-1 if bad == s.n else bad), lowest, highest
