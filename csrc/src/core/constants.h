/* The fixed numbers of docs/numerics.md and docs/format.md that more than one file needs. */
#ifndef EE_CONSTANTS_H
#define EE_CONSTANTS_H

#define EE_RATE_MHZ     128000u /* EE_RATE in millihertz */
#define EE_BLOCK        32u     /* samples at 128 Hz in a block of the front end */
#define EE_TABLE_STEP   32u     /* points of the resampling table for each output sample */
#define EE_STEP_LIMIT   6u      /* the most that a step between two bytes adds to a block's roughness */
#define EE_MULT_SHIFT   14      /* a multiplier m of requantization stands for m / 2^14 */
#define EE_MAX_LAYERS   64u     /* of a model */
#define EE_MAX_CHANNELS 1024u   /* of a tensor */
#define EE_MAX_DIM      1024u   /* numbers of an embedding */
#define EE_NO_TENSOR    0xFFFFu /* a layer's second source where it has none */
#define EE_N_LEVELS     3u      /* size, wander and range of a window */
#define EE_LEVEL_MARGIN 2u      /* blocks at each end of a window whose baseline does not count */

#endif
