/* The front end as a stream: input samples -> 128 Hz -> baseline removed -> scaled uint8, in blocks of 32 samples.
 * Each stage is a linear buffer that keeps the samples its successor still needs; docs/numerics.md section 2. */
#include "internal.h"

#ifdef EE_NO_HOST
#define EE_WHOLE(f) 0
#define EE_AROUND(f, i) 0
#else
#define EE_WHOLE(f) (f)->whole
#define EE_AROUND(f, i) (f)->around[i]
#endif

/* ---------------------------------------------------------------- layout */
static uint32_t round_up_blocks(uint32_t n) { return (n + EE_BLOCK - 1) / EE_BLOCK; }

void ee_front_layout(ee_front_state *f, const ee_config *config, uint8_t **memory)
{
    const ee_front *front = f->front;
    const uint32_t kind = EE_KIND(front), wait = EE_BLOCK_OF(config) - EE_BLOCK;
    f->batch = EE_BLOCK_OF(config);
    f->x = NULL;
    f->z = NULL;
    f->n_sums = 0;
    ee_taps_layout(f, config, memory);
    uint32_t most = wait ? config->block : EE_CHUNK;     /* samples at 128 Hz that come from one chunk, about */
    f->chunk = most * (f->fs / EE_TICKS) + most * (f->fs % EE_TICKS) / EE_TICKS;
    f->chunk = ee_max(1, wait ? f->chunk : ee_min(f->chunk, EE_CHUNK));
    uint32_t out = f->chunk * EE_RATE / (f->fs / 1000) + 2;
    uint32_t ahead = front->baseline / 2u + (f->half + 1) * EE_TICKS / f->fs + 2;        /* input before z; all at once at the end */
    uint32_t held = (front->reach + 1u) * EE_BLOCK + wait + (wait ? ee_max(out, ahead) : out);               /* of z */
    uint32_t raw = f->chunk + (kind ? ee_max(2 * f->half, f->half + f->fs / EE_TICKS + 2) : EE_BLOCK + wait);
#ifndef EE_NO_HOST
    if (f->taps) raw += 8;                               /* their rows are read in eights */
#endif
    f->raw = (int32_t *)ee_take(memory, raw * sizeof *f->raw);
    f->x_cap = front->baseline + out;
    f->n_blocks = round_up_blocks(kind ? ahead + held + out : EE_BLOCK + wait + f->chunk) + 2u;
    if (kind) {
        f->n_sums = round_up_blocks(held) + front->reach + 2u;
        f->x = (int32_t *)ee_take(memory, f->x_cap * sizeof *f->x);
        f->z = (int16_t *)ee_take(memory, held * sizeof *f->z);
    }
    f->blocks = (ee_block_stats *)ee_take(memory, f->n_blocks * sizeof *f->blocks);
    f->sums = (uint32_t *)ee_take(memory, f->n_sums * sizeof *f->sums);
}

static ee_block_stats *block_at(const ee_front_state *f, uint32_t block) { return &f->blocks[block % f->n_blocks]; }

static uint32_t *sum_at(const ee_front_state *f, uint32_t block) { return &f->sums[block % f->n_sums]; }

static ee_block_stats *open_block(ee_front_state *f, uint32_t block, int32_t value)
{
    ee_block_stats *b = block_at(f, block);
    b->hi = b->lo = value;
    b->hi_count = b->lo_count = 0;
    b->missing = b->flat = 0;
    return b;
}

/* Input samples in the next block: block q starts at sample ceil(32 q fs / 128000). */
static uint32_t block_length(ee_front_state *f)
{
    uint32_t span = EE_BLOCK * f->fs, rem = f->in_rem + span % EE_TICKS;
    uint32_t carry = rem >= EE_TICKS, before = f->in_rem > 0;
    f->in_rem = rem - (carry ? EE_TICKS : 0);
    return span / EE_TICKS + carry + (f->in_rem > 0) - before;
}

void ee_front_reset(ee_front_state *f)
{
    f->raw_count = f->raw_real = f->pos = f->phase = 0;
#ifndef EE_NO_HOST
    f->row_index = 0;
    f->whole = 0;
    f->around[0] = f->around[1] = f->around[2] = 0;
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
    if (!EE_KIND(front)) return EE_BLOCK;
    return ee_taps_half(front, fs_mhz) * EE_TICKS / fs_mhz + 1 + front->baseline / 2u + (front->reach + 1u) * EE_BLOCK;
}

/* ---------------------------------------------------------------- scale (2.3) */
static int z_ended(const ee_front_state *f) { return f->ended && !f->pad_raw && !f->pad_x; }

int ee_front_ready(const ee_front_state *f)
{
    uint32_t need = EE_KIND(f->front) ? (f->front->reach + 1u) * EE_BLOCK : EE_BLOCK;
    uint32_t count = EE_KIND(f->front) ? f->z_count : f->raw_count;
    return count >= need || (count && (EE_KIND(f->front) ? z_ended(f) : f->ended));
}

int ee_front_full(const ee_front_state *f)
{
    uint32_t need = (EE_KIND(f->front) ? f->front->reach * EE_BLOCK : 0) + (EE_BLOCKS == EE_BLOCK ? EE_BLOCK : f->batch);
    return (EE_KIND(f->front) ? f->z_count : f->raw_count) >= need;
}

int ee_front_empty(const ee_front_state *f) { return f->ended && !f->pad_raw && !f->pad_x && !(EE_KIND(f->front) ? f->z_count : f->raw_count); }

static uint32_t take_plain(ee_front_state *f, uint8_t *y, ee_block_stats *b)
{
    uint32_t n = ee_min(EE_BLOCK, f->raw_count);         /* raw_count samples from pos on, and b is of the same: there is no resampler */
    EE_KERNEL(f->kernels, scale_plain)(f->raw + f->pos, (int32_t)f->front->direct_gain, n, y);
    b->flat = b->hi - b->lo <= (int32_t)f->front->flat_max;
    f->pos += n;
    f->raw_count -= n;
    return n;
}

static void scale_block(ee_front_state *f, uint8_t *y, uint32_t n)
{
    uint32_t first = f->out_block > f->front->reach ? f->out_block - f->front->reach : 0;
    uint32_t last = ee_min(f->out_block + f->front->reach, f->z_block);
    uint32_t total = EE_AROUND(f, 0), count = EE_AROUND(f, 1), next = ee_max(first, EE_AROUND(f, 2)), channels = f->front->channels;
    const uint32_t *at = sum_at(f, next), *end = f->sums + f->n_sums;
    if (last == f->z_block && f->z_count <= (last - f->out_block) * EE_BLOCK) last--;    /* not begun */
    for (uint32_t left = last - next + 1, some; left; left -= some, at = f->sums) {     /* to the ring's end, and from its start */
        some = ee_min(left, (uint32_t)(end - at));
        for (uint32_t i = 0; i < some; i++) {
            total += at[i] & 0xFFFFFFu;
            count += at[i] >> 24;
        }
    }
    uint32_t divisor = ee_max(f->front->floor * count, total);           /* below 2^26, and so is gain * count below 2^27 */
    for (uint32_t c = 0; c < channels; c++) {
        int32_t r = (int32_t)ee_quotient(f->front->gain[c] * count, 12, divisor);
        EE_KERNEL(f->kernels, scale)(f->z + f->z_first, r, n, y + c, channels);
    }
#ifndef EE_NO_HOST
    const uint32_t leaves = f->out_block < f->front->reach ? 0 : *sum_at(f, first);      /* what is around is carried on */
    f->around[0] = total - (leaves & 0xFFFFFFu);
    f->around[1] = count - (leaves >> 24);
    f->around[2] = last + 1;
#endif
}

uint32_t ee_front_take(ee_front_state *f, uint8_t *y, ee_block_stats *stats)
{
    uint32_t n;
    ee_block_stats *b = block_at(f, f->out_block);
    if (!EE_KIND(f->front)) {
        n = take_plain(f, y, b);
    } else {
        n = ee_min(EE_BLOCK, f->z_count);
        scale_block(f, y, n);
        f->z_first += n;
        f->z_count -= n;
    }
    *stats = *b;
    stats->rough = (uint16_t)(f->front->noise ? EE_KERNEL(f->kernels, roughness)(y, n, f->front->channels) : 0);
    f->out_block++;
    return n;
}

/* ---------------------------------------------------------------- baseline (2.2) */
/* The next samples of the block that is being filled, at most n; returns how many. */
static uint32_t run_block(ee_front_state *f, uint32_t n)
{
    uint32_t filled = f->z_count % EE_BLOCK;
    const int32_t *x = f->x + f->x_pos;
    if (filled == 0) {
        f->x_hi = f->x_lo = x[0];
        if (f->z_block > f->in_block) open_block(f, f->in_block = f->z_block, f->last);  /* behind the last input sample */
    }
    n = ee_min(n, EE_BLOCK - filled);
    ee_block_stats *b = block_at(f, f->z_block);
    uint32_t *sum = sum_at(f, f->z_block);
    if (filled == 0) *sum = 0;
    *sum += n << 24 | EE_KERNEL(f->kernels, detrend)(x, f->front->baseline / 2u, f->front->log2_baseline, &f->x_sum, n, f->z + f->z_first + f->z_count,
                                          &f->x_hi, &f->x_lo);
    b->flat = f->x_hi - f->x_lo <= (int32_t)f->front->flat_max;
    f->z_count += n;
    if (filled + n == EE_BLOCK) f->z_block++;
    return n;
}

static void run_baseline(ee_front_state *f)
{
    uint32_t width = f->front->baseline, half = width / 2;
    if (f->z_first) ee_copy(f->z, f->z + f->z_first, f->z_count * sizeof *f->z);
    f->z_first = 0;
    if (!f->x_summed) {
        if (f->x_count < width) return;
        f->x_sum = 0;
        for (uint32_t i = 0; i + 1 < width; i++) f->x_sum += f->x[i];
        f->x_summed = 1;
    }
    uint32_t end = ee_min(f->x_count - half + 1, f->x_real);
    while (f->x_pos < end) f->x_pos += run_block(f, end - f->x_pos);
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
    f->phase += f->fs % EE_TICKS;
    f->pos += f->fs / EE_TICKS;
    if (f->phase >= EE_TICKS) {
        f->phase -= EE_TICKS;
        f->pos++;
    }
#ifndef EE_NO_HOST
    f->row_index += f->fs % EE_TICKS / f->phase_step;
    if (f->row_index >= f->n_phases) f->row_index -= f->n_phases;
#endif
}

static int output_ready(const ee_front_state *f, uint32_t n)
{
    return f->pos + n + f->half <= f->raw_count && f->pos + n <= f->raw_real;
}

static void resample_one(ee_front_state *f)
{
    int64_t v = ee_rnd(ee_taps_run(f, f->raw + f->pos + 1 - f->half), 20);
    int32_t x = v < -EE_X_MAX ? -EE_X_MAX : v > EE_X_MAX ? EE_X_MAX : (int32_t)v;
    *put_x(f, x, 1) = x;
    advance(f);
}

#ifndef EE_NO_HOST
/* n outputs, all of the same taps: whole blocks in place, the rest from a copy, for a block's kernel reads what whole blocks need. */
static void run_same_taps(ee_front_state *f, uint32_t n)
{
    const int32_t *x = f->raw + f->pos + 1 - f->half;
    uint32_t whole = n / EE_BLOCK * EE_BLOCK, rest = n - whole;
    int32_t in[EE_BLOCK + EE_MAX_BLOCK_TAPS], out[EE_BLOCK], *to = put_x(f, 0, n);
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
    if (f->taps && f->fs == EE_TICKS && output_ready(f, 2))
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
int32_t *ee_front_put(ee_front_state *f)
{
    if (!EE_KIND(f->front)) {
        if (f->pos) ee_copy(f->raw, f->raw + f->pos, f->raw_count * sizeof *f->raw);
        f->pos = 0;
        return f->raw + f->raw_count;
    }
    return f->raw + f->raw_count + (f->started ? 0 : f->half - 1);
}

static void hold_missing(ee_front_state *f, int32_t *x, uint32_t n)
{
    int32_t last = f->last;
    for (uint32_t i = 0; i < n; i++) {
        if (x[i] == EE_MISSING) x[i] = last;
        else last = x[i];
    }
}

/* Equal to the two samples before it, at the extreme: third or later in a run on the rail. */
static void count_extremes(ee_front_state *f, ee_block_stats *b, const int32_t *x, uint32_t n)
{
    ee_rails r = { b->hi, b->lo, 0, 0 };
    EE_KERNEL(f->kernels, rails)(x, n, &r);
    for (uint32_t i = 0; i < n && i < 2; i++) {          /* these look back behind the buffer */
        int32_t one = i ? x[0] : f->before[1], two = i ? f->before[1] : f->before[0];
        uint32_t third = (uint32_t)(f->seen + i >= 2) & (uint32_t)(x[i] == one) & (uint32_t)(x[i] == two);
        r.at_hi += third & (uint32_t)(x[i] == r.hi);
        r.at_lo += third & (uint32_t)(x[i] == r.lo);
    }
    b->hi_count = (uint16_t)(r.at_hi + (r.hi == b->hi ? b->hi_count : 0));
    b->lo_count = (uint16_t)(r.at_lo + (r.lo == b->lo ? b->lo_count : 0));
    b->hi = r.hi;
    b->lo = r.lo;
    f->before[0] = n > 1 ? x[n - 2] : f->before[1];
    f->before[1] = x[n - 1];
    f->seen = ee_min(2, f->seen + n);
}

/* Statistics of the block that each input sample belongs to. */
static void take_statistics(ee_front_state *f, int32_t *x, uint32_t n, uint32_t any_missing)
{
    ee_block_stats *b = block_at(f, f->in_block);
    while (n) {
        if (f->in_left == 0) {
            if (f->seen) f->in_block++;
            f->in_left = block_length(f);
            b = open_block(f, f->in_block, x[0] == EE_MISSING ? f->last : x[0]);
        }
        uint32_t m = ee_min(n, f->in_left);
        if (any_missing) {
            for (uint32_t i = 0; i < m; i++) b->missing |= x[i] == EE_MISSING;
            hold_missing(f, x, m);
        }
        count_extremes(f, b, x, m);
        f->last = x[m - 1];
        f->in_left -= m;
        x += m;
        n -= m;
    }
}

void ee_front_done(ee_front_state *f, uint32_t n, uint32_t any_missing)
{
    if (!n) return;
    int32_t *x = ee_front_put(f);
    take_statistics(f, x, n, any_missing);
    if (!f->started) {
        if (EE_KIND(f->front)) {
            for (uint32_t i = 0; i + 1 < f->half; i++) f->raw[i] = x[0];
            f->raw_count = f->raw_real = f->pos = f->half - 1;
        }
        f->started = 1;
    }
    f->raw_count += n;
    f->raw_real += n;
    if (EE_KIND(f->front) && !EE_WHOLE(f)) {
        run_resampler(f);
        run_baseline(f);
    }
}

/* ---------------------------------------------------------------- the end of the recording */
void ee_front_end_input(ee_front_state *f)
{
    f->ended = 1;
    if (!f->started || !EE_KIND(f->front)) return;
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
    if (EE_DEVICE ? !raw : !f->pad_raw) {                /* hosts have room for both */
        uint32_t n = ee_min(f->pad_x, f->x_cap - f->x_count);
        int32_t last = f->x[f->x_count - 1];
        for (uint32_t i = 0; i < n; i++) f->x[f->x_count++] = last;
        f->pad_x -= n;
    }
    run_baseline(f);
    return 1;
}
