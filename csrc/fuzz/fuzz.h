/* What the fuzz targets share: random numbers, bytes of the input, samples of every sort, models, comparisons. */
#ifndef EE_FUZZ_H
#define EE_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgeecg.h"

#define FAIL(...)                     \
    do {                              \
        fprintf(stderr, __VA_ARGS__); \
        fputc('\n', stderr);          \
        abort();                      \
    } while (0)

/* ---------------------------------------------------------------- numbers */
static inline uint32_t fuzz_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

/* What is left of the input; behind its end there are zeros. */
typedef struct fuzz_input {
    const uint8_t *at, *end;
} fuzz_input;

static inline uint32_t fuzz_byte(fuzz_input *in) { return in->at < in->end ? *in->at++ : 0; }
static inline uint32_t fuzz_word(fuzz_input *in)
{
    const uint32_t low = fuzz_byte(in);
    return low | fuzz_byte(in) << 8;
}

/* A number of samples: mostly few. */
static inline uint32_t fuzz_length(fuzz_input *in)
{
    const uint32_t a = fuzz_byte(in), b = fuzz_byte(in);
    return a < 160 ? a : a < 250 ? 160 + b : 5 * b;
}

static inline void *fuzz_block(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) abort();
    return memory;
}

/* ---------------------------------------------------------------- samples */
/* One of n in a row: noise at any level, rails, ramps, constants, gaps, numbers at the ends of their type. */
static inline int32_t fuzz_sample(uint32_t kind, uint32_t i, uint64_t *state)
{
    const uint32_t noise = fuzz_random(state);
    switch (kind % 8) {
    case 0: return (int32_t)(noise >> 20) - 2048;
    case 1: return noise & 1 ? EE_X_MAX : -EE_X_MAX;
    case 2: return (int32_t)(i * 37u) - 20000;
    case 3: return 1234;
    case 4: return noise >> 29 ? (int32_t)(i % 50 < 3 ? 9000 : noise >> 24) : EE_MISSING;
    case 5: return (int32_t)noise;
    case 6: return (int32_t)(noise % 3 + 2147483645u);
    default: return (int32_t)(noise >> 12) - (1 << 19);
    }
}

/* ---------------------------------------------------------------- models */
typedef struct fuzz_model {
    ee_model model[2]; /* with the best kernels, and with the portable ones */
    uint8_t *bytes;
    size_t size;
    void *packed;
} fuzz_model;

static inline void *fuzz_packed(ee_model *model)
{
    const size_t size = ee_pack_size(model);
    void *packed = size ? aligned_alloc(64, (size + 63) & ~(size_t)63) : NULL;
    if (size) ee_pack(model, packed);
    return packed;
}

/* 0: there is no such file. */
static inline int fuzz_load(fuzz_model *to, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    fseek(file, 0, SEEK_END);
    to->size = (size_t)ftell(file);
    rewind(file);
    to->bytes = (uint8_t *)fuzz_block(to->size);
    if (fread(to->bytes, 1, to->size, file) != to->size) abort();
    fclose(file);
    if (ee_model_view(&to->model[0], to->bytes, to->size) != EE_OK) FAIL("%s is no model", path);
    to->model[1] = to->model[0];
    if (!ee_choose_kernels(&to->model[1], "scalar")) abort();
    to->packed = fuzz_packed(&to->model[0]);
    return 1;
}

#define FUZZ_MODELS 16u
/* EE_FUZZ_MODELS/0.eecg and so on; how many there are. */
static inline uint32_t fuzz_load_all(fuzz_model *models)
{
    uint32_t n = 0;
    char path[4096];
    for (; n < FUZZ_MODELS; n++) {
        snprintf(path, sizeof path, "%s/%u.eecg", EE_FUZZ_MODELS, n);
        if (!fuzz_load(&models[n], path)) break;
    }
    if (!n) FAIL("no models in %s", EE_FUZZ_MODELS);
    return n;
}

/* ---------------------------------------------------------------- streams */
static inline ee_stream *fuzz_open(const ee_model *model, const ee_config *config, void **memory, size_t most)
{
    const size_t size = ee_state_size(model, config);
    *memory = NULL;
    if (!size || size > most) return NULL;
    *memory = fuzz_block(size);
    ee_stream *stream = ee_init(model, config, *memory, size);
    if (!stream) FAIL("memory of the size that was asked for is refused");
    return stream;
}

/* A configuration, nearly always one that is taken. */
static inline ee_config fuzz_config(fuzz_input *in, const ee_model *model)
{
    static const uint32_t rates[8] = { 128000, 250000, 50000, 127773, 360000, 128000, 1000000, 99999 };
    const uint32_t a = fuzz_byte(in), b = fuzz_byte(in), c = fuzz_word(in), d = fuzz_byte(in);
    ee_config config = { rates[a & 7], 1 + c % (2 * model->window), 0, 0, 0, a >> 3 & 1 };
    config.block = (b & 3) == 0 ? 0 : (b & 3) == 1 ? 64 : 32 * (b >> 2 & 31);
    if (d & 1) config.mult = 32768 + (d << 7), config.shift = (int32_t)(d >> 3) - 2;
    if (a == 255)
        config.fs_mhz = c * 64, config.hop = c, config.block = b, config.mult = c * 2, config.shift = (int8_t)d;
    return config;
}

#endif
