/* Scans samples before a host accepts them: whether all are finite, and their range. */
#include "../core/kernels.h"

#ifndef EE_NO_HOST
/* A NaN, an infinity or EE_MISSING is bad. The first one ends the search for bad samples, not that for extremes. */
#define EE_SCAN(type, is_bad)                                                                                  \
    for (size_t i = 0; i < n; i++) {                                                                           \
        type v = *(const type *)(const void *)((const uint8_t *)source->data + (ptrdiff_t)i * source->stride); \
        if (is_bad) {                                                                                          \
            bad = bad == n ? i : bad;                                                                          \
            continue;                                                                                          \
        }                                                                                                      \
        lo = !any || (double)v < lo ? (double)v : lo;                                                          \
        hi = !any || (double)v > hi ? (double)v : hi;                                                          \
        any = 1;                                                                                               \
    }

/* The extremes of samples in a row. Returns 1 where one is not finite or missing, or they are not in a row. */
#define EE_SCAN_ROW(type, name)                                                          \
    if (source->stride == sizeof(type)) {                                                \
        type lo, hi;                                                                     \
        kernels->name((const type *)source->data, n, &lo, &hi);                          \
        *lowest = (double)lo;                                                            \
        *highest = (double)hi;                                                           \
        return !(*lowest - *lowest == 0 && *highest - *highest == 0 && *lowest > least); \
    }                                                                                    \
    return 1;

static int scan_row(const ee_source *source, size_t n, double *lowest, double *highest)
{
    const ee_kernels *kernels = ee_kernels_default();
    double least = -__builtin_inf(); /* what is missing is below the others */
    switch (source->type) {
    case EE_I16: EE_SCAN_ROW(int16_t, extremes_i16)
    case EE_I32: least = EE_MISSING; EE_SCAN_ROW(int32_t, extremes_i32)
    case EE_F32: EE_SCAN_ROW(float, extremes_f32)
    default: EE_SCAN_ROW(double, extremes_f64)
    }
}

size_t ee_scan(const ee_source *source, size_t n, double *lowest, double *highest)
{
    size_t bad = n;
    double lo = 0, hi = 0;
    int any = 0;
    if (n && !scan_row(source, n, lowest, highest)) return n;
    switch (source->type) {
    case EE_I16: EE_SCAN(int16_t, 0) break;
    case EE_I32: EE_SCAN(int32_t, v == EE_MISSING) break;
    case EE_F32: EE_SCAN(float, !(v - v == 0)) break;
    default: EE_SCAN(double, !(v - v == 0)) break;
    }
    *lowest = lo;
    *highest = hi;
    return bad;
}
#endif
