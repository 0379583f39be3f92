/* Checks the file of a head without trusting one byte of it, and views it in place: docs/format.md. */
#include "crc32.h"
#include "model_file.h"

#ifndef EE_EXPORTED
#define HEADER 96u
enum {
    AT_VERSION = 8,
    AT_HEADER_SIZE = 10,
    AT_FILE_SIZE = 12,
    AT_CRC = 16,
    AT_INFO = 20, /* the CRC covers the file from here on */
    AT_INFO_SIZE = 24,
    AT_KIND = 28,
    AT_UNREADABLE = 29,
    AT_CLASSES = 30,
    AT_DIM = 32,
    AT_SHIFT = 34,
    AT_K = 35,
    AT_N = 36,
    AT_HOLD = 37,
    AT_RESERVED = 38,
    AT_MODEL_ID = 64
};

static uint32_t rounded_up(uint32_t n) { return (n + 3u) & ~3u; }

static ee_status check_header(const uint8_t *file, size_t size)
{
    static const uint8_t magic[8] = { 0x89, 'E', 'E', 'C', 'H', 0x0D, 0x0A, 0x1A };
    if (size < HEADER) return EE_TOO_SHORT;
    for (unsigned i = 0; i < sizeof magic; i++)
        if (file[i] != magic[i]) return EE_BAD_MAGIC;
    if (ee_u16(file + AT_VERSION) != 1 || ee_u16(file + AT_HEADER_SIZE) != HEADER) return EE_BAD_VERSION;
    if (ee_u32(file + AT_FILE_SIZE) != size || size > EE_MOST_HEAD_BYTES) return EE_BAD_SIZE;
    if (ee_u32(file + AT_CRC) != ee_crc32(file + AT_INFO, size - AT_INFO)) return EE_BAD_CRC;
    return ee_all_zero(file + AT_RESERVED, AT_MODEL_ID - AT_RESERVED) ? EE_OK : EE_BAD_HEADER;
}

static int fields_fit(const ee_classifier *head)
{
    return head->classes >= 2u - head->independent && head->classes <= EE_MOST_CLASSES && head->dim >= 1 &&
           head->dim <= 1024 && head->shift >= 1 && head->shift <= 47 && head->n <= EE_MOST_WINDOWS &&
           head->k <= head->n && head->hold <= head->k && (head->n == 0 || head->hold >= 1);
}

static int values_fit(const ee_classifier *head)
{
    for (uint32_t c = 0; c < head->classes; c++)
        if (head->thresholds[c] > 1u << 15 || head->bias[c] >= (int64_t)1 << 46 || head->bias[c] <= -((int64_t)1 << 46))
            return 0;
    return 1;
}

ee_status ee_classifier_view(ee_classifier *head, const void *bytes, size_t size)
{
    const uint8_t *file = (const uint8_t *)bytes;
    if ((uintptr_t)file & 7u) return EE_BAD_ALIGNMENT;
    const ee_status status = check_header(file, size);
    if (status != EE_OK) return status;
    ee_classifier found = { NULL,
                            NULL,
                            NULL,
                            ee_u16(file + AT_CLASSES),
                            ee_u16(file + AT_DIM),
                            file[AT_KIND],
                            file[AT_SHIFT],
                            file[AT_K],
                            file[AT_N],
                            file[AT_HOLD],
                            file[AT_UNREADABLE] };
    if (file[AT_KIND] > 1 || !fields_fit(&found)) return EE_BAD_HEAD;
    const uint32_t end = HEADER + found.classes * (10u + 2u * found.dim), info = ee_u32(file + AT_INFO),
                   length = ee_u32(file + AT_INFO_SIZE);
    if (info != rounded_up(end) || info > size || length > size - info || info + rounded_up(length) != size)
        return EE_BAD_OFFSET;
    if (!ee_all_zero(file + end, info - end) || !ee_all_zero(file + info + length, size - info - length))
        return EE_BAD_OFFSET;
    found.bias = (const int64_t *)(const void *)(file + HEADER);
    found.thresholds = (const uint16_t *)(const void *)(file + HEADER + 8u * found.classes);
    found.weights = (const int16_t *)(const void *)(file + HEADER + 10u * found.classes);
    if (!values_fit(&found)) return EE_BAD_RANGE;
    *head = found;
    return EE_OK;
}
#endif
