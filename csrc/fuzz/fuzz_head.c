/* Files of heads: what the reader accepts is run, in memory of its size, and its answers are checked. The checksum, the
 * size and the offset that follows from it are repaired, so that the fields decide. */
#include "fuzz.h"

#include "../src/model_file/crc32.h"

#define HEADER 96u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> 8 * i);
}

static void repair(uint8_t *file, size_t size)
{
    static const uint8_t start[12] = { 0x89, 'E', 'E', 'C', 'H', 0x0D, 0x0A, 0x1A, 1, 0, HEADER, 0 };
    if (size < HEADER) return;
    memcpy(file, start, sizeof start);
    const uint32_t classes = file[30] | (uint32_t)file[31] << 8, dim = file[32] | (uint32_t)file[33] << 8;
    const uint64_t end = HEADER + (uint64_t)classes * (10 + 2 * dim);
    put32(file + 12, (uint32_t)size);
    if (end <= size) {
        put32(file + 20, ((uint32_t)end + 3) & ~3u);
        put32(file + 24, (uint32_t)size - (((uint32_t)end + 3) & ~3u));
    }
    put32(file + 16, ee_crc32(file + 20, size - 20));
}

static void run(const ee_classifier *head, uint64_t seed)
{
    int16_t *embedding = (int16_t *)fuzz_block(head->dim * sizeof *embedding);
    int32_t *logits = (int32_t *)fuzz_block(head->classes * sizeof *logits);
    uint16_t *probabilities = (uint16_t *)fuzz_block(head->classes * sizeof *probabilities);
    ee_verdicts *state = (ee_verdicts *)fuzz_block(sizeof *state);
    ee_verdicts_reset(state);
    for (int window = 0; window < 40; window++) {
        const uint32_t kind = fuzz_random(&seed), quality = kind % 3 ? 0 : kind >> 8 & 255;
        for (uint32_t i = 0; i < head->dim; i++) embedding[i] = (int16_t)(fuzz_random(&seed) >> (kind & 15));
        ee_classify(head, embedding, logits, probabilities);
        uint32_t sum = 0, largest = 0;
        for (uint32_t c = 0; c < head->classes; c++) {
            sum += probabilities[c];
            largest = logits[c] > logits[largest] ? c : largest;
            if (probabilities[c] > 1u << 15) FAIL("a probability above 1");
        }
        if (!head->independent && (sum + head->classes < 1u << 15 || sum > (1u << 15) + head->classes))
            FAIL("probabilities add up to %u", sum);
        for (uint32_t c = 0; c < head->classes && !head->independent; c++)
            if (probabilities[c] > probabilities[largest]) FAIL("the largest logit is not the most likely class");
        const uint32_t verdict = ee_verdict(head, state, probabilities, quality);
        if ((verdict == EE_UNREADABLE) != ((quality & head->unreadable) != 0)) FAIL("readable or not");
        if (verdict != EE_UNREADABLE && (verdict >> head->classes || (!head->independent && (verdict & (verdict - 1)))))
            FAIL("a verdict of classes that there are not");
    }
    free(embedding);
    free(logits);
    free(probabilities);
    free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = (uint8_t *)fuzz_block(size); /* of its size: one byte too far is an error */
    ee_classifier head;
    uint64_t seed = 88172645463325252u + size;
    if (size) memcpy(file, data, size);
    if (size && data[size - 1] != 0xA5) repair(file, size);
    for (size_t i = 0; i < size && i < 600; i += 7) seed = seed * 6364136223846793005u + data[i];
    if (ee_classifier_view(&head, file, size) == EE_OK) run(&head, seed | 1);
    free(file);
    return 0;
}
