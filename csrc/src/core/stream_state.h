/* A stream: everything between the samples and the results, in one block of the caller's memory. */
#ifndef EE_STREAM_STATE_H
#define EE_STREAM_STATE_H

#include "front_state.h"
#include "levels.h"
#include "quality.h"
#include "trunk.h"

/* Windows begin `hop` samples apart and are met in steps of so many samples each: the steps until the next one, counted
 * without a division. */
typedef struct ee_countdown {
    uint32_t left, rest;
} ee_countdown;

/* A ring of open windows, the oldest one first. */
typedef struct ee_ring {
    uint16_t size, first, count;
} ee_ring;

/* The windows that have begun and are not finished. Their blocks come earlier than their frames, so there are two
 * rings: one of windows whose blocks are counted, one of windows whose frames are pooled. */
typedef struct ee_open_windows {
    uint64_t next_start; /* of the oldest window */
    int32_t ahead;       /* samples from there on that have left the front end */
    ee_ring by_blocks, by_frames;
    ee_countdown next_by_blocks, next_by_frames; /* until the next window begins */
    ee_quality_slot *quality;                    /* [by_blocks.size] */
    ee_level_slot *levels;                       /* [by_blocks.size]; NULL where the head asks for none */
    uint16_t *pooled;                            /* [by_frames.size] frames that are pooled */
    /* [by_frames.size][pool_bytes] sums (uint16[channels]) and maxima (uint8[channels]), as the head asks */
    uint8_t *pools;
    uint32_t pool_bytes;
    uint8_t pool;         /* of the head: 1 mean, 2 max, 3 both */
    uint8_t last_quality; /* of the last result */
} ee_open_windows;

struct ee_stream {
    ee_config config;
    ee_front_state front;
    ee_trunk trunk;
    ee_open_windows windows;
#ifndef EE_EXPORTED
    ee_front front_view; /* what front.front points to */
#endif
};

#endif
