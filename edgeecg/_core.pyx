# cython: language_level=3, boundscheck=False, wraparound=False
"""Binding to the C core. No arithmetic of its own: buffers in, buffers out, the GIL released while the core runs."""

cdef extern from *:
    """
    #if defined(__GNUC__) && !defined(__clang__)
    #pragma GCC optimize("Os") /* calls, no arithmetic: as quick, and a seventh of the module smaller */
    #endif
    """

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

import sys

from numpy import dtype, empty, ndarray

from . import constants

# C variables, for a call is so short that looking up names would show.
cdef object ARRAY = ndarray, EMPTY = empty, FLOATS = dtype("f4"), INTEGERS = dtype("i1"), FLAGS = dtype("u1")
cdef double LEAST_MV = constants.PLAUSIBLE_MV[0], MOST_MV = constants.PLAUSIBLE_MV[1]
cdef double CANONICAL_PER_MV = constants.CANONICAL_PER_MV
cdef uint64_t RATE_MHZ = constants.RATE_MHZ

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
        unsigned short capacity, channels
        uint8_t zero_point, pad_front, pad_behind, transient
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
    ctypedef struct ee_classifier:
        unsigned short classes, dim
        uint8_t independent
    ctypedef struct ee_verdicts:
        pass
    enum: EE_CACHE_TAPS
    enum: EE_MOST_CLASSES
    enum: EE_UNREADABLE
    ee_status ee_classifier_view(ee_classifier *, const void *, size_t) nogil
    void ee_classify(const ee_classifier *, const int16_t *, int32_t *, unsigned short *) nogil
    void ee_verdicts_reset(ee_verdicts *) nogil
    uint32_t ee_verdict(const ee_classifier *, ee_verdicts *, const unsigned short *, uint32_t) nogil
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


cdef enum:                                            # what `Stream.embed` gives; edgeecg/_engines.py names the same
    FLOAT32_FORM, INT8_FORM, ALL_FORMS


cdef enum:
    NO_FAULT, MISSING_SAMPLE, IMPLAUSIBLE_AMPLITUDE


cdef void *memory_of(object array) except NULL:
    """Where the numbers of a new array lie."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS)
    PyBuffer_Release(&view)
    return view.buf


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
    cdef readonly double lowest, highest               # of the samples that `embed` scanned last
    cdef double scale
    cdef tuple one_window                              # the shape of the most frequent result

    def __cinit__(self, Model model not None, uint32_t fs_mhz, uint32_t hop, uint32_t block, uint32_t mult, int32_t shift,
                  double scale, bint cache_taps):
        self.model = model
        self.config = ee_config(fs_mhz, hop, block, mult, shift, EE_CACHE_TAPS if cache_taps else 0)
        self.scale, self.one_window = scale, (1, model.dim)
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

    def embed(self, samples, int form, bint masked, int ndim=1, bint checked=False):
        """(windows, dim) of a recording, or with ndim=2 (rows, dim) of the first window of each row; or one word for why not.

        form: 0 float32, 1 int8, 2 (float32, int8, quality flags). The words: "type" (not an array that can be
        read in place), "unit" (integers of unknown gain), "length" (no window), "missing" (a sample is missing and `masked` is false),
        "amplitude" (not that of an ECG). With `checked`, the samples are not tested for the last two.
        """
        cdef Samples s
        if type(samples) is not ARRAY:                     # of a masked array the buffer tells half
            return "type"
        try:
            PyObject_GetBuffer(samples, &s.view, PyBUF_FORMAT | PyBUF_STRIDES)
        except ValueError:                                 # dates have none
            return "type"
        try:
            return self.answer(&s, form, masked, ndim, checked)
        finally:
            PyBuffer_Release(&s.view)

    cdef object answer(self, Samples *s, int form, bint masked, int ndim, bint checked):
        cdef ee_windows out
        cdef Py_ssize_t rows = 1, dim = self.model.model.dim
        cdef size_t length                                 # at 128 Hz
        cdef int fault
        if s.view.ndim != ndim or not describe(self.scale, s):
            return "type"
        if (<uintptr_t>s.view.buf | <size_t>s.view.strides[0] | <size_t>s.source.stride) & (<size_t>s.view.itemsize - 1):
            return "type"                                  # not aligned
        if (s.source.type == EE_I16 or s.source.type == EE_I32) and not self.config.mult:
            return "unit"
        s.n = <size_t>s.view.shape[ndim - 1]
        length = (s.n * RATE_MHZ + self.config.fs_mhz - 1) // self.config.fs_mhz
        if length < self.model.model.window:
            return "length"
        out = ee_windows(1, NULL, NULL, NULL, NULL)
        if ndim == 2:
            rows = s.view.shape[0]
        else:
            rows = <Py_ssize_t>((length - self.model.model.window) // self.config.hop) + 1
            out.room = <size_t>rows
        shape = self.one_window if rows == 1 else (rows, dim)
        floats = integers = flags = None
        if form != INT8_FORM:
            floats = EMPTY(shape, FLOATS)
            out.embedding_f32 = <float *>memory_of(floats)
        if form != FLOAT32_FORM:
            integers = EMPTY(shape, INTEGERS)
            out.embedding8 = <int8_t *>memory_of(integers)
        if form == ALL_FORMS:
            flags = EMPTY(rows, FLAGS)
            out.quality = <uint8_t *>memory_of(flags)
        with nogil:
            fault = self.run(s, out, rows if ndim == 2 else 1, masked, checked)
        if fault != NO_FAULT:
            return "missing" if fault == MISSING_SAMPLE else "amplitude"
        return floats if form == FLOAT32_FORM else integers if form == INT8_FORM else (floats, integers, flags)

    cdef int run(self, Samples *s, ee_windows out, Py_ssize_t rows, bint masked, bint checked) noexcept nogil:
        """Row after row into `out`, up to one with a fault, which is returned."""
        cdef Py_ssize_t row, dim = self.model.model.dim
        cdef double span
        for row in range(rows):
            s.source.data = <const char *>s.view.buf + row * s.view.strides[0]
            if not checked:
                if ee_scan(&s.source, s.n, &self.lowest, &self.highest) < s.n and not masked:
                    return MISSING_SAMPLE
                span = (self.highest - self.lowest) * self.scale / CANONICAL_PER_MV
                if span > 0 and not LEAST_MV <= span <= MOST_MV:
                    return IMPLAUSIBLE_AMPLITUDE
            ee_run(self.stream, &s.source, s.n, &out)
            if out.embedding_f32 != NULL:
                out.embedding_f32 += dim
            if out.embedding8 != NULL:
                out.embedding8 += dim
            if out.quality != NULL:
                out.quality += 1
        return NO_FAULT

    def front_end(self, samples, unsigned char[:, ::1] y not None):
        """The front end alone on a whole recording; returns the frames written."""
        cdef Samples s
        cdef size_t n
        acquire(samples, self.scale, &s)
        with nogil:
            n = ee_front_end(self.stream, &s.source, s.n, &y[0, 0], <size_t>y.shape[0])
        PyBuffer_Release(&s.view)
        return n


include "_core_heads.pxi"


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
    tensors = [(b.offset, b.capacity, b.channels, b.zero_point, b.pad_front, b.pad_behind, b.transient) for b in buffers[:model.model.n_layers + 1]]
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
