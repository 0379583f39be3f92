/* One tabulated low-pass kernel serves every sampling rate. A host may keep the taps of each phase; a device computes
 * them for each output. */
#include "resampler.h"

#include "arena.h"
#include "arithmetic.h"
#include "baseline.h"
#include "bytes.h"
#include "constants.h"

/* ---------------------------------------------------------------- layout */
uint32_t ee_resampler_half(const ee_front *front, uint32_t fs_mhz)
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

void ee_resampler_layout(ee_front_state *f, const ee_config *config, uint8_t **memory)
{
    ee_resampler *r = &f->resampler;
    r->fe = ee_max(config->fs_mhz, f->front->min_rate);
    r->half = ee_resampler_half(f->front, config->fs_mhz);
    r->step = ee_quotient(EE_RATE_MHZ * EE_TABLE_STEP, 16, r->fe);
    r->scale = ee_quotient(EE_RATE_MHZ, 16, r->fe);
    r->whole = config->fs_mhz / EE_RATE_MHZ;
    r->fraction = config->fs_mhz % EE_RATE_MHZ;
#ifndef EE_NO_HOST
    const uint32_t phase_step = gcd(config->fs_mhz, EE_RATE_MHZ);
    r->n_phases = EE_RATE_MHZ / phase_step;
    r->row = (2 * r->half + 7u) & ~7u;
    r->taps = NULL;
    if (f->front->kind && (config->flags & EE_CACHE_TAPS) && r->n_phases * r->half <= (1u << 16))
        r->taps = (double *)ee_allocate_8(memory, (size_t)r->n_phases * r->row * sizeof *r->taps);
    const uint32_t word_row = (2 * r->half + EE_WORD_ROW - 1) / EE_WORD_ROW * EE_WORD_ROW;
    r->tap_words = (ee_tap_words){ NULL, word_row, r->n_phases, r->fraction / phase_step, r->whole };
    if (r->taps) r->tap_words.words = (int16_t *)ee_allocate(memory, r->n_phases * 2 * word_row * sizeof(int16_t));
#else
    (void)memory;
#endif
}

void ee_resampler_reset(ee_resampler *r)
{
    r->count = r->pos = r->phase = 0;
#ifndef EE_NO_HOST
    r->row_index = 0;
#endif
    r->padding = 0;
    r->ended = 0;
}

/* ---------------------------------------------------------------- taps */
/* T of docs/numerics.md 2.1. */
static uint32_t phase_offset(const ee_resampler *r, uint32_t phase) { return ee_quotient(phase, 21, r->fe); }

/* rnd(v * g, 19), the kernel between its points. |v| <= 2^23 and g <= 2^17, so that the word above 32 bits holds it. */
static inline int32_t tap_at(const int16_t *table, uint32_t t, int32_t scale13)
{
    const int16_t *p = table + (t >> 16);
    int32_t v = p[0] * 256 + (p[1] - p[0]) * (int32_t)((t >> 8) & 255u);
    return (int32_t)ee_rnd((int64_t)v * scale13, 32);
}

/* The taps of a side from table position t on that are not 0: the others lie behind the end of the table. t is at most
 * one step, which is 64 points or less of a table that has 128 or more. */
static uint32_t taps_inside(const ee_front_state *f, uint32_t t)
{
    const ee_resampler *r = &f->resampler;
    uint32_t end = (uint32_t)f->front->table_half * EE_TABLE_STEP << 16;
    return ee_min(r->half, (end - t + r->step - 1) / r->step);
}

#ifndef EE_NO_HOST
/* taps[0 .. 2 half - 1], the oldest sample first, then zeros up to the row's length. */
static void fill_row(const ee_front_state *f, uint32_t phase, double *taps)
{
    const ee_resampler *r = &f->resampler;
    uint32_t left = phase_offset(r, phase), right = r->step - left, half = r->half;
    const uint32_t n_left = taps_inside(f, left), n_right = taps_inside(f, right);
    int32_t sum = 0, tap;
    for (uint32_t i = 0; i < r->row; i++) taps[i] = 0;
    for (uint32_t i = 0; i < n_left; i++, left += r->step) {
        sum += tap = tap_at(f->front->table, left, (int32_t)(r->scale << 13));
        taps[half - 1 - i] = tap;
    }
    for (uint32_t i = 0; i < n_right; i++, right += r->step) {
        sum += tap = tap_at(f->front->table, right, (int32_t)(r->scale << 13));
        taps[half + i] = tap;
    }
    taps[phase < EE_RATE_MHZ / 2 ? half - 1 : half] += (1 << 20) - sum;
}

/* The same row in words, 256 high + low; returns 0 where sums of them with words of samples do not fit 32 bits. */
static int fill_words(const ee_resampler *r, const double *taps, int16_t *words)
{
    const uint32_t row = r->tap_words.row;
    uint32_t sum_high = 0, sum_low = 0;
    for (uint32_t i = 0; i < row; i++) {
        const int32_t tap = i < 2 * r->half ? (int32_t)taps[i] : 0, high = (tap + 128) >> 8, low = tap - 256 * high;
        sum_high += (uint32_t)(high < 0 ? -high : high);
        sum_low += (uint32_t)(low < 0 ? -low : low);
        words[i] = (int16_t)high;
        words[row + i] = (int16_t)low;
    }
    return sum_high < 1u << 15 && sum_low < 1u << 16;
}

void ee_resampler_fill_taps(ee_front_state *f)
{
    ee_resampler *r = &f->resampler;
    if (!r->taps) return;
    r->fits_words = 1;
    for (uint32_t i = 0; i < r->n_phases; i++) {
        double *row = r->taps + (size_t)i * r->row;
        fill_row(f, i * (EE_RATE_MHZ / r->n_phases), row);
        if (!fill_words(r, row, r->tap_words.words + (size_t)i * 2 * r->tap_words.row)) r->fits_words = 0;
    }
}
#endif

/* One side: its taps on the samples from x on, in steps of `direction`. */
static int64_t sum_side(const ee_front_state *f, uint32_t t, const int32_t *x, int direction, int32_t *sum)
{
    const int16_t *table = f->front->table;
    const uint32_t step = f->resampler.step;
    const int32_t scale13 = (int32_t)(f->resampler.scale << 13);
    int64_t acc = 0;
    int32_t taps = 0;
    for (uint32_t n = taps_inside(f, t); n; n--, t += step, x += direction) {
        int32_t tap = tap_at(table, t, scale13);
        acc += (int64_t)tap * *x;
        taps += tap;
    }
    *sum += taps;
    return acc;
}

/* The sum of taps * samples for the next output; x is its oldest sample. */
static int64_t sum_taps(const ee_front_state *f, const int32_t *x)
{
    const ee_resampler *r = &f->resampler;
#ifndef EE_NO_HOST
    if (r->taps) return f->kernels->fir(r->taps + (size_t)r->row_index * r->row, x, r->row);
#endif
    const uint32_t t = phase_offset(r, r->phase);
    const int32_t *middle = x + r->half;
    int32_t sum = 0;
    int64_t acc = sum_side(f, t, middle - 1, -1, &sum);
    acc += sum_side(f, r->step - t, middle, 1, &sum);
    return acc + (int64_t)((1 << 20) - sum) * middle[r->phase < EE_RATE_MHZ / 2 ? -1 : 0];
}

/* ---------------------------------------------------------------- running */
static void advance(ee_resampler *r)
{
    r->phase += r->fraction;
    r->pos += r->whole;
    if (r->phase >= EE_RATE_MHZ) {
        r->phase -= EE_RATE_MHZ;
        r->pos++;
    }
#ifndef EE_NO_HOST
    r->row_index += r->tap_words.rows_ahead;
    if (r->row_index >= r->n_phases) r->row_index -= r->n_phases;
#endif
}

/* Are there samples for n outputs that lie one sample apart? The padding behind the end has `half` samples: it makes no
 * output behind the last sample. */
static int outputs_ready(const ee_resampler *r, uint32_t n) { return r->pos + n + r->half <= r->count; }

static void run_one(ee_front_state *f)
{
    ee_resampler *r = &f->resampler;
    int64_t v = ee_rnd(sum_taps(f, r->raw + r->pos + 1 - r->half), 20);
    int32_t x = v < -EE_X_MAX ? -EE_X_MAX : v > EE_X_MAX ? EE_X_MAX : (int32_t)v;
    *ee_baseline_put(f, x, 1) = x;
    advance(r);
}

#ifndef EE_NO_HOST
/* n outputs of the same taps: whole blocks in place, the rest from a copy, because the kernel reads what a whole block
 * needs. */
static void run_same_taps(ee_front_state *f, uint32_t n)
{
    ee_resampler *r = &f->resampler;
    const int32_t *x = r->raw + r->pos + 1 - r->half;
    uint32_t whole = n / EE_BLOCK * EE_BLOCK, rest = n - whole;
    int32_t in[EE_BLOCK + EE_MAX_CACHED_TAPS], out[EE_BLOCK], *to = ee_baseline_put(f, 0, n);
    if (whole) f->kernels->fir_blocks(r->taps, r->row, x, to, whole / EE_BLOCK);
    if (rest) {
        const uint32_t there = rest + 2 * r->half - 1;
        for (uint32_t i = 0; i < EE_BLOCK + r->row; i++) in[i] = x[whole + ee_min(i, there - 1)];
        f->kernels->fir_blocks(r->taps, r->row, in, out, 1);
        ee_copy(to + whole, out, rest * sizeof *out);
    }
    r->pos += n;
}
#endif

#ifndef EE_NO_HOST
/* All outputs that the samples held allow. A sum of taps of 1 lets samples be taken from any level: in most recordings
 * the rest fits words of 16 bits. Where some do not, nothing is done. */
static void run_by_words(ee_front_state *f)
{
    ee_resampler *r = &f->resampler;
    const int32_t *x = r->raw + r->pos + 1 - r->half, level = *x;
    const ee_tap_words *taps = &r->tap_words;
    if (!f->kernels->narrow(x, (uint32_t)(r->raw + r->count - x), level, r->words)) return;
    /* In rows, the way to the first output that is not ready; the way of each. */
    const uint32_t way = (r->count - r->half - r->pos) * taps->n_rows - r->row_index,
                   ahead = taps->whole * taps->n_rows + taps->rows_ahead, n = (way + ahead - 1) / ahead,
                   rows = r->row_index + n * taps->rows_ahead;
    f->kernels->fir_words(taps, r->row_index, r->words, level, n, ee_baseline_put(f, 0, n));
    r->pos += n * taps->whole + rows / taps->n_rows;
    r->row_index = rows % taps->n_rows;
    r->phase = r->row_index * (EE_RATE_MHZ / taps->n_rows);
}
#endif

void ee_resampler_run(ee_front_state *f)
{
    ee_resampler *r = &f->resampler;
#ifndef EE_NO_HOST
    if (!f->baseline.count && outputs_ready(r, 1)) run_one(f);
    if (r->taps && r->whole == 1 && !r->fraction && outputs_ready(r, 2)) /* 128 Hz */
        run_same_taps(f, r->count - r->half - r->pos);
    if (r->taps && r->fits_words && outputs_ready(r, 1)) run_by_words(f);
#endif
    while (outputs_ready(r, 1)) run_one(f);
    uint32_t drop = ee_min(r->pos + 1 - r->half, r->count);
    r->count -= drop;
    r->pos -= drop;
    ee_copy(r->raw, r->raw + drop, r->count * sizeof *r->raw);
}

void ee_resampler_pad(ee_front_state *f)
{
    ee_resampler *r = &f->resampler;
    uint32_t n = ee_min(r->padding, r->chunk);
    for (uint32_t i = 0; i < n; i++) r->raw[r->count++] = f->ring.last;
    r->padding = (uint16_t)(r->padding - n);
    ee_resampler_run(f);
}
