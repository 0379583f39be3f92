/* The .eecg file, version 1: where each field lies. docs/format.md says what the fields mean.
 *
 *     0                                    header
 *     EE_HEADER_BYTES                      front end
 *     EE_LAYERS_OFFSET                     layers, EE_LAYER_BYTES each
 *     behind the last layer                head
 *     behind the head                      arrays, each at a multiple of EE_ARRAY_ALIGNMENT
 *     to the end of the file               metadata, which may be missing
 *
 * EE_AT_HEADER_... counts from the start of the file, the others from the start of their record. */
#ifndef EE_MODEL_FILE_H
#define EE_MODEL_FILE_H

#include "../core/platform.h"

#define EE_FORMAT_VERSION  1u
#define EE_HEADER_BYTES    128u
#define EE_FRONT_BYTES     96u
#define EE_LAYER_BYTES     64u
#define EE_HEAD_BYTES      64u
#define EE_LAYERS_OFFSET   (EE_HEADER_BYTES + EE_FRONT_BYTES)
#define EE_ARRAY_ALIGNMENT 16u

enum {
    EE_AT_HEADER_MAGIC = 0,
    EE_AT_HEADER_VERSION = 8,
    EE_AT_HEADER_HEADER_SIZE = 10,
    EE_AT_HEADER_FILE_SIZE = 12,
    EE_AT_HEADER_CRC = 16,
    EE_AT_HEADER_FLAGS = 20, /* the CRC covers the file from here on */
    EE_AT_HEADER_MODEL_ID = 24,
    EE_AT_HEADER_META_OFF = 56,
    EE_AT_HEADER_META_SIZE = 60,
    EE_AT_HEADER_FRONT_OFF = 64,
    EE_AT_HEADER_FRONT_SIZE = 68,
    EE_AT_HEADER_LAYERS_OFF = 72,
    EE_AT_HEADER_N_LAYERS = 76,
    EE_AT_HEADER_LAYER_SIZE = 78,
    EE_AT_HEADER_HEAD_OFF = 80,
    EE_AT_HEADER_HEAD_SIZE = 84,
    EE_AT_HEADER_DATA_OFF = 88,
    EE_AT_HEADER_DATA_SIZE = 92,
    EE_AT_HEADER_NAME = 96,
    EE_AT_HEADER_NAME_LAST = 119, /* its last byte, which is NUL */
    EE_AT_HEADER_RESERVED = 120
};

enum {
    EE_AT_FRONT_KIND = 0,
    EE_AT_FRONT_CHANNELS = 1,
    EE_AT_FRONT_RATE = 2,
    EE_AT_FRONT_WINDOW = 4,
    EE_AT_FRONT_BASELINE = 6,
    EE_AT_FRONT_BLOCK = 8,
    EE_AT_FRONT_REACH = 10,
    EE_AT_FRONT_TABLE_HALF = 12,
    EE_AT_FRONT_TABLE_STEP = 14,
    EE_AT_FRONT_MIN_RATE = 16,
    EE_AT_FRONT_TABLE_OFF = 20,
    EE_AT_FRONT_FLOOR = 24,
    EE_AT_FRONT_GAIN = 28, /* four of them */
    EE_AT_FRONT_DIRECT_GAIN = 44,
    EE_AT_FRONT_FLAT_MAX = 48,
    EE_AT_FRONT_FLAT_BLOCKS = 50,
    EE_AT_FRONT_OFF_BLOCKS = 52,
    EE_AT_FRONT_CLIP_MS = 54,
    EE_AT_FRONT_NOISE = 56,
    EE_AT_FRONT_RESERVED = 60
};

enum {
    EE_AT_LAYER_OP = 0,
    EE_AT_LAYER_REQUANT = 1,
    EE_AT_LAYER_ZP_OUT = 2,
    EE_AT_LAYER_LAYOUT = 3,
    EE_AT_LAYER_SRC_A = 4,
    EE_AT_LAYER_SRC_B = 6,
    EE_AT_LAYER_CIN = 8,
    EE_AT_LAYER_COUT = 10,
    EE_AT_LAYER_GROUPS = 12,
    EE_AT_LAYER_KERNEL = 14,
    EE_AT_LAYER_STRIDE = 16,
    EE_AT_LAYER_PAD_LEFT = 18,
    EE_AT_LAYER_WEIGHTS_OFF = 20,
    EE_AT_LAYER_BIAS_OFF = 24,
    EE_AT_LAYER_MULT_OFF = 28,
    EE_AT_LAYER_MNEG_OFF = 32,
    EE_AT_LAYER_ADD_OFF = 36,
    EE_AT_LAYER_M_A = 40,
    EE_AT_LAYER_M_B = 44,
    EE_AT_LAYER_RESERVED = 48
};

enum {
    EE_AT_HEAD_POOL = 0,
    EE_AT_HEAD_ZP_MEAN = 1,
    EE_AT_HEAD_FRAMES = 2,
    EE_AT_HEAD_DIM = 4,
    EE_AT_HEAD_EXPONENT = 6,
    EE_AT_HEAD_MEAN_OFF = 8,
    EE_AT_HEAD_WEIGHTS_OFF = 12,
    EE_AT_HEAD_BIAS_OFF = 16,
    EE_AT_HEAD_MULT_OFF = 20,
    EE_AT_HEAD_LEVELS = 24,
    EE_AT_HEAD_RESERVED = 26
};

/* A field of two or four bytes: one load, also where GCC optimizes for size. */
static inline uint16_t ee_u16(const uint8_t *field)
{
    uint16_t v;
    __builtin_memcpy(&v, field, sizeof v);
    return v;
}
static inline uint32_t ee_u32(const uint8_t *field)
{
    uint32_t v;
    __builtin_memcpy(&v, field, sizeof v);
    return v;
}

/* The records of a file whose header is checked. Layers count from 0. */
static inline const uint8_t *ee_front_record(const uint8_t *file) { return file + EE_HEADER_BYTES; }
static inline const uint8_t *ee_layer_record(const uint8_t *file, uint32_t index)
{ return file + EE_LAYERS_OFFSET + EE_LAYER_BYTES * index; }
static inline const uint8_t *ee_head_record(const uint8_t *file) { return file + ee_u32(file + EE_AT_HEADER_HEAD_OFF); }

static inline int ee_all_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) any = (uint8_t)(any | p[i]);
    return any == 0;
}

#endif
