/* embed_file MODEL KERNELS FS_MHZ HOP BLOCK < int32 samples > results: the core on a foreign processor, for the tests.
 * Writes for each window: start (uint64), quality (uint32), the int16 and the int8 embedding. Exit 2: kernels missing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "edgeecg.h"

static void write_result(const ee_stream *stream, const ee_model *model)
{
    ee_result r = ee_get_result(stream);
    fwrite(&r.start, sizeof r.start, 1, stdout);
    fwrite(&r.quality, sizeof r.quality, 1, stdout);
    fwrite(r.embedding, sizeof *r.embedding, model->dim, stdout);
    fwrite(r.embedding8, sizeof *r.embedding8, model->dim, stdout);
}

static void *read_all(FILE *file, size_t *size)
{
    size_t room = 1 << 16;
    char *data = (char *)aligned_alloc(64, room);
    *size = 0;
    for (size_t n; data && (n = fread(data + *size, 1, room - *size, file)) > 0;) {
        *size += n;
        if (*size == room) {
            char *more = (char *)aligned_alloc(64, 2 * room);
            for (size_t i = 0; more && i < room; i++) more[i] = data[i];
            free(data);
            data = more;
            room *= 2;
        }
    }
    return data;
}

int main(int argc, char **argv)
{
    ee_model model;
    size_t size, n, used;
    FILE *file = argc == 6 ? fopen(argv[1], "rb") : NULL;
    void *bytes = file ? read_all(file, &size) : NULL;
    if (!bytes || ee_model_view(&model, bytes, size) != EE_OK) return 1;
    if (!ee_choose_kernels(&model, argv[2])) return 2;
    void *packed = ee_pack_size(&model) ? aligned_alloc(64, (ee_pack_size(&model) + 63) & ~(size_t)63) : NULL;
    if (packed) ee_pack(&model, packed);
    ee_config config = {
        (uint32_t)atol(argv[3]), (uint32_t)atol(argv[4]), (uint32_t)atol(argv[5]), 0, 0, EE_CACHE_TAPS
    };
    size_t state = ee_state_size(&model, &config);
    void *memory = state ? malloc(state) : NULL;
    ee_stream *stream = ee_init(&model, &config, memory, state);
    int32_t *x = (int32_t *)read_all(stdin, &n);
    if (!stream || !x) return 1;
    n /= sizeof *x;
    for (size_t at = 0; at < n; at += used)
        if (ee_push_i32(stream, x + at, n - at, &used)) write_result(stream, &model);
    while (ee_flush(stream)) write_result(stream, &model);
    free(x);
    free(memory);
    free(packed);
    free(bytes);
    fclose(file);
    return 0;
}
