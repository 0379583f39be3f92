/* What the files of the core share. Not for users. */
#ifndef EE_INTERNAL_H
#define EE_INTERNAL_H

#include "edgeecg.h"

#ifdef __cplusplus
#define restrict __restrict           /* the core compiles as C++ too, for build systems that have nothing else */
#endif

#define EE_BLOCK 32u                  /* samples at 128 Hz in a front-end block */
#define EE_CHUNK 8u                   /* a device takes input for so many samples at 128 Hz at once */
#define EE_MAX_LAYERS 64u
#define EE_TICKS 128000u              /* 128 Hz in millihertz */
#define EE_POINTS 32u                 /* points of the kernel table per output sample */
#define EE_SHIFT 14                   /* requantisation: multipliers are m / 2^14 */
#define EE_NONE 0xFFFFu
#define EE_HEAD_STEP 8u               /* outputs of the head at once, where its weights are not packed */

#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__                 /* one load, also where GCC optimises for size */
static inline uint16_t ee_u16(const uint8_t *p) { uint16_t v; __builtin_memcpy(&v, p, sizeof v); return v; }
static inline uint32_t ee_u32(const uint8_t *p) { uint32_t v; __builtin_memcpy(&v, p, sizeof v); return v; }
#else
static inline uint16_t ee_u16(const uint8_t *p) { return (uint16_t)(p[0] | (unsigned)p[1] << 8); }
static inline uint32_t ee_u32(const uint8_t *p) { return ee_u16(p) | (uint32_t)ee_u16(p + 2) << 16; }
#endif
/* 64-bit divisions are calls on a device; nearly always both numbers are small. */
static inline uint64_t ee_divide(uint64_t a, uint32_t b) { return a >> 32 ? a / b : (uint32_t)a / b; }
static inline uint32_t ee_modulo(uint64_t a, uint32_t b) { return a >> 32 ? (uint32_t)(a % b) : (uint32_t)a % b; }
static inline int32_t ee_clamp(int32_t v, int32_t lo, int32_t hi) { return v < lo ? lo : v > hi ? hi : v; }
static inline int64_t ee_rnd(int64_t v, int shift) { return (v + ((int64_t)1 << (shift - 1))) >> shift; }
static inline uint32_t ee_min(uint32_t a, uint32_t b) { return a < b ? a : b; }
static inline uint32_t ee_max(uint32_t a, uint32_t b) { return a > b ? a : b; }
/* A multiplier below 2^13 keeps acc * m below 2^44; the result of any accumulator fits int32. */
static inline int32_t ee_scale(int32_t acc, int32_t m, int shift) { return (int32_t)ee_rnd((int64_t)acc * m, shift); }

/* Freestanding stand-ins for memcpy, memmove and memset: compilers turn them into calls or loops as they see fit. */
static inline void ee_copy(void *to, const void *from, size_t n)
{
    uint8_t *d = (uint8_t *)to;
    const uint8_t *s = (const uint8_t *)from;
#if defined(EE_NO_HOST) && defined(__GNUC__)
    typedef struct __attribute__((may_alias)) words { uint32_t w[4]; } words;
    if ((((uintptr_t)d | (uintptr_t)s) & 3u) == 0)       /* four words at once: what moves on a device is mostly aligned */
        for (; n >= 16; n -= 16, d += 16, s += 16) {
            words four = *(const words *)(const void *)s;
            *(words *)(void *)d = four;
        }
#endif
    for (size_t i = 0; i < n; i++) d[i] = s[i];          /* to <= from where they overlap */
}
static inline void ee_fill(uint8_t *to, uint8_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = value;
}

/* ---------------------------------------------------------------- records of the model file (docs/format.md) */
typedef struct ee_front {
    const int16_t *table;
    uint32_t min_rate, floor, gain[4], direct_gain, window;
    uint16_t baseline, reach, table_half, flat_max, flat_blocks, off_blocks, clip_ms;
    uint8_t kind, channels, log2_baseline;
} ee_front;

enum { EE_CONV = 1, EE_ADD = 2, EE_MAX_POOL = 3 };

typedef struct ee_layer {
    const int8_t *weights;            /* [cout][kernel][cin / groups] */
    const int32_t *bias;
    const int16_t *mult;              /* requant 0 */
    const int32_t *mult_pos, *mult_neg, *add;            /* requant 1 */
    const void *packed;               /* weights in the kernel's own order, or NULL */
    uint8_t *scratch;                 /* 4 bytes for each byte of an input frame, aligned to 4, or NULL */
    int32_t m_a, m_b;
    uint16_t src_a, src_b, cin, cout, groups, kernel, stride, pad_left;
    uint8_t op, requant, zp_out, zp_a, zp_b;
} ee_layer;

/* Requantisation 1: leaky ReLU, then an affine map. */
static inline uint8_t ee_affine(const ee_layer *layer, uint32_t c, int32_t acc)
{
    int64_t v = ee_rnd((int64_t)acc * (acc >= 0 ? layer->mult_pos[c] : layer->mult_neg[c]) + layer->add[c], 22) + layer->zp_out;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

typedef struct ee_head {
    const int16_t *mean_mult, *mult;
    const int8_t *weights;
    const int32_t *bias;
    const void *packed;
    uint16_t channels, frames, features, dim, exponent;
    uint8_t pool, zp_mean, zp;
} ee_head;

void ee_front_view(const ee_model *model, ee_front *front);
void ee_layer_view(const ee_model *model, uint32_t index, ee_layer *layer);       /* index from 0 */
void ee_head_view(const ee_model *model, ee_head *head);

typedef struct ee_sources { uint16_t a, b; } ee_sources;
ee_sources ee_layer_sources(const ee_model *model, uint32_t index);              /* src_a and src_b alone */

#define EE_MAX_BLOCK_TAPS 72u         /* fir_block: 2 * (32 + 1), rounded up to 8 */

typedef struct ee_rails { int32_t hi, lo; uint32_t at_hi, at_lo; } ee_rails;

/* ---------------------------------------------------------------- kernels: one table for each instruction set */
typedef enum ee_packing { EE_NOT_PACKED, EE_PACKED, EE_PACKED_WIDE, EE_PACKED_SIGNED } ee_packing;

typedef struct ee_kernels {
    const char *name;
    ee_packing packed;                /* the order of weights that it reads: pack.c */
    /* n output frames from x, the first frame of the first output's window (frames of cin bytes) */
    void (*conv)(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n);
    /* acc[d] = bias[d] + sum of weights[d][i] * u[i] */
    void (*linear)(const ee_head *head, const uint8_t *u, int32_t *acc);
    /* loops.h says what these and those below do */
    void (*add)(const ee_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *y, uint32_t n);
    void (*max_pool)(const uint8_t *x, uint8_t *y, uint32_t n, uint32_t frames, size_t hop, uint32_t channels);
    /* e16 and e8 from the sums: docs/numerics.md section 4 */
    void (*requantise)(const int32_t *acc, const int16_t *mult, uint32_t n, int16_t *e16, int8_t *e8);
    /* one frame into a window's sums and maxima; NULL: not asked for */
    void (*pool)(const uint8_t *frame, uint16_t *sum, uint8_t *max, uint32_t channels);
    uint32_t (*detrend)(const int32_t *x, uint32_t half, uint32_t log2_width, int32_t *sum, uint32_t n, int16_t *z,
                        int32_t *hi, int32_t *lo);
    void (*scale)(const int16_t *z, int32_t r, uint32_t n, uint8_t *y, uint32_t step);
    void (*scale_plain)(const int32_t *x, int32_t r, uint32_t n, uint8_t *y);
    void (*rails)(const int32_t *x, uint32_t n, ee_rails *rails);
#ifndef EE_NO_HOST
    int64_t (*fir)(const double *tap, const int32_t *x, uint32_t n);
    void (*fir_block)(const double *tap, uint32_t taps, const int32_t *x, int32_t *out);
    uint32_t (*read_f32)(const float *x, double scale, uint32_t n, int32_t *out);
    uint32_t (*read_f64)(const double *x, double scale, uint32_t n, int32_t *out);
    void (*extremes_f32)(const float *x, size_t n, float *lowest, float *highest);
    void (*extremes_f64)(const double *x, size_t n, double *lowest, double *highest);
#endif
} ee_kernels;

extern const ee_kernels ee_kernels_scalar, ee_kernels_tiled, ee_kernels_dsp, ee_kernels_mve;
const ee_kernels *ee_kernels_default(void);            /* dispatch.c */
const ee_kernels *ee_kernels_named(const char *name);  /* NULL when unknown or not of this processor */

/* ---------------------------------------------------------------- state: lives in the caller's memory */
typedef struct ee_block_stats {       /* one block of 32 samples at 128 Hz */
    int32_t hi, lo;                   /* extremes of the input samples */
    uint16_t hi_count, lo_count;      /* input samples at hi / lo that are at least third in a run */
    uint8_t missing, flat;            /* 1: a sample was missing; the block is flat */
} ee_block_stats;

typedef struct ee_front_state {
    ee_front front;
    const ee_kernels *kernels;
    /* input and resampler (docs/numerics.md 2.1) */
    int32_t *raw;                     /* input samples held */
#ifndef EE_NO_HOST
    double *taps;                     /* cached taps [n_phases][row], or NULL */
    uint32_t row, row_index;
#endif
    uint32_t raw_count, raw_cap, raw_real;               /* raw_real: samples that are not padding */
    uint32_t half, step, scale, fe, fs, phase, phase_step, n_phases;
    uint32_t pos;                     /* raw index of the sample left of the next output */
    uint32_t chunk;                   /* input samples taken at once */
    uint32_t batch;                   /* samples at 128 Hz that leave together */
    int32_t last;                     /* last value, held over gaps */
    int32_t before[2];                /* the last two input samples */
    uint32_t seen;                    /* input samples so far, up to 2 */
    uint32_t in_block, in_left, in_rem;                  /* input side of the block statistics */
    /* baseline (2.2) */
    int32_t *x;
    uint32_t x_count, x_cap, x_real, x_pos;
    int32_t x_sum, x_hi, x_lo;
    /* scale (2.3) */
    int16_t *z;
    uint32_t z_first, z_count, z_cap;                    /* taken by the trunk; held from there on */
    uint32_t z_block, out_block;                         /* block being filled; next block to leave */
    ee_block_stats *blocks;           /* ring [n_blocks], from the next block to leave to the newest of the input */
    uint32_t *sums;                   /* ring [n_sums] of blocks: samples << 24 | sum of |z|, from `reach` before that block on */
    uint32_t n_blocks, n_sums;
    uint32_t pad_raw, pad_x;          /* padding still to be fed after the end */
    uint8_t started, x_started, x_summed, ended;
} ee_front_state;

enum { EE_GROWING, EE_COMPLETE, EE_PADDED };           /* all its frames are there; the padding behind them too */

typedef struct ee_tensor {
    uint8_t *data;
    uint16_t count, lead, real, cap;  /* frames held; of them padding in front; frames before the end padding */
    uint16_t channels, drop;          /* drop: frames that no layer needs any more */
    uint8_t zp, pads, tail, tail_left;                   /* frames of padding in front at the start, and behind the end */
    uint8_t state, passing;           /* EE_GROWING, EE_COMPLETE, EE_PADDED; 1: lives from one layer to the next, in scratch */
} ee_tensor;

typedef struct ee_quality_slot {
    int32_t hi, lo;
    uint32_t hi_count, lo_count;
    uint8_t missing, flat, flat_run, flat_longest;       /* blocks; a window has at most 160 */
} ee_quality_slot;

struct ee_stream {
    ee_model model;
    ee_config config;
    ee_front_state front;
    ee_tensor *tensors;               /* n_layers + 1 */
    uint16_t *pos_a, *pos_b;          /* for each layer: first frame of its next output in its inputs */
    uint32_t frame_next;              /* next frame of the last tensor to pool */
    uint64_t frame_index;             /* its number in the recording */
    uint32_t n_pools, n_slots;
    uint32_t pool_bytes;              /* of one window: sums (uint16[channels]) and maxima (uint8[channels]), as the head asks */
    uint8_t *pools;                   /* [n_pools][pool_bytes] */
    ee_quality_slot *slots;           /* [n_slots] */
    uint64_t window_open, window_done;                   /* next window to open in quality; to finish */
    uint64_t window_pool;             /* next window to start pooling */
    uint64_t samples;                 /* that have left the front end */
    uint8_t *scratch;                 /* a passing tensor and its reader's scratch, or, between runs, the result: */
    int16_t *e16;                     /* [dim] */
    int8_t *e8;                       /* [dim] */
    int32_t *acc;                     /* [acc_count] outputs of the head at once */
    uint16_t acc_count;
    uint8_t pool;                     /* of the head: 1 mean, 2 max */
    uint64_t result_start;
    uint32_t result_quality;
    uint8_t flushed, trunk_ended;
};

/* front.c */
void ee_front_layout(ee_front_state *f, const ee_config *config, uint8_t **memory);
void ee_front_fill_taps(ee_front_state *f);
void ee_front_reset(ee_front_state *f);
int ee_front_ready(const ee_front_state *f);           /* a block can leave */
int ee_front_full(const ee_front_state *f);            /* as many as the trunk takes at once can leave */
int ee_front_empty(const ee_front_state *f);           /* the recording has ended and all of it has left */
uint32_t ee_front_take(ee_front_state *f, uint8_t *y, ee_block_stats *stats);      /* a block: number of samples */
int32_t *ee_front_put(ee_front_state *f);              /* where to put up to chunk input samples */
void ee_front_done(ee_front_state *f, uint32_t n, uint32_t any_missing);           /* n were put there */
void ee_front_end_input(ee_front_state *f);
int ee_front_pad(ee_front_state *f);                   /* feeds padding behind the end; 0 when all is fed */
uint32_t ee_front_delay(const ee_front *front, uint32_t fs_mhz);

/* trunk.c */
void ee_trunk_layout(ee_stream *s, uint8_t **memory);
void ee_trunk_drop(ee_stream *s);                      /* makes room, before samples are put into tensor 0 */
void ee_trunk_reset(ee_stream *s);
void ee_trunk_run(ee_stream *s, int ended);
uint32_t ee_trunk_delay(const ee_model *model);

/* quality.c */
void ee_quality_open(ee_quality_slot *slot);
void ee_quality_merge(ee_quality_slot *slot, const ee_block_stats *stats);
uint32_t ee_quality_flags(const ee_quality_slot *slot, const ee_front *front, uint32_t fs_mhz);

/* head.c */
void ee_head_run(ee_stream *s, uint8_t *pools);       /* a window's sums and maxima, used up */

/* A bump allocator that also only counts: memory starts at NULL to learn the size. Aligned to 4. */
static inline void *ee_take(uint8_t **memory, size_t bytes)
{
    uintptr_t at = ((uintptr_t)*memory + 3u) & ~(uintptr_t)3u;
    *memory = (uint8_t *)(at + bytes);
    return (void *)at;
}

/* The same, aligned to 8. */
static inline void *ee_take_aligned(uint8_t **memory, size_t bytes)
{
    *memory = (uint8_t *)(((uintptr_t)*memory + 7u) & ~(uintptr_t)7u);
    return ee_take(memory, bytes);
}

#endif
