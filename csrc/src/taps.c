/* The resampler's taps: one tabulated kernel for every sampling rate, docs/numerics.md 2.1. */
#include "internal.h"

uint32_t ee_taps_half(const ee_front *front, uint32_t fs_mhz)
{ return EE_FRONT_KIND(front) ? front->table_half * ee_max(fs_mhz, front->min_rate) / EE_RATE_MHZ + 1 : 1; }

#ifndef EE_NO_HOST
static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}
#endif

/* The constants of a rate, and on hosts, where asked for, memory for the taps of every phase. */
void ee_taps_layout(ee_front_state *f, const ee_config *config, uint8_t **memory)
{
    f->fs = config->fs_mhz;
    f->fe = ee_max(f->fs, f->front->min_rate);
    f->half = ee_taps_half(f->front, f->fs);
    f->step = ee_quotient(EE_RATE_MHZ * EE_TABLE_STEP, 16, f->fe);
    f->scale = ee_quotient(EE_RATE_MHZ, 16, f->fe);
#ifndef EE_NO_HOST
    f->phase_step = gcd(f->fs, EE_RATE_MHZ);
    f->n_phases = EE_RATE_MHZ / f->phase_step;
    f->row = (2 * f->half + 7u) & ~7u;
    f->taps = NULL;
    if (f->front->kind && (config->flags & EE_CACHE_TAPS) && f->n_phases * f->half <= (1u << 16))
        f->taps = (double *)ee_allocate_8(memory, (size_t)f->n_phases * f->row * sizeof *f->taps);
#else
    (void)memory;
#endif
}

static uint32_t phase_offset(const ee_front_state *f, uint32_t phase) { return ee_quotient(phase, 21, f->fe); }

/* rnd(v * scale, 19), the kernel between its points; |v| <= 2^23 and scale <= 2^17, so that the word above 32 bits
 * holds it. */
static inline int32_t tap_at(const int16_t *table, uint32_t t, int32_t scale13)
{
    const int16_t *p = table + (t >> 16);
    int32_t v = p[0] * 256 + (p[1] - p[0]) * (int32_t)((t >> 8) & 255u);
    return (int32_t)ee_rnd((int64_t)v * scale13, 32);
}

/* Taps of a side from table position t on: those behind the end of the table are 0. */
static uint32_t inside(const ee_front_state *f, uint32_t t)
{
    uint32_t end = (uint32_t)f->front->table_half * EE_TABLE_STEP << 16;
    return t < end ? ee_min(f->half, (end - t + f->step - 1) / f->step) : 0;
}

#ifndef EE_NO_HOST
/* taps[0 .. 2 half - 1], the oldest sample first, then zeros up to the row's length */
static void fill_row(const ee_front_state *f, uint32_t phase, double *taps)
{
    uint32_t left = phase_offset(f, phase), right = f->step - left, half = f->half;
    const uint32_t n_left = inside(f, left), n_right = inside(f, right);
    int32_t sum = 0, tap;
    for (uint32_t i = 0; i < f->row; i++) taps[i] = 0;
    for (uint32_t i = 0; i < n_left; i++, left += f->step) {
        sum += tap = tap_at(f->front->table, left, (int32_t)(f->scale << 13));
        taps[half - 1 - i] = tap;
    }
    for (uint32_t i = 0; i < n_right; i++, right += f->step) {
        sum += tap = tap_at(f->front->table, right, (int32_t)(f->scale << 13));
        taps[half + i] = tap;
    }
    taps[phase < EE_RATE_MHZ / 2 ? half - 1 : half] += (1 << 20) - sum;
}

void ee_taps_fill(ee_front_state *f)
{
    if (f->taps)
        for (uint32_t i = 0; i < f->n_phases; i++) fill_row(f, i * f->phase_step, f->taps + (size_t)i * f->row);
}
#endif

/* One side: n taps on the samples from x on in steps of `direction`. */
static int64_t side(const ee_front_state *f, uint32_t t, const int32_t *x, int direction, int32_t *sum)
{
    const int16_t *table = f->front->table;
    const uint32_t step = f->step;
    const int32_t scale13 = (int32_t)(f->scale << 13);
    int64_t acc = 0;
    int32_t taps = 0;
    for (uint32_t n = inside(f, t); n; n--, t += step, x += direction) {
        int32_t tap = tap_at(table, t, scale13);
        acc += (int64_t)tap * *x;
        taps += tap;
    }
    *sum += taps;
    return acc;
}

int64_t ee_taps_run(const ee_front_state *f, const int32_t *x)
{
#ifndef EE_NO_HOST
    if (f->taps) return f->kernels->fir(f->taps + (size_t)f->row_index * f->row, x, f->row);
#endif
    const uint32_t t = phase_offset(f, f->phase);
    const int32_t *middle = x + f->half;
    int32_t sum = 0;
    int64_t acc = side(f, t, middle - 1, -1, &sum);
    acc += side(f, f->step - t, middle, 1, &sum);
    return acc + (int64_t)((1 << 20) - sum) * middle[f->phase < EE_RATE_MHZ / 2 ? -1 : 0];
}
