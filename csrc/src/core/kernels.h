/* The inner loops. A host has a table of them for each instruction set and takes one when it views a model; a device
 * has one instruction set, known to the compiler, and calls functions. EE_KERNEL(kernels, name) gives that entry
 * or that function. */
#ifndef EE_KERNELS_H
#define EE_KERNELS_H

#include "block_stats.h"
#include "model_view.h"

#ifndef EE_NO_HOST
#define EE_LANES           16u /* output channels that a vector kernel makes at once */
#define EE_OVERREAD_FRAMES 16u /* frames behind its input that a convolution may read; their values do not matter */
#define EE_WORD_ROW        32u /* taps in words come in rows of a multiple of this */
#define EE_MAX_CACHED_TAPS 72u /* of fir_blocks: 2 * (32 + 1), rounded up to 8 */

/* The order of the weights that a table reads: host/pack.c. */
typedef enum ee_packing { EE_NOT_PACKED, EE_PACKED, EE_PACKED_WIDE, EE_PACKED_SIGNED } ee_packing;

/* The resampler's taps of every phase in words of 16 bits, 256 high + low: n_rows rows of `row` words high, then as
 * many low; `row` is a multiple of EE_WORD_ROW. From one output to the next, `rows_ahead` rows and `whole` samples. */
typedef struct ee_tap_words {
    int16_t *words;
    uint32_t row, n_rows, rows_ahead, whole;
} ee_tap_words;

typedef struct ee_kernels {
    const char *name;
    ee_packing packed;
    /* n output frames; x is the first frame of the first output's window, and a frame has cin bytes. */
    void (*conv)(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n);
    /* acc[d] = bias[d] + sum of weights[d][i] * u[i] */
    void (*linear)(const ee_head *head, const uint8_t *u, int32_t *acc);
    /* core/kernel_loops.h says what these do. */
    void (*add)(const ee_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *y, uint32_t n);
    void (*max_pool)(const uint8_t *x, uint8_t *y, uint32_t n, uint32_t frames, size_t hop, uint32_t channels);
    void (*requantize)(const int32_t *acc, const int16_t *mult, uint32_t n, int16_t *e16, int8_t *e8);
    void (*pool)(const uint8_t *frames, uint32_t n, uint16_t *sum, uint8_t *max, uint32_t channels);
    uint32_t (*detrend)(const int32_t *x, uint32_t half, uint32_t log2_width, int32_t *sum, uint32_t n, int16_t *z,
                        int32_t *hi, int32_t *lo);
    void (*scale)(const int16_t *z, int32_t r, uint32_t n, uint8_t *y, uint32_t step);
    void (*scale_plain)(const int32_t *x, int32_t r, uint32_t n, uint8_t *y);
    void (*rails)(const int32_t *x, uint32_t n, ee_rails *rails);
    uint32_t (*roughness)(const uint8_t *y, uint32_t n, uint32_t step);
    /* The same for whole blocks in a row, of one channel: with each block's part of the statistics. */
    void (*detrend_blocks)(const int32_t *x, const ee_front *front, int32_t *sum, uint32_t blocks, int16_t *z,
                           uint32_t *sums, ee_block_stats *stats);
    void (*scale_blocks)(const int16_t *z, const int32_t *r, uint32_t blocks, uint8_t *y);
    void (*rails_blocks)(const int32_t *x, uint32_t blocks, ee_block_stats *stats);
    void (*roughness_blocks)(const uint8_t *y, uint32_t blocks, ee_block_stats *stats);
    int64_t (*fir)(const double *tap, const int32_t *x, uint32_t n);
    uint32_t (*narrow)(const int32_t *x, uint32_t n, int32_t level, int16_t *words);
    void (*fir_words)(const ee_tap_words *taps, uint32_t row_index, const int16_t *x, int32_t level, uint32_t n,
                      int32_t *out);
    void (*fir_blocks)(const double *tap, uint32_t taps, const int32_t *x, int32_t *out, uint32_t blocks);
    void (*gain_i16)(const int16_t *x, int32_t mult, int32_t shift, uint32_t n, int32_t *out);
    uint32_t (*gain_i32)(const int32_t *x, int32_t mult, int32_t shift, uint32_t n, int32_t *out);
    uint32_t (*read_f32)(const float *x, double scale, uint32_t n, int32_t *out);
    uint32_t (*read_f64)(const double *x, double scale, uint32_t n, int32_t *out);
    void (*extremes_i16)(const int16_t *x, size_t n, int16_t *lowest, int16_t *highest);
    void (*extremes_i32)(const int32_t *x, size_t n, int32_t *lowest, int32_t *highest);
    void (*extremes_f32)(const float *x, size_t n, float *lowest, float *highest);
    void (*extremes_f64)(const double *x, size_t n, double *lowest, double *highest);
} ee_kernels;

extern const ee_kernels ee_kernels_scalar;
const ee_kernels *ee_kernels_default(void);           /* host/dispatch.c */
const ee_kernels *ee_kernels_named(const char *name); /* NULL when unknown or not of this processor */
#define EE_KERNEL(kernels, name) (kernels)->name

static inline uint32_t ee_whole_lanes(uint32_t channels) { return (channels + EE_LANES - 1) / EE_LANES * EE_LANES; }

#else
/* device/tiled.c, arm_dsp.c or arm_mve.c. scratch: 4 bytes for each byte of an input frame, aligned to 4, or NULL. */
void ee_run_conv(const ee_layer *layer, uint8_t *scratch, const uint8_t *x, uint8_t *y, uint32_t n);
int32_t ee_run_dot(const uint8_t *u, const int8_t *w, uint32_t n);
/* device/loops.c: core/kernel_loops.h says what these do. */
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

#endif
