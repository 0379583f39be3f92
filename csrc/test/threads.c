/* Threads that share a model, each with a stream of its own, for the thread sanitizer: tests/torture/test_threads.py.
 *
 *     threads MODEL THREADS ROUNDS     prints how many windows, and their hash; 1 where two threads got different bytes
 *
 * Every thread also checks the shared file, and chooses kernels for a view of its own. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgeecg.h"

#define SAMPLES 30000
#define MOST    64

static uint8_t *file;
static size_t file_size;
static ee_model model;
static unsigned rounds;
static int16_t samples[SAMPLES];
static struct result {
    uint64_t windows, hash;
} results[MOST];

static void take(struct result *r, const ee_stream *stream, unsigned dim)
{
    const ee_result got = ee_get_result(stream);
    for (unsigned i = 0; i < dim; i++) r->hash = (r->hash ^ (uint16_t)got.embedding[i]) * 1099511628211u;
    r->hash = (r->hash ^ got.quality) * 1099511628211u;
    r->windows++;
}

static void *work(void *argument)
{
    struct result *r = (struct result *)argument;
    const ee_config config = { 250000, 128, 0, 32768, 12, EE_CACHE_TAPS };
    ee_model own;
    if (ee_model_view(&own, file, file_size) != EE_OK || !ee_choose_kernels(&own, "scalar")) exit(3);
    const size_t size = ee_state_size(&model, &config);
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    ee_stream *stream = ee_init(&model, &config, memory, size);
    if (!stream) exit(3);
    for (unsigned round = 0; round < rounds; round++) {
        ee_reset(stream);
        for (size_t at = 0, used; at < SAMPLES; at += used) {
            const size_t n = SAMPLES - at < 997 ? SAMPLES - at : 997;
            if (ee_push_i16(stream, samples + at, n, &used)) take(r, stream, model.dim);
        }
        while (ee_flush(stream)) take(r, stream, model.dim);
    }
    free(memory);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4 || atoi(argv[2]) > MOST) return 3;
    FILE *in = fopen(argv[1], "rb");
    if (!in) return 3;
    fseek(in, 0, SEEK_END);
    file_size = (size_t)ftell(in);
    rewind(in);
    file = (uint8_t *)aligned_alloc(64, (file_size + 63) / 64 * 64);
    if (!file || fread(file, 1, file_size, in) != file_size || ee_model_view(&model, file, file_size) != EE_OK)
        return 3;
    fclose(in);
    if (ee_pack_size(&model)) ee_pack(&model, aligned_alloc(64, (ee_pack_size(&model) + 63) / 64 * 64));
    for (unsigned i = 0, state = 1; i < SAMPLES; i++)
        state = state * 1664525u + 1013904223u, samples[i] = (int16_t)(state >> 22);
    const int count = atoi(argv[2]);
    rounds = (unsigned)atoi(argv[3]);
    pthread_t threads[MOST];
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, &results[i])) return 3;
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    for (int i = 1; i < count; i++)
        if (memcmp(&results[i], &results[0], sizeof results[0])) return 1;
    printf("%llu %llx\n", (unsigned long long)results[0].windows * (unsigned)count,
           (unsigned long long)results[0].hash);
    return 0;
}
