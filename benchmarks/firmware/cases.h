/* A case: a recording through a model at a rate and a hop, and what Python gets for it. cases.c is generated. */
#ifndef CASES_H
#define CASES_H

#include <stddef.h>
#include <stdint.h>

#include "edgeecg.h"

typedef struct run_case {
    const char *name;
    const void *model; /* a constant of an exported folder, or an .eecg file of so many bytes */
    uint32_t model_size;
    uint32_t array_bytes; /* behind a stream's structure */
    const int16_t *x;     /* or, where it is NULL, wide */
    const int32_t *wide;
    uint32_t n, fs_mhz, hop, mult;
    int32_t shift;
    uint32_t block;
    uint32_t crc, results;
} run_case;

extern const run_case cases[];
extern const uint32_t case_count;

#endif
