/* What each field of an .eecg file may hold, as docs/format.md has it: the ranges that depend on no other field. The
 * others are in model_check.c. */
#ifndef EE_MODEL_RANGES_H
#define EE_MODEL_RANGES_H

#include "../core/constants.h"
#include "../core/model_view.h"
#include "model_file.h"

typedef struct ee_range {
    uint8_t offset, width; /* of the field, in bytes; one that is wider than 4 holds zeros alone */
    uint8_t status;        /* ee_status of a file whose field is outside */
    uint32_t minimum, maximum;
} ee_range;

/* Limits of what is no field: numbers in arrays, products of fields. */
#define EE_BIAS_MAX   (1 << 30)
#define EE_MULT_MAX   8191            /* multipliers of 16 bits, which begin at 1 */
#define EE_MULT32_MAX ((1 << 23) - 1) /* those of requantization 1, of either sign */
#define EE_MAX_FAN_IN 32768u          /* kernel * cin / groups */
#define EE_MAX_STRIDE 256u            /* of a tensor: the product along its path */

static const ee_range header_ranges[] = {
    { EE_AT_HEADER_HEADER_SIZE, 2, EE_BAD_HEADER, EE_HEADER_BYTES, EE_HEADER_BYTES },
    { EE_AT_HEADER_FLAGS, 4, EE_BAD_HEADER, 0, 0 },
    { EE_AT_HEADER_FRONT_OFF, 4, EE_BAD_HEADER, EE_HEADER_BYTES, EE_HEADER_BYTES },
    { EE_AT_HEADER_FRONT_SIZE, 4, EE_BAD_HEADER, EE_FRONT_BYTES, EE_FRONT_BYTES },
    { EE_AT_HEADER_LAYERS_OFF, 4, EE_BAD_HEADER, EE_LAYERS_OFFSET, EE_LAYERS_OFFSET },
    { EE_AT_HEADER_N_LAYERS, 2, EE_BAD_HEADER, 1, EE_MAX_LAYERS },
    { EE_AT_HEADER_LAYER_SIZE, 2, EE_BAD_HEADER, EE_LAYER_BYTES, EE_LAYER_BYTES },
    { EE_AT_HEADER_HEAD_SIZE, 4, EE_BAD_HEADER, EE_HEAD_BYTES, EE_HEAD_BYTES },
    { EE_AT_HEADER_NAME_LAST, 1, EE_BAD_HEADER, 0, 0 },
    { EE_AT_HEADER_RESERVED, 8, EE_BAD_HEADER, 0, 0 },
};

static const ee_range front_ranges[] = {
    { EE_AT_FRONT_KIND, 1, EE_BAD_FRONT, 0, 1 },
    { EE_AT_FRONT_CHANNELS, 1, EE_BAD_FRONT, 1, 4 },
    { EE_AT_FRONT_RATE, 2, EE_BAD_FRONT, EE_RATE, EE_RATE },
    { EE_AT_FRONT_WINDOW, 2, EE_BAD_FRONT, 32, 5120 },
    { EE_AT_FRONT_BASELINE, 2, EE_BAD_FRONT, 16, 256 },
    { EE_AT_FRONT_BLOCK, 2, EE_BAD_FRONT, EE_BLOCK, EE_BLOCK },
    { EE_AT_FRONT_REACH, 2, EE_BAD_FRONT, 1, 16 },
    { EE_AT_FRONT_TABLE_HALF, 2, EE_BAD_FRONT, 4, 32 },
    { EE_AT_FRONT_TABLE_STEP, 2, EE_BAD_FRONT, EE_TABLE_STEP, EE_TABLE_STEP },
    { EE_AT_FRONT_MIN_RATE, 4, EE_BAD_FRONT, 64000, 128000 },
    { EE_AT_FRONT_FLOOR, 4, EE_BAD_FRONT, 1, 32767 },
    { EE_AT_FRONT_CLIP_MS, 2, EE_BAD_FRONT, 1, 65535 },
    { EE_AT_FRONT_RESERVED, 36, EE_BAD_FRONT, 0, 0 },
};
static const ee_range front_kind_0_ranges[] = {
    { EE_AT_FRONT_CHANNELS, 1, EE_BAD_FRONT, 1, 1 },
    { EE_AT_FRONT_TABLE_OFF, 4, EE_BAD_FRONT, 0, 0 },
    { EE_AT_FRONT_DIRECT_GAIN, 4, EE_BAD_FRONT, 1, 1u << 30 },
};
static const ee_range front_kind_1_ranges[] = {
    { EE_AT_FRONT_DIRECT_GAIN, 4, EE_BAD_FRONT, 0, 0 },
};

static const ee_range layer_ranges[] = {
    { EE_AT_LAYER_OP, 1, EE_BAD_LAYER, EE_CONV, EE_MAX_POOL },
    { EE_AT_LAYER_LAYOUT, 1, EE_BAD_LAYER, 0, 0 },
    { EE_AT_LAYER_CIN, 2, EE_BAD_LAYER, 1, EE_MAX_CHANNELS },
    { EE_AT_LAYER_COUT, 2, EE_BAD_LAYER, 1, EE_MAX_CHANNELS },
    { EE_AT_LAYER_KERNEL, 2, EE_BAD_LAYER, 1, 256 },
    { EE_AT_LAYER_STRIDE, 2, EE_BAD_LAYER, 1, 16 },
    { EE_AT_LAYER_RESERVED, 16, EE_BAD_LAYER, 0, 0 },
};
static const ee_range layer_conv_ranges[] = {
    { EE_AT_LAYER_REQUANT, 1, EE_BAD_LAYER, 0, 1 },
    { EE_AT_LAYER_SRC_B, 2, EE_BAD_LAYER, EE_NO_TENSOR, EE_NO_TENSOR },
    { EE_AT_LAYER_GROUPS, 2, EE_BAD_LAYER, 1, EE_MAX_CHANNELS },
    { EE_AT_LAYER_M_A, 4, EE_BAD_LAYER, 0, 0 },
    { EE_AT_LAYER_M_B, 4, EE_BAD_LAYER, 0, 0 },
};
/* Add and max pool: no weights. */
static const ee_range layer_plain_ranges[] = {
    { EE_AT_LAYER_REQUANT, 1, EE_BAD_LAYER, 0, 0 },     { EE_AT_LAYER_GROUPS, 2, EE_BAD_LAYER, 1, 1 },
    { EE_AT_LAYER_WEIGHTS_OFF, 4, EE_BAD_LAYER, 0, 0 }, { EE_AT_LAYER_BIAS_OFF, 4, EE_BAD_LAYER, 0, 0 },
    { EE_AT_LAYER_MULT_OFF, 4, EE_BAD_LAYER, 0, 0 },    { EE_AT_LAYER_MNEG_OFF, 4, EE_BAD_LAYER, 0, 0 },
    { EE_AT_LAYER_ADD_OFF, 4, EE_BAD_LAYER, 0, 0 },
};
static const ee_range layer_add_ranges[] = {
    { EE_AT_LAYER_KERNEL, 2, EE_BAD_LAYER, 1, 1 },
    { EE_AT_LAYER_STRIDE, 2, EE_BAD_LAYER, 1, 1 },
    { EE_AT_LAYER_M_A, 4, EE_BAD_LAYER, 1, 32767 },
    { EE_AT_LAYER_M_B, 4, EE_BAD_LAYER, 1, 32767 },
};
static const ee_range layer_max_pool_ranges[] = {
    { EE_AT_LAYER_SRC_B, 2, EE_BAD_LAYER, EE_NO_TENSOR, EE_NO_TENSOR },
    { EE_AT_LAYER_M_A, 4, EE_BAD_LAYER, 0, 0 },
    { EE_AT_LAYER_M_B, 4, EE_BAD_LAYER, 0, 0 },
};

static const ee_range head_ranges[] = {
    { EE_AT_HEAD_POOL, 1, EE_BAD_HEAD, 1, 3 },
    { EE_AT_HEAD_FRAMES, 2, EE_BAD_HEAD, 1, 256 },
    { EE_AT_HEAD_DIM, 2, EE_BAD_HEAD, 1, EE_MAX_DIM },
    { EE_AT_HEAD_EXPONENT, 2, EE_BAD_HEAD, 0, 24 },
    { EE_AT_HEAD_LEVELS, 2, EE_BAD_HEAD, 0, EE_N_LEVELS },
    { EE_AT_HEAD_RESERVED, 38, EE_BAD_HEAD, 0, 0 },
};
static const ee_range head_without_mean_ranges[] = {
    { EE_AT_HEAD_ZP_MEAN, 1, EE_BAD_HEAD, 0, 0 },
    { EE_AT_HEAD_MEAN_OFF, 4, EE_BAD_HEAD, 0, 0 },
};

#endif
