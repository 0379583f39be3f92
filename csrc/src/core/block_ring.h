/* The statistics of the blocks that are in the front end, and the block that the input has reached. */
#ifndef EE_BLOCK_RING_H
#define EE_BLOCK_RING_H

#include "block_stats.h"
#include "kernels.h"

/* Blocks are numbered in 32 bits. A stream that has come so far takes no more samples: what it is given at once, and
 * the padding behind the end, still have numbers. */
#define EE_MOST_BLOCKS 0xFFFFF000u

typedef struct ee_block_ring {
    /* configuration */
    ee_block_stats *blocks; /* [size], from the next block to leave to the newest one of the input */
    uint32_t size;
    uint32_t fs; /* sampling rate of the input in millihertz */
#ifndef EE_NO_HOST
    const ee_kernels *kernels;
#endif
    /* state */
    uint32_t newest;    /* the block that the last input sample belongs to */
    uint32_t left;      /* input samples that it still takes */
    uint32_t remainder; /* of the division that gave its length, carried to the next block */
    int32_t last;       /* the last value, which is held over gaps */
    int32_t before[2];  /* the last two input samples */
    uint32_t seen;      /* input samples so far, counted to 2 */
} ee_block_ring;

static inline ee_block_stats *ee_block_at(const ee_block_ring *ring, uint32_t block)
{ return &ring->blocks[block % ring->size]; }

void ee_block_ring_reset(ee_block_ring *ring);
/* Clears the statistics of a block; `value` is its first sample. */
ee_block_stats *ee_block_open(ee_block_ring *ring, uint32_t block, int32_t value);
/* Takes n >= 1 more input samples into their blocks, and fills the gaps in x with the last value. */
void ee_block_ring_update(ee_block_ring *ring, int32_t *x, uint32_t n, uint32_t any_missing);

#endif
