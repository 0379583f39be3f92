/* The front end between two calls. Samples pass through three stages, each with a buffer of samples that it still
 * needs:
 *
 *     resampler   raw input -> x at 128 Hz     docs/numerics.md 2.1
 *     baseline    x -> z                       2.2
 *     scaler      z -> bytes                   2.3
 *
 * The ring holds the statistics of the blocks that are in them. In each structure, what the layout sets comes first,
 * and what a reset sets comes behind it. The model's constants are apart from both: `front`. */
#ifndef EE_FRONT_STATE_H
#define EE_FRONT_STATE_H

#include "block_ring.h"
#include "build_options.h"
#include "kernels.h"
#include "model_view.h"

#ifndef EE_NO_HOST
#define EE_BLOCKS_AT_ONCE 32u /* the most blocks that leave the scaler in one call */
#else
#define EE_BLOCKS_AT_ONCE 1u
#endif
/* The most input samples that a device takes at once: they lie in front of the resampler's history. */
#define EE_DEVICE_CHUNK 16u

/* The plain front end has no resampler: its samples wait here until they are scaled. */
typedef struct ee_resampler {
    /* configuration */
    int32_t *raw; /* input samples held */
#ifndef EE_NO_HOST
    double *taps;           /* the taps of every phase, [n_phases][row], or NULL */
    uint32_t row, n_phases; /* length of a row; rows */
    ee_tap_words tap_words; /* the same in words */
    uint32_t fits_words;    /* sums of products of words do not overflow */
    int16_t *words;         /* the samples held, without their level */
#endif
    uint32_t fe, half, step, scale; /* fe, H, step and g of docs/numerics.md 2.1 */
    uint32_t whole, fraction;       /* input samples from one output to the next: whole + fraction / EE_RATE_MHZ */
    uint32_t chunk;                 /* the most input samples taken at once */
    /* state */
    uint32_t count;      /* samples held */
    uint32_t pos, phase; /* sample left of the next output, and the distance from it in 1 / EE_RATE_MHZ */
#ifndef EE_NO_HOST
    uint32_t row_index; /* of the phase: phase = row_index * EE_RATE_MHZ / n_phases */
#endif
    uint16_t padding; /* samples still to be fed behind the end */
    uint8_t ended;    /* no more input comes */
} ee_resampler;

typedef struct ee_baseline {
    /* configuration */
    int32_t *x; /* samples at 128 Hz held, [capacity] */
    uint32_t capacity;
    /* state */
    uint32_t count, pos; /* held; the next one to leave */
    int32_t sum, hi, lo; /* of the moving average's window; extremes of the block so far */
    uint16_t padding;    /* samples still to be fed behind the end */
    uint8_t summed;      /* the first window is summed */
} ee_baseline;

typedef struct ee_scaler {
    /* configuration */
    int16_t *z;     /* samples held */
    uint32_t *sums; /* of blocks, a ring [n_sums]: samples << 24 | sum of |z|, from `reach` blocks back on */
    int32_t *bases; /* a ring [n_sums - reach]: the baseline at each block's first sample; NULL without levels */
    uint32_t n_sums;
    /* state */
    uint32_t first, count;   /* samples that have left; samples held from there on */
    uint32_t filling, block; /* the block that is being filled; the next one to leave */
#ifndef EE_NO_HOST
    /* Sums over the blocks within `reach` of the next one to leave, the first block that is not in them yet, and the
     * places of that one and of the oldest one in `sums`. */
    uint32_t reach_sum, reach_samples, entering, entering_at, leaving_at;
#endif
} ee_scaler;

typedef struct ee_front_state {
    const ee_front *front; /* the model's constants */
#ifndef EE_NO_HOST
    const ee_kernels *kernels;
    uint32_t whole; /* 1: the samples that come are the whole recording, and wait for the padding behind it */
#endif
    ee_resampler resampler;
    ee_baseline baseline;
    ee_scaler scaler;
    ee_block_ring ring;
} ee_front_state;

#endif
