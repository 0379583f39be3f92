/* Feeds damaged and hostile model files to the C reader: tests/test_hostile_files.py builds this with sanitizers.
 *
 *     check_model truncations FILE     every shorter length must be refused
 *     check_model bytes FILE           every change of every single byte must be refused
 *     check_model misaligned FILE      refused at an odd address
 *     check_model records < RECORDS    for each record (u32 length, bytes) one line: status and sentence; a model that
 *                                      is accepted is run on samples at the limits, so that a wrong yes is found out
 * (the exit code is 4 where the kernels of this machine differ from the portable ones)
 *
 * Each file lies in a block of exactly its size: one byte read too far is an error of the address sanitizer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgeecg.h"

#define MOST_STATE (64u << 20)

static uint8_t *copy_exactly(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = (uint8_t *)malloc(size ? size : 1);
    if (!copy) exit(3);
    memcpy(copy, bytes, size);
    return copy;
}

static ee_status check_copy(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = copy_exactly(bytes, size);
    ee_status status = ee_model_check(copy, size);
    free(copy);
    return status;
}

static uint8_t *read_all(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file) exit(3);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = (uint8_t *)malloc(*size);
    if (!bytes || fread(bytes, 1, *size, file) != *size) exit(3);
    fclose(file);
    return bytes;
}

static int truncations(const uint8_t *bytes, size_t size)
{
    if (check_copy(bytes, size) != EE_OK) return 2;
    for (size_t n = 0; n < size; n++) {
        if (check_copy(bytes, n) != EE_OK) continue;
        printf("accepted when cut to %zu bytes\n", n);
        return 1;
    }
    printf("%zu refused\n", size);
    return 0;
}

static int single_bytes(uint8_t *bytes, size_t size)
{
    size_t refused = 0;
    uint8_t *copy = copy_exactly(bytes, size);
    if (ee_model_check(copy, size) != EE_OK) return 2;
    for (size_t at = 0; at < size; at++) {
        for (unsigned change = 1; change < 256; change++, refused++) {
            copy[at] = (uint8_t)(bytes[at] ^ change);
            if (ee_model_check(copy, size) != EE_OK) continue;
            printf("accepted with byte %zu changed by %02x\n", at, change);
            return 1;
        }
        copy[at] = bytes[at];
    }
    free(copy);
    printf("%zu refused\n", refused);
    return 0;
}

/* The file at an address that is not a multiple of 4. */
static int misaligned(const uint8_t *bytes, size_t size)
{
    for (size_t shift = 1; shift < 4; shift++) {
        uint8_t *room = (uint8_t *)malloc(size + shift);
        if (!room) exit(3);
        memcpy(room + shift, bytes, size);
        ee_status status = ee_model_check(room + shift, size);
        free(room);
        if (status != EE_BAD_ALIGNMENT) return 1;
    }
    puts("refused");
    return 0;
}

/* Samples that jump between the limits, with gaps. */
static int32_t sample(uint32_t i)
{
    uint32_t noise = i * 2654435761u;
    if (noise >> 27 == 3) return EE_MISSING;
    if (i % 512 < 128) return noise >> 31 ? EE_X_MAX : -EE_X_MAX;
    return (int32_t)(noise >> 12) - (1 << 19);
}

static uint64_t add_up(uint64_t sum, ee_result result, uint32_t dim)
{
    for (uint32_t d = 0; d < dim; d++) sum = sum * 31 + (uint16_t)result.embedding[d] + (uint8_t)result.embedding8[d];
    return sum * 31 + result.quality;
}

/* A sum over what the model makes of such samples; every kernel table must give the same. */
static uint64_t run(const ee_model *model, uint32_t fs_mhz)
{
    ee_config config = { fs_mhz, model->window / 2 + 7, 0, 0, 0, 0 };
    size_t size = ee_state_size(model, &config);
    if (!size || size > MOST_STATE) return 0;
    void *memory = malloc(size);
    if (!memory) exit(3);
    ee_stream *stream = ee_init(model, &config, memory, size);
    uint32_t n = (uint32_t)((uint64_t)model->window * 2 * fs_mhz / 128000u);
    uint64_t sum = 0;
    for (uint32_t i = 0; stream && i < n; i++) {
        int32_t x = sample(i);
        size_t used = 0;
        while (!used)
            if (ee_push_i32(stream, &x, 1, &used)) sum = add_up(sum, ee_get_result(stream), model->dim);
    }
    while (stream && ee_flush(stream)) sum = add_up(sum, ee_get_result(stream), model->dim);
    free(memory);
    return sum;
}

static int runs_alike(ee_model model)
{
    uint64_t first = run(&model, 128000), second = run(&model, 250000);
    if (!ee_choose_kernels(&model, "scalar")) return 0;
    return run(&model, 128000) == first && run(&model, 250000) == second;
}

static int records(void)
{
    uint8_t head[4];
    while (fread(head, 1, 4, stdin) == 4) {
        size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        uint8_t *bytes = (uint8_t *)malloc(size ? size : 1);
        ee_model model;
        if (!bytes || fread(bytes, 1, size, stdin) != size) return 3;
        ee_status status = ee_model_view(&model, bytes, size);
        if (status == EE_OK && !runs_alike(model)) return 4;
        printf("%d %s\n", (int)status, ee_status_text(status));
        free(bytes);
    }
    return 0;
}

int main(int argc, char **argv)
{
    size_t size;
    if (argc == 2 && !strcmp(argv[1], "records")) return records();
    if (argc == 3) {
        uint8_t *bytes = read_all(argv[2], &size);
        int result = !strcmp(argv[1], "truncations")  ? truncations(bytes, size)
                     : !strcmp(argv[1], "misaligned") ? misaligned(bytes, size)
                                                      : single_bytes(bytes, size);
        free(bytes);
        return result;
    }
    fputs("usage: check_model truncations FILE | bytes FILE | misaligned FILE | records < RECORDS\n", stderr);
    return 2;
}
