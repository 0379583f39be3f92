/* State of the front end, and what its files share: front.c, block_stats.c, taps.c. Not for users. */
#ifndef EE_FRONT_H
#define EE_FRONT_H

#define EE_MAX_CACHED_TAPS 72u /* fir_blocks: 2 * (32 + 1), rounded up to 8 */

typedef struct ee_rails {
    int32_t hi, lo;
    uint32_t at_hi, at_lo;
} ee_rails;

#ifndef EE_NO_HOST
typedef struct ee_kernels ee_kernels;
#define EE_BLOCKS_AT_ONCE 32u /* blocks that leave at once, at most */
#else
#define EE_BLOCKS_AT_ONCE 1u
#endif

typedef struct ee_block_stats {  /* one block of 32 samples at 128 Hz */
    int32_t hi, lo;              /* extremes of the input samples */
    uint16_t hi_count, lo_count; /* input samples at hi / lo that are at least third in a run */
    uint8_t missing, flat;       /* 1: a sample was missing; the block is flat */
    uint16_t rough;              /* roughness, where the front end asks for it: at most 31 * EE_STEP_LIMIT */
} ee_block_stats;

typedef struct ee_front_state {
    const ee_front *front;
    /* input and resampler (docs/numerics.md 2.1) */
    int32_t *raw; /* input samples held */
#ifndef EE_NO_HOST
    const ee_kernels *kernels;
    double *taps; /* cached taps [n_phases][row], or NULL */
    uint32_t row, row_index, phase_step, n_phases;
    uint32_t whole; /* the samples that come are the whole recording: they wait for the padding behind it */
    struct {
        uint32_t sum, samples, next, next_at, oldest_at;
    } around; /* of the blocks around the next one to leave: sum of |z|, samples, */
              /* the first block that is not in yet, places of that and of the oldest one in `sums` */
#endif
    uint32_t raw_count, raw_real; /* raw_real: samples that are not padding */
    uint32_t half, step, scale, fe, fs, phase;
    uint32_t pos;                       /* raw index of the sample left of the next output */
    uint32_t chunk;                     /* input samples taken at once */
    uint32_t batch;                     /* samples at 128 Hz that leave together */
    int32_t last;                       /* last value, held over gaps */
    int32_t before[2];                  /* the last two input samples */
    uint32_t seen;                      /* input samples so far, up to 2 */
    uint32_t in_block, in_left, in_rem; /* input side of the block statistics */
    /* baseline (2.2) */
    int32_t *x;
    uint32_t x_count, x_cap, x_real, x_pos;
    int32_t x_sum, x_hi, x_lo;
    /* scale (2.3) */
    int16_t *z;
    uint32_t z_first, z_count;   /* taken by the trunk; held from there on */
    uint32_t z_block, out_block; /* block being filled; next block to leave */
    ee_block_stats *blocks;      /* ring [n_blocks], from the next block to leave to the newest of the input */
    uint32_t *sums; /* ring [n_sums] of blocks: samples << 24 | sum of |z|, from `reach` before that block on */
    int32_t *bases; /* ring [n_sums - reach]: the baseline at each block's first sample; NULL where no head asks for
                       levels */
    uint32_t n_blocks, n_sums;
    uint32_t pad_raw, pad_x; /* padding still to be fed after the end */
    uint8_t started, x_started, x_summed, ended;
} ee_front_state;

static inline ee_block_stats *ee_block_at(const ee_front_state *f, uint32_t block)
{ return &f->blocks[block % f->n_blocks]; }

/* front.c */
void ee_front_layout(ee_front_state *f, const ee_config *config, int levels, uint8_t **memory);
void ee_front_reset(ee_front_state *f);
int ee_front_output_ready(const ee_front_state *f); /* a block can leave */
int ee_front_output_full(const ee_front_state *f);  /* as many as the trunk takes at once can leave */
int ee_front_drained(const ee_front_state *f);      /* the recording has ended and all of it has left */
/* Of a block that left last or with the last ones: the sum of |z|, and the baseline at its first sample. */
static inline uint32_t ee_block_magnitude(const ee_front_state *f, uint32_t block)
{ return f->sums[block % f->n_sums] & 0xFFFFFFu; }
static inline int32_t ee_block_baseline(const ee_front_state *f, uint32_t block)
{ return f->bases[block % (f->n_sums - f->front->reach)]; }
/* A block or, of a host, up to `most` in a row: number of samples, and the statistics of each block. */
uint32_t ee_front_output(ee_front_state *f, uint32_t most, uint8_t *y, const ee_block_stats **stats);
int32_t *ee_front_input_buffer(ee_front_state *f); /* where to put up to chunk input samples */
void ee_front_input_done(ee_front_state *f, uint32_t n, uint32_t any_missing); /* n were put there */
void ee_front_finish(ee_front_state *f);
int ee_front_pad(ee_front_state *f); /* feeds padding behind the end; 0 when all is fed */
uint32_t ee_front_delay(const ee_front *front, uint32_t fs_mhz);

/* block_stats.c */
ee_block_stats *ee_block_open(ee_front_state *f, uint32_t block, int32_t value);
void ee_input_stats_update(ee_front_state *f, int32_t *x, uint32_t n,
                           uint32_t any_missing); /* n more input samples, >= 1; fills gaps */

/* taps.c */
uint32_t ee_taps_half(const ee_front *front, uint32_t fs_mhz); /* taps on each side */
void ee_taps_layout(ee_front_state *f, const ee_config *config, uint8_t **memory);
#ifndef EE_NO_HOST
void ee_taps_fill(ee_front_state *f);
#endif
int64_t ee_taps_run(const ee_front_state *f,
                    const int32_t *x); /* the output of the state's phase, from its oldest sample on */

#endif
