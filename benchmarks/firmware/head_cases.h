/* What benchmarks/firmware/heads.py writes into head_cases.c. */
#ifndef HEAD_CASES_H
#define HEAD_CASES_H

#include "edgeecg.h"

typedef struct head_case {
    const char *name;
    const ee_classifier *head;
} head_case;

extern const head_case head_cases[];
extern const int16_t embeddings[][128];
extern const uint8_t qualities[];
extern const uint32_t head_count, embedding_count;

#endif
