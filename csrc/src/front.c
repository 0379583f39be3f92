/* The front end as a stream: input samples -> 128 Hz -> baseline removed -> scaled uint8, in blocks of 32 samples.
 * Each stage is a linear buffer that keeps the samples its successor still needs; docs/numerics.md section 2. */
#include "internal.h"

#ifdef EE_NO_HOST
#define EE_WHOLE(f) 0
#else
#define EE_WHOLE(f) (f)->whole
#endif

/* ---------------------------------------------------------------- layout */
static uint32_t round_up_blocks(uint32_t n) { return (n + EE_BLOCK - 1) / EE_BLOCK; }

void ee_front_layout(ee_front_state *f, const ee_config *config, int levels, uint8_t **memory)
{
    const ee_front *front = f->front;
    const uint32_t kind = EE_FRONT_KIND(front), wait = EE_TRUNK_BLOCK(config) - EE_BLOCK;
    f->batch = EE_TRUNK_BLOCK(config);
    f->x = NULL;
    f->z = NULL;
    f->n_sums = 0;
    ee_taps_layout(f, config, memory);
    uint32_t most = wait ? config->block : EE_DEVICE_CHUNK; /* samples at 128 Hz that come from one chunk, about */
    f->chunk = most * (f->fs / EE_RATE_MHZ) + most * (f->fs % EE_RATE_MHZ) / EE_RATE_MHZ;
    f->chunk = ee_max(1, wait ? f->chunk : ee_min(f->chunk, EE_DEVICE_CHUNK));
    uint32_t out = f->chunk * EE_RATE / (f->fs / 1000) + 2;
    uint32_t ahead =
        front->baseline / 2u + (f->half + 1) * EE_RATE_MHZ / f->fs + 2; /* input before z; all at once at the end */
    uint32_t held = (front->reach + 1u) * EE_BLOCK + wait + (wait ? ee_max(out, ahead) : out); /* of z */
    uint32_t raw = f->chunk + (kind ? ee_max(2 * f->half, f->half + f->fs / EE_RATE_MHZ + 2) : EE_BLOCK + wait);
#ifndef EE_NO_HOST
    if (f->taps) raw += 8; /* their rows are read in eights */
#endif
    f->raw = (int32_t *)ee_allocate(memory, raw * sizeof *f->raw);
    f->x_cap = front->baseline + out;
    f->n_blocks = round_up_blocks(kind ? ahead + held + out : EE_BLOCK + wait + f->chunk) + 2u;
    if (kind) {
        f->n_sums = round_up_blocks(held) + front->reach + 2u;
        f->x = (int32_t *)ee_allocate(memory, f->x_cap * sizeof *f->x);
        f->z = (int16_t *)ee_allocate(memory, held * sizeof *f->z);
    }
    f->blocks = (ee_block_stats *)ee_allocate(memory, f->n_blocks * sizeof *f->blocks);
    f->sums = (uint32_t *)ee_allocate(memory, f->n_sums * sizeof *f->sums);
    f->bases = levels ? (int32_t *)ee_allocate(memory, (f->n_sums - front->reach) * sizeof *f->bases) : NULL;
}

static uint32_t *sum_at(const ee_front_state *f, uint32_t block) { return &f->sums[block % f->n_sums]; }

void ee_front_reset(ee_front_state *f)
{
    f->raw_count = f->raw_real = f->pos = f->phase = 0;
#ifndef EE_NO_HOST
    f->row_index = 0;
    f->whole = 0;
    f->around.sum = f->around.samples = f->around.next = f->around.next_at = f->around.oldest_at = 0;
#endif
    f->last = 0;
    f->seen = 0;
    f->before[0] = f->before[1] = 0;
    f->in_block = 0;
    f->in_rem = 0;
    f->in_left = 0;
    f->x_count = f->x_real = f->x_pos = 0;
    f->x_sum = f->x_hi = f->x_lo = 0;
    f->z_first = f->z_count = f->z_block = f->out_block = 0;
    f->pad_raw = f->pad_x = 0;
    f->started = f->x_started = f->x_summed = f->ended = 0;
}

uint32_t ee_front_delay(const ee_front *front, uint32_t fs_mhz)
{
    if (!EE_FRONT_KIND(front)) return EE_BLOCK;
    return ee_taps_half(front, fs_mhz) * EE_RATE_MHZ / fs_mhz + 1 + front->baseline / 2u +
           (front->reach + 1u) * EE_BLOCK;
}

/* ---------------------------------------------------------------- scale (2.3) */
static int z_ended(const ee_front_state *f) { return f->ended && !f->pad_raw && !f->pad_x; }

int ee_front_output_ready(const ee_front_state *f)
{
    uint32_t need = EE_FRONT_KIND(f->front) ? (f->front->reach + 1u) * EE_BLOCK : EE_BLOCK;
    uint32_t count = EE_FRONT_KIND(f->front) ? f->z_count : f->raw_count;
    return count >= need || (count && (EE_FRONT_KIND(f->front) ? z_ended(f) : f->ended));
}

int ee_front_output_full(const ee_front_state *f)
{
    uint32_t need = (EE_FRONT_KIND(f->front) ? f->front->reach * EE_BLOCK : 0) +
                    (EE_TRUNK_BLOCKS == EE_BLOCK ? EE_BLOCK : f->batch);
    return (EE_FRONT_KIND(f->front) ? f->z_count : f->raw_count) >= need;
}

int ee_front_drained(const ee_front_state *f)
{ return f->ended && !f->pad_raw && !f->pad_x && !(EE_FRONT_KIND(f->front) ? f->z_count : f->raw_count); }

/* Adds `left` of the sums from place `at` on, to the ring's end and from its start, and their samples; the place behind
 * them. */
static uint32_t add_sums(const ee_front_state *f, uint32_t at, uint32_t left, uint32_t *total, uint32_t *count)
{
    for (; left; left--) {
        *total += f->sums[at] & 0xFFFFFFu;
        *count += f->sums[at] >> 24;
        at = at + 1 == f->n_sums ? 0 : at + 1;
    }
    return at;
}

/* The blocks around the next one to leave: of floor * samples and the sum of |z|, what is larger (below 2^26). Hosts
 * carry the sums on. */
static uint32_t around_block(ee_front_state *f, uint32_t *samples)
{
    const uint32_t reach = f->front->reach;
    uint32_t last = ee_min(f->out_block + reach, f->z_block), total = 0, count = 0;
    if (last == f->z_block && f->z_count <= (last - f->out_block) * EE_BLOCK) last--; /* not begun */
#ifdef EE_NO_HOST
    const uint32_t first = f->out_block > reach ? f->out_block - reach : 0;
    add_sums(f, first % f->n_sums, last - first + 1, &total, &count);
#else
    total = f->around.sum;
    count = f->around.samples;
    f->around.next_at = add_sums(f, f->around.next_at, last + 1 - f->around.next, &total, &count);
    f->around.next = last + 1;
    f->around.sum = total;
    f->around.samples = count;
    if (f->out_block >= reach) { /* the oldest one leaves */
        uint32_t old = 0, of_old = 0;
        f->around.oldest_at = add_sums(f, f->around.oldest_at, 1, &old, &of_old);
        f->around.sum -= old;
        f->around.samples -= of_old;
    }
#endif
    *samples = count;
    return ee_max(f->front->floor * count, total);
}

/* One block, into all channels; gain * count is below 2^27. */
static uint32_t take_scaled(ee_front_state *f, uint8_t *y)
{
    const uint32_t n = ee_min(EE_BLOCK, f->z_count), channels = f->front->channels;
    uint32_t count, divisor = around_block(f, &count);
    for (uint32_t c = 0; c < channels; c++)
        EE_KERNEL(f->kernels, scale)(f->z + f->z_first, (int32_t)ee_quotient(f->front->gain[c] * count, 12, divisor), n,
                                     y + c, channels);
    f->z_first += n;
    f->z_count -= n;
    f->out_block++;
    return n;
}

#ifndef EE_NO_HOST
/* Up to `most` whole blocks into the only channel, as long as one is ready. */
static uint32_t take_scaled_blocks(ee_front_state *f, uint32_t most, uint8_t *y)
{
    const int16_t *z = f->z + f->z_first;
    int32_t gains[EE_BLOCKS_AT_ONCE];
    uint32_t blocks = 0, count;
    while (blocks < most && f->z_count >= EE_BLOCK && ee_front_output_ready(f)) {
        const uint32_t divisor = around_block(f, &count);
        gains[blocks++] = (int32_t)ee_quotient(f->front->gain[0] * count, 12, divisor);
        f->z_count -= EE_BLOCK;
        f->out_block++;
    }
    f->kernels->scale_blocks(z, gains, blocks, y);
    f->z_first += blocks * EE_BLOCK;
    return blocks * EE_BLOCK;
}
#endif

/* raw_count samples from pos on, and b is of the same: there is no resampler. */
static uint32_t take_plain(ee_front_state *f, uint32_t most, uint8_t *y, ee_block_stats *b)
{
    const uint32_t n = ee_min(most * EE_BLOCK, f->raw_count);
    EE_KERNEL(f->kernels, scale_plain)(f->raw + f->pos, (int32_t)f->front->direct_gain, n, y);
    for (uint32_t i = 0; i < n; i += EE_BLOCK, b++, f->out_block++)
        b->flat = b->hi - b->lo <= (int32_t)f->front->flat_max;
    f->pos += n;
    f->raw_count -= n;
    return n;
}

uint32_t ee_front_output(ee_front_state *f, uint32_t most, uint8_t *y, const ee_block_stats **stats)
{
    ee_block_stats *b = ee_block_at(f, f->out_block);
    const uint32_t channels = f->front->channels;
    uint32_t n;
    *stats = b;
    most = EE_ON_DEVICE ? 1 : ee_min(ee_min(most, EE_BLOCKS_AT_ONCE), (uint32_t)(f->blocks + f->n_blocks - b));
    if (!EE_FRONT_KIND(f->front)) {
        if (!f->ended) most = ee_min(most, f->raw_count / EE_BLOCK);
        n = take_plain(f, most, y, b);
    }
#ifndef EE_NO_HOST
    else if (channels == 1 && f->z_count >= EE_BLOCK) {
        n = take_scaled_blocks(f, most, y);
        if (f->front->noise) f->kernels->roughness_blocks(y, n / EE_BLOCK, b);
        return n;
    }
#endif
    else
        n = take_scaled(f, y);
    for (uint32_t i = 0; i < n; i += EE_BLOCK, b++)
        b->rough = (uint16_t)(f->front->noise ? EE_KERNEL(f->kernels, roughness)(y + i * channels,
                                                                                 ee_min(EE_BLOCK, n - i), channels)
                                              : 0);
    return n;
}

/* ---------------------------------------------------------------- baseline (2.2) */
/* What was taken out of the first sample of each block. */
static void keep_bases(ee_front_state *f, const int32_t *x, const int16_t *z, uint32_t blocks)
{
    const uint32_t size = f->n_sums - f->front->reach;
    for (uint32_t i = 0, at = f->z_block % size; i < blocks; i++, at = at + 1 == size ? 0 : at + 1)
        f->bases[at] = x[i * EE_BLOCK] - 4 * z[i * EE_BLOCK];
}

/* The next samples of the block that is being filled, at most n; returns how many. */
static uint32_t run_block(ee_front_state *f, uint32_t n)
{
    uint32_t filled = f->z_count % EE_BLOCK;
    const int32_t *x = f->x + f->x_pos;
    if (filled == 0) {
        f->x_hi = f->x_lo = x[0];
        if (f->z_block > f->in_block)
            ee_block_open(f, f->in_block = f->z_block, f->last); /* behind the last input sample */
    }
    n = ee_min(n, EE_BLOCK - filled);
    ee_block_stats *b = ee_block_at(f, f->z_block);
    uint32_t *sum = sum_at(f, f->z_block);
    if (filled == 0) *sum = 0;
    *sum += n << 24 | EE_KERNEL(f->kernels, detrend)(x, f->front->baseline / 2u, f->front->log2_baseline, &f->x_sum, n,
                                                     f->z + f->z_first + f->z_count, &f->x_hi, &f->x_lo);
    b->flat = f->x_hi - f->x_lo <= (int32_t)f->front->flat_max;
    if (EE_LEVELS && f->bases && filled == 0) keep_bases(f, x, f->z + f->z_first + f->z_count, 1);
    f->z_count += n;
    if (filled + n == EE_BLOCK) f->z_block++;
    return n;
}

#ifndef EE_NO_HOST
/* Whole blocks whose input is there, at most so many samples: how many. */
static uint32_t run_blocks(ee_front_state *f, uint32_t n)
{
    if (f->z_count % EE_BLOCK || n < EE_BLOCK || f->in_block < f->z_block) return 0;
    ee_block_stats *b = ee_block_at(f, f->z_block);
    uint32_t *sum = sum_at(f, f->z_block), blocks = ee_min(n / EE_BLOCK, f->in_block - f->z_block + 1);
    blocks = ee_min(blocks, ee_min((uint32_t)(f->blocks + f->n_blocks - b), (uint32_t)(f->sums + f->n_sums - sum)));
    f->kernels->detrend_blocks(f->x + f->x_pos, f->front, &f->x_sum, blocks, f->z + f->z_first + f->z_count, sum, b);
    if (f->bases) keep_bases(f, f->x + f->x_pos, f->z + f->z_first + f->z_count, blocks);
    f->z_count += blocks * EE_BLOCK;
    f->z_block += blocks;
    return blocks * EE_BLOCK;
}
#else
#define run_blocks(f, n) 0u
#endif

static void run_baseline(ee_front_state *f)
{
    uint32_t width = f->front->baseline, half = width / 2;
    if (f->z_first) ee_copy(f->z, f->z + f->z_first, f->z_count * sizeof *f->z);
    f->z_first = 0;
    if (!f->x_summed) {
        if (f->x_count < width) return;
        f->x_sum = (int32_t)half * *f->x; /* of those held in front */
        for (uint32_t i = half; i + 1 < width; i++) f->x_sum += f->x[i];
        f->x_summed = 1;
    }
    uint32_t end = ee_min(f->x_count - half + 1, f->x_real);
    for (uint32_t some; f->x_pos < end; f->x_pos += some) {
        some = run_blocks(f, end - f->x_pos);
        if (!some) some = run_block(f, end - f->x_pos);
    }
    uint32_t drop = f->x_pos - half;
    f->x_count -= drop;
    f->x_real -= drop;
    f->x_pos = half;
    ee_copy(f->x, f->x + drop, f->x_count * sizeof *f->x);
}

/* Where the next resampled values go; the first one is held in front. */
static int32_t *put_x(ee_front_state *f, int32_t first, uint32_t n)
{
    if (!f->x_started) {
        for (uint32_t i = 0; i < f->front->baseline / 2u; i++) f->x[i] = first;
        f->x_count = f->x_real = f->x_pos = f->front->baseline / 2u;
        f->x_started = 1;
    }
    f->x_count += n;
    f->x_real += n;
    return f->x + f->x_count - n;
}

/* ---------------------------------------------------------------- resampler (2.1) */
static void advance(ee_front_state *f)
{
    f->phase += f->fs % EE_RATE_MHZ;
    f->pos += f->fs / EE_RATE_MHZ;
    if (f->phase >= EE_RATE_MHZ) {
        f->phase -= EE_RATE_MHZ;
        f->pos++;
    }
#ifndef EE_NO_HOST
    f->row_index += f->fs % EE_RATE_MHZ / f->phase_step;
    if (f->row_index >= f->n_phases) f->row_index -= f->n_phases;
#endif
}

static int output_ready(const ee_front_state *f, uint32_t n)
{ return f->pos + n + f->half <= f->raw_count && f->pos + n <= f->raw_real; }

static void resample_one(ee_front_state *f)
{
    int64_t v = ee_rnd(ee_taps_run(f, f->raw + f->pos + 1 - f->half), 20);
    int32_t x = v < -EE_X_MAX ? -EE_X_MAX : v > EE_X_MAX ? EE_X_MAX : (int32_t)v;
    *put_x(f, x, 1) = x;
    advance(f);
}

#ifndef EE_NO_HOST
/* n outputs, all of the same taps: whole blocks in place, the rest from a copy, for a block's kernel reads what whole
 * blocks need. */
static void run_same_taps(ee_front_state *f, uint32_t n)
{
    const int32_t *x = f->raw + f->pos + 1 - f->half;
    uint32_t whole = n / EE_BLOCK * EE_BLOCK, rest = n - whole;
    int32_t in[EE_BLOCK + EE_MAX_CACHED_TAPS], out[EE_BLOCK], *to = put_x(f, 0, n);
    if (whole) f->kernels->fir_blocks(f->taps, f->row, x, to, whole / EE_BLOCK);
    if (rest) {
        const uint32_t there = rest + 2 * f->half - 1;
        for (uint32_t i = 0; i < EE_BLOCK + f->row; i++) in[i] = x[whole + ee_min(i, there - 1)];
        f->kernels->fir_blocks(f->taps, f->row, in, out, 1);
        ee_copy(to + whole, out, rest * sizeof *out);
    }
    f->pos += n;
}
#endif

static void run_resampler(ee_front_state *f)
{
#ifndef EE_NO_HOST
    if (!f->x_started && output_ready(f, 1)) resample_one(f);
    if (f->taps && f->fs == EE_RATE_MHZ && output_ready(f, 2))
        run_same_taps(f, ee_min(f->raw_count - f->half - f->pos, f->raw_real - f->pos));
#endif
    while (output_ready(f, 1)) resample_one(f);
    uint32_t drop = ee_min(f->pos + 1 - f->half, f->raw_count);
    f->raw_count -= drop;
    f->raw_real -= ee_min(drop, f->raw_real);
    f->pos -= drop;
    ee_copy(f->raw, f->raw + drop, f->raw_count * sizeof *f->raw);
}

/* ---------------------------------------------------------------- input side */
/* Room for half - 1 held samples in front of the very first one is kept free. */
int32_t *ee_front_input_buffer(ee_front_state *f)
{
    if (!EE_FRONT_KIND(f->front)) {
        if (f->pos) ee_copy(f->raw, f->raw + f->pos, f->raw_count * sizeof *f->raw);
        f->pos = 0;
        return f->raw + f->raw_count;
    }
    return f->raw + f->raw_count + (f->started ? 0 : f->half - 1);
}

void ee_front_input_done(ee_front_state *f, uint32_t n, uint32_t any_missing)
{
    if (!n) return;
    int32_t *x = ee_front_input_buffer(f);
    ee_input_stats_update(f, x, n, any_missing);
    if (!f->started) {
        if (EE_FRONT_KIND(f->front)) {
            for (uint32_t i = 0; i + 1 < f->half; i++) f->raw[i] = x[0];
            f->raw_count = f->raw_real = f->pos = f->half - 1;
        }
        f->started = 1;
    }
    f->raw_count += n;
    f->raw_real += n;
    if (EE_FRONT_KIND(f->front) && !EE_WHOLE(f)) {
        run_resampler(f);
        run_baseline(f);
    }
}

/* ---------------------------------------------------------------- the end of the recording */
void ee_front_finish(ee_front_state *f)
{
    f->ended = 1;
    if (!f->started || !EE_FRONT_KIND(f->front)) return;
    f->pad_raw = f->half;
    f->pad_x = f->front->baseline / 2u - 1;
}

int ee_front_pad(ee_front_state *f)
{
    const uint32_t raw = f->pad_raw;
    if (!raw && !f->pad_x) return 0;
    if (raw) {
        uint32_t n = ee_min(raw, f->chunk);
        for (uint32_t i = 0; i < n; i++) f->raw[f->raw_count++] = f->last;
        f->pad_raw -= n;
        run_resampler(f);
    }
    if (EE_ON_DEVICE ? !raw : !f->pad_raw) { /* hosts have room for both */
        uint32_t n = ee_min(f->pad_x, f->x_cap - f->x_count);
        int32_t last = f->x[f->x_count - 1];
        for (uint32_t i = 0; i < n; i++) f->x[f->x_count++] = last;
        f->pad_x -= n;
    }
    run_baseline(f);
    return 1;
}
