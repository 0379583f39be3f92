/* What the files of the core share. Not for users. */
#ifndef EE_INTERNAL_H
#define EE_INTERNAL_H

#include "edgeecg.h"

#ifdef __cplusplus
#define restrict __restrict /* the core compiles as C++ too, for build systems that have nothing else */
#endif
#ifndef __GNUC__
#error "the core is written for GCC, clang and compilers that follow them: it uses their builtins"
#endif
#if !defined(EE_EXPORTED) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are read in place, in little-endian order: on this processor use a folder of `edgeecg export-c`"
#endif
#if !defined(EE_NO_HOST) && defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "doubles have to be computed as doubles: on 32-bit x86 compile with -msse2 -mfpmath=sse"
#endif
#define EE_ALWAYS_INLINE static inline __attribute__((always_inline))
#define EE_NOINLINE __attribute__((noinline)) /* together they would spill each other's registers, or be there twice \
                                               */

#define EE_BLOCK 32u /* samples at 128 Hz in a front-end block */
#define EE_DEVICE_CHUNK \
    16u /* a device takes so many of its samples at once, at most: they lie in front of the resampler's history */
#define EE_MAX_LAYERS      64u
#define EE_RATE_MHZ        128000u /* 128 Hz in millihertz */
#define EE_TABLE_STEP      32u     /* points of the kernel table per output sample */
#define EE_MULT_SHIFT      14      /* requantisation: multipliers are m / 2^14 */
#define EE_NO_TENSOR       0xFFFFu
#define EE_LANES           16u /* output channels that a vector kernel makes at once */
#define EE_OVERREAD_FRAMES 16u
#define EE_STEP_LIMIT      6u /* a step of the front end's bytes counts as at most so much in a block's roughness */

/* ---------------------------------------------------------------- what the core is compiled for */
#ifdef EE_NO_HOST
#define EE_ON_DEVICE 1
#else
#define EE_ON_DEVICE 0
#endif
/* EE_LAYERS(test) of an exported folder is `|| test(EE_LAYER_TRAITS(op, requant, cin, cout, groups, kernel, stride,
 * scratch))` for each layer of its models: a test that none passes is 0 for the compiler, and what stands behind it is
 * left out.
 */
#ifdef EE_EXPORTED
#define EE_ANY_LAYER(test) (0 EE_LAYERS(test))
#else
#define EE_ANY_LAYER(test) 1
#define EE_FRONT_KINDS     3u  /* bit k: front ends of kind k */
#define EE_POOL_MODES      15u /* bit p: heads with pool p */
#define EE_LEVELS          3u  /* of the heads, combined */
#define EE_TRUNK_BLOCKS    0u  /* ee_config.block of all models, combined with | */
#endif
#define EE_FRONT_KIND(front)   (EE_FRONT_KINDS == 3u ? (front)->kind : (uint8_t)(EE_FRONT_KINDS >> 1))
#define EE_TRUNK_BLOCK(config) (EE_TRUNK_BLOCKS == EE_BLOCK ? EE_BLOCK : (config)->block)
/* The head pools means, maxima. */
#define EE_POOLS_MEAN(pool) ((EE_POOL_MODES & 10u) && (!(EE_POOL_MODES & 4u) || ((pool) & 1)))
#define EE_POOLS_MAX(pool)  ((EE_POOL_MODES & 12u) && (!(EE_POOL_MODES & 2u) || ((pool) & 2)))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ /* one load, also where GCC optimises for size */
static inline uint16_t ee_u16(const uint8_t *p)
{
    uint16_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t ee_u32(const uint8_t *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
#else
static inline uint16_t ee_u16(const uint8_t *p) { return (uint16_t)(p[0] | (unsigned)p[1] << 8); }
static inline uint32_t ee_u32(const uint8_t *p) { return ee_u16(p) | (uint32_t)ee_u16(p + 2) << 16; }
#endif
/* (n << shift) / d in 32 bits, where the quotient fits: six bits at a time, for d < 2^26. 64-bit divisions are long
 * calls on a device. */
static inline uint32_t ee_quotient(uint32_t n, uint32_t shift, uint32_t d)
{
#ifndef EE_NO_HOST
    return (uint32_t)(((uint64_t)n << shift) / d);
#endif
    uint32_t q = n / d, rest = n % d;
    for (uint32_t bits; shift; shift -= bits) {
        bits = shift < 6 ? shift : 6;
        rest <<= bits;
        q = q << bits | rest / d;
        rest %= d;
    }
    return q;
}
static inline int32_t ee_clamp(int32_t v, int32_t lo, int32_t hi) { return v < lo ? lo : v > hi ? hi : v; }
static inline int64_t ee_rnd(int64_t v, int shift) { return (v + ((int64_t)1 << (shift - 1))) >> shift; }
static inline uint32_t ee_min(uint32_t a, uint32_t b) { return a < b ? a : b; }
static inline uint32_t ee_max(uint32_t a, uint32_t b) { return a > b ? a : b; }
/* A multiplier below 2^13 keeps acc * m below 2^44; the result of any accumulator fits int32. */
static inline int32_t ee_rescale(int32_t acc, int32_t m, int shift) { return (int32_t)ee_rnd((int64_t)acc * m, shift); }

/* Values that saturate are limited before their product with r, so that it fits int32: a size above `limit` gives at
 * least 2^28 / 2^20 = 256, and limit * r <= 2^30. Hosts take a power of two, which needs no division. */
static inline int32_t ee_saturation_limit(int32_t r)
{
#ifdef EE_NO_HOST
    return ((int32_t)1 << 28) / r + 1;
#else
    return (int32_t)1 << (r >> 28 ? 0 : __builtin_clz((uint32_t)r | 1u) - 3); /* the plain front end's may reach 2^30 */
#endif
}

/* Freestanding stand-ins for memcpy, memmove and memset: compilers turn them into calls or loops as they see fit. */
#ifdef EE_NO_HOST
void ee_copy(void *to, const void *from, size_t n); /* device.c: there once */
#else
static inline void ee_copy(void *to, const void *from, size_t n)
{
    uint8_t *d = (uint8_t *)to;
    const uint8_t *s = (const uint8_t *)from;
    for (size_t i = 0; i < n; i++) d[i] = s[i]; /* to <= from where they overlap */
}
#endif
static inline uint32_t ee_whole_lanes(uint32_t channels) { return (channels + EE_LANES - 1) / EE_LANES * EE_LANES; }

static inline void ee_fill(uint8_t *to, uint8_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = value;
}

/* ---------------------------------------------------------------- records of the model file (docs/format.md) */
typedef struct ee_front {
    const int16_t *table;
    uint32_t min_rate, floor, gain[4], direct_gain, window;
    uint16_t baseline, reach, table_half, flat_max, flat_blocks, off_blocks, clip_ms, noise;
    uint8_t kind, channels, log2_baseline;
} ee_front;

enum { EE_CONV = 1, EE_ADD = 2, EE_MAX_POOL = 3 };

typedef struct ee_layer {
    const int8_t *weights; /* [cout][kernel][cin / groups] */
    const int32_t *bias;
    const int16_t *mult;                      /* requant 0 */
    const int32_t *mult_pos, *mult_neg, *add; /* requant 1 */
    const void *packed;                       /* weights in the kernel's own order, or NULL */
    int32_t m_a, m_b;
    uint16_t src_a, src_b, cin, cout, groups, kernel, stride, pad_left;
    uint8_t op, requant, zp_out, zp_a, zp_b;
} ee_layer;

/* Requantisation 1: leaky ReLU, then an affine map. */
static inline uint8_t ee_requantize_affine(const ee_layer *layer, uint32_t c, int32_t acc)
{
    int64_t v =
        ee_rnd((int64_t)acc * (acc >= 0 ? layer->mult_pos[c] : layer->mult_neg[c]) + layer->add[c], 22) + layer->zp_out;
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

typedef struct ee_sources {
    uint16_t a, b;
} ee_sources;
#ifndef EE_EXPORTED
void ee_front_view(const ee_model *model, ee_front *front);
void ee_layer_view(const ee_model *model, uint32_t index, ee_layer *layer); /* index from 0 */
void ee_head_view(const ee_model *model, ee_head *head);
#endif
/* src_a and src_b alone */
#ifdef EE_EXPORTED
static inline ee_sources ee_layer_sources(const ee_model *model, uint32_t index)
{
    ee_sources from = { model->layers[index].src_a, model->layers[index].src_b };
    return from;
}
#else
ee_sources ee_layer_sources(const ee_model *model, uint32_t index);
#endif

#include "front.h"

/* What decides which kernel a layer takes. scratch: there is some for it, and its weights are paired (arm/dsp_rows.h).
 */
typedef struct ee_layer_traits {
    uint32_t op, requant, cin, cout, groups, kernel, stride, scratch;
} ee_layer_traits;
EE_ALWAYS_INLINE ee_layer_traits EE_LAYER_TRAITS(uint32_t op, uint32_t requant, uint32_t cin, uint32_t cout,
                                                 uint32_t groups, uint32_t kernel, uint32_t stride, uint32_t scratch)
{
    ee_layer_traits sort = { op, requant, cin, cout, groups, kernel, stride, scratch };
    return sort;
}
EE_ALWAYS_INLINE int ee_is_conv(ee_layer_traits l) { return l.op == EE_CONV; }
EE_ALWAYS_INLINE int ee_is_add(ee_layer_traits l) { return l.op == EE_ADD; }
EE_ALWAYS_INLINE int ee_is_max_pool(ee_layer_traits l) { return l.op == EE_MAX_POOL; }
EE_ALWAYS_INLINE int ee_is_affine(ee_layer_traits l) { return l.op == EE_CONV && l.requant == 1; }
EE_ALWAYS_INLINE int ee_is_by_4(ee_layer_traits l)
{ return l.op == EE_CONV && l.groups > 1 && l.cin == l.cout && l.cin == 4 * l.groups; }
EE_ALWAYS_INLINE int ee_is_depthwise(ee_layer_traits l)
{ return l.op == EE_CONV && l.groups > 1 && l.cin == l.cout && l.cin == l.groups; }
/* Has the layer that operation? Has the convolution that sort? */
#define EE_OP_IS(test, l) (EE_ANY_LAYER(test) && test(EE_LAYER_TRAITS((l)->op, 0, 0, 0, 0, 0, 0, 0)))
#define EE_CONV_IS(test, l, scratch)                                                                                  \
    (EE_ANY_LAYER(test) && test(EE_LAYER_TRAITS(EE_CONV, EE_AFFINE(l), (l)->cin, (l)->cout, (l)->groups, (l)->kernel, \
                                                (l)->stride, (scratch) != NULL)))
#define EE_HAS_ADD       EE_ANY_LAYER(ee_is_add)
#define EE_AFFINE(layer) (EE_ANY_LAYER(ee_is_affine) ? (layer)->requant : 0u)

/* ---------------------------------------------------------------- kernels: one table for each instruction set */
typedef enum ee_packing { EE_NOT_PACKED, EE_PACKED, EE_PACKED_WIDE, EE_PACKED_SIGNED } ee_packing;

#ifndef EE_NO_HOST
struct ee_kernels {
    const char *name;
    ee_packing packed; /* the order of weights that it reads: pack.c */
    /* n output frames from x, the first frame of the first output's window (frames of cin bytes). Reads up to
     * EE_OVERREAD_FRAMES frames more, whose values do not matter */
    void (*conv)(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n);
    /* acc[d] = bias[d] + sum of weights[d][i] * u[i] */
    void (*linear)(const ee_head *head, const uint8_t *u, int32_t *acc);
    /* loops.h says what these and those below do */
    void (*add)(const ee_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *y, uint32_t n);
    void (*max_pool)(const uint8_t *x, uint8_t *y, uint32_t n, uint32_t frames, size_t hop, uint32_t channels);
    /* e16 and e8 from the sums: docs/numerics.md section 4 */
    void (*requantize)(const int32_t *acc, const int16_t *mult, uint32_t n, int16_t *e16, int8_t *e8);
    /* one frame into a window's sums and maxima; NULL: not asked for */
    void (*pool)(const uint8_t *frames, uint32_t n, uint16_t *sum, uint8_t *max, uint32_t channels);
    uint32_t (*detrend)(const int32_t *x, uint32_t half, uint32_t log2_width, int32_t *sum, uint32_t n, int16_t *z,
                        int32_t *hi, int32_t *lo);
    void (*scale)(const int16_t *z, int32_t r, uint32_t n, uint8_t *y, uint32_t step);
    void (*scale_plain)(const int32_t *x, int32_t r, uint32_t n, uint8_t *y);
    void (*rails)(const int32_t *x, uint32_t n, ee_rails *rails);
    uint32_t (*roughness)(const uint8_t *y, uint32_t n, uint32_t step);
    /* the four above for whole blocks in a row, of one channel: with each block's part of the statistics */
    void (*detrend_blocks)(const int32_t *x, const ee_front *front, int32_t *sum, uint32_t blocks, int16_t *z,
                           uint32_t *sums, ee_block_stats *stats);
    void (*scale_blocks)(const int16_t *z, const int32_t *r, uint32_t blocks, uint8_t *y);
    void (*rails_blocks)(const int32_t *x, uint32_t blocks, ee_block_stats *stats);
    void (*roughness_blocks)(const uint8_t *y, uint32_t blocks, ee_block_stats *stats);
    int64_t (*fir)(const double *tap, const int32_t *x, uint32_t n);
    void (*fir_blocks)(const double *tap, uint32_t taps, const int32_t *x, int32_t *out, uint32_t blocks);
    uint32_t (*read_f32)(const float *x, double scale, uint32_t n, int32_t *out);
    uint32_t (*read_f64)(const double *x, double scale, uint32_t n, int32_t *out);
    void (*extremes_f32)(const float *x, size_t n, float *lowest, float *highest);
    void (*extremes_f64)(const double *x, size_t n, double *lowest, double *highest);
};

extern const ee_kernels ee_kernels_scalar;
const ee_kernels *ee_kernels_default(void);           /* dispatch.c */
const ee_kernels *ee_kernels_named(const char *name); /* NULL when unknown or not of this processor */
#define EE_KERNEL(kernels, name) (kernels)->name
#else
/* A device has one instruction set, known to the compiler: functions of tiled.c, arm/dsp.c or arm/mve.c, and of
 * loops.c. */
void ee_run_conv(const ee_layer *layer, uint8_t *scratch, const uint8_t *x, uint8_t *y,
                 uint32_t n); /* scratch: 4 bytes for each byte of an input frame, aligned to 4, or NULL */
int32_t ee_run_dot(const uint8_t *u, const int8_t *w, uint32_t n);
void ee_run_add(const ee_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *y, uint32_t n);
void ee_run_max_pool(const uint8_t *x, uint8_t *y, uint32_t n, uint32_t frames, size_t hop, uint32_t channels);
void ee_run_pool(const uint8_t *frames, uint32_t n, uint16_t *sum, uint8_t *max, uint32_t channels);
uint32_t ee_run_detrend(const int32_t *x, uint32_t half, uint32_t log2_width, int32_t *sum, uint32_t n, int16_t *z,
                        int32_t *hi, int32_t *lo);
void ee_run_scale(const int16_t *z, int32_t r, uint32_t n, uint8_t *y, uint32_t step);
void ee_run_scale_plain(const int32_t *x, int32_t r, uint32_t n, uint8_t *y);
void ee_run_rails(const int32_t *x, uint32_t n, ee_rails *rails);
uint32_t ee_run_roughness(const uint8_t *y, uint32_t n, uint32_t step);
#define EE_KERNEL(kernels, name) ee_run_##name
#endif

/* ---------------------------------------------------------------- state: lives in the caller's memory */
enum {
    EE_TENSOR_GROWING,
    EE_TENSOR_COMPLETE,
    EE_TENSOR_PADDED
}; /* all its frames are there; the padding behind them too */

typedef struct ee_tensor {
    uint16_t count, lead, real; /* frames held; of them padding in front; frames before the end padding */
    uint16_t drop;              /* frames that no layer needs any more */
    uint8_t tail_left,
        state; /* padding behind the end that is to come; EE_TENSOR_GROWING, EE_TENSOR_COMPLETE, EE_TENSOR_PADDED */
} ee_tensor;

typedef struct ee_quality_slot {
    int32_t hi, lo;
    uint32_t hi_count, lo_count;
    uint16_t rough;               /* sum over the blocks: below 2^15 */
    uint8_t left, flat, flat_run; /* blocks to come; flat ones; those in a row: a window has at most 160 */
    uint8_t flags;                /* EE_QUALITY_MISSING, EE_QUALITY_LEAD_OFF */
} ee_quality_slot;

#define EE_N_LEVELS     3u /* size, wander, range: docs/numerics.md section 4.1 */
#define EE_LEVEL_MARGIN 2u /* blocks at each end of a window whose baseline does not count */
typedef struct ee_level_slot {
    int64_t squares;            /* of d */
    int32_t level[EE_N_LEVELS]; /* while the window is open: sum of |z|, sum of d, baseline that d is counted from */
} ee_level_slot;

/* Windows begin `hop` apart and are met in steps of so many samples each: until the next one, counted without a
 * division. */
typedef struct ee_countdown {
    uint32_t left, rest;
} ee_countdown;
/* A ring of open windows, the oldest one first. */
typedef struct ee_ring {
    uint16_t size, first, count;
} ee_ring;

struct ee_stream {
#ifdef EE_EXPORTED
    const ee_model *model;
#else
    ee_model model[1]; /* the caller's may go */
    ee_front front_view;
#endif
    ee_config config;
    ee_front_state front;
    const ee_buffer *buffers; /* n_layers + 1 */
    ee_tensor *tensors;       /* n_layers + 1 */
    uint8_t
        *frames; /* of the tensors, and behind them, at `scratch`, those of passing ones and their readers' scratch, */
    uint8_t *scratch; /* or, between runs, the result: int16 [dim], int8 [dim] */
    uint16_t *pos_a,
        *pos_b; /* for each layer: first frame of its next output in its inputs; pos_b: where there are additions */
    uint32_t frame_next; /* next frame of the last tensor to pool */
    uint8_t *pools; /* [n_pools][pool_bytes]: sums (uint16[channels]) and maxima (uint8[channels]), as the head asks */
    uint16_t *pooled;           /* [n_pools] frames in it */
    ee_quality_slot *slots;     /* ring of windows in quality */
    ee_level_slot *level_slots; /* the same ring; NULL where the head asks for none */
    ee_ring open_pools, open_slots;
    ee_countdown next_pool, next_slot; /* in frames, in blocks */
    int32_t ahead;       /* samples that have left the front end, from the start of the oldest window on */
    uint64_t next_start; /* of that window */
    uint32_t pool_bytes;
#ifndef EE_NO_HOST
    int32_t *acc;     /* [dim] sums of the head */
    ee_layer *layers; /* views of the model's, made once */
#endif
    uint8_t result_quality, flushed, trunk_ended;
    uint8_t pool; /* of the head: 1 mean, 2 max */
};

/* trunk.c */
void ee_trunk_layout(ee_stream *s, uint8_t **memory, int filling); /* not filling: counts */
/* Places the tensors, in buffers[0 .. n_layers] unless NULL: bytes of all frames with what follows them, `scratch` the
 * place of that. */
uint32_t ee_trunk_plan(const ee_model *model, uint32_t block, ee_buffer *buffers, uint32_t *scratch);
void ee_trunk_discard(ee_stream *s); /* makes room, before samples are put into tensor 0 */
void ee_trunk_reset(ee_stream *s);
void ee_trunk_run(ee_stream *s, int ended);
uint32_t ee_trunk_delay(const ee_model *model);
static inline uint8_t *ee_tensor_frames(const ee_stream *s, uint32_t t) { return s->frames + s->buffers[t].offset; }

/* Layer i from 0 on, viewed into *view where it is neither a constant nor kept. */
static inline const ee_layer *ee_layer_at(const ee_stream *s, uint32_t i, ee_layer *view)
{
#ifdef EE_EXPORTED
    (void)view;
    return &s->model->layers[i];
#elif defined(EE_NO_HOST)
    ee_layer_view(s->model, i, view);
    return view;
#else
    (void)view;
    return &s->layers[i];
#endif
}

/* quality.c */
void ee_quality_open(ee_quality_slot *slot, uint32_t blocks);
void ee_quality_merge(ee_quality_slot *slot, const ee_block_stats *stats, uint32_t off_blocks);
uint32_t ee_quality_flags(const ee_quality_slot *slot, const ee_front *front, uint32_t fs_mhz);

/* levels.c */
void ee_levels_merge(ee_level_slot *slot, uint32_t size, int32_t base, uint32_t before,
                     uint32_t behind); /* blocks of the window around this one */
void ee_levels_finish(ee_level_slot *slot, const ee_quality_slot *extremes, uint32_t blocks);

/* head.c */
void ee_head_run(ee_stream *s, uint8_t *pools,
                 const int32_t *levels); /* a window's sums and maxima, used up; levels: EE_N_LEVELS or NULL */

/* A bump allocator that also only counts: memory starts at NULL to learn the size. Aligned to 4. */
static inline void *ee_allocate(uint8_t **memory, size_t bytes)
{
    uintptr_t at = ((uintptr_t)*memory + 3u) & ~(uintptr_t)3u;
    *memory = (uint8_t *)(at + bytes);
    return (void *)at;
}

/* The same, aligned to 8. */
static inline void *ee_allocate_8(uint8_t **memory, size_t bytes)
{
    *memory = (uint8_t *)(((uintptr_t)*memory + 7u) & ~(uintptr_t)7u);
    return ee_allocate(memory, bytes);
}

#endif
