/* Checks a model file without trusting one byte of it. docs/format.md lists every rule checked here; the ranges of
 * single fields are in model_ranges.h. */
#include "../core/kernels.h"
#include "crc32.h"
#include "model_file.h"
#include "model_ranges.h"

#ifndef EE_EXPORTED /* exported models are constants that were checked when they were written */
static const char *const status_text[] = {
    "the model file is fine",
    "the model file is shorter than its header",
    "this is not an .eecg model file",
    "the model file is of another format version",
    "the sizes in the model file's header do not fit its length",
    "the model file is damaged: its CRC does not match",
    "the model file must lie at an address that is a multiple of 4",
    "the model file's header holds a value that is not allowed",
    "the model file's front end holds a value that is not allowed",
    "the model file's resampling kernel is too large",
    "a layer of the model file holds a value that is not allowed",
    "a layer of the model file does not fit the layers around it",
    "a weight multiplier or bias of the model file is out of range",
    "the model file's head holds a value that is not allowed",
    "an array of the model file lies outside its data section",
};

const char *ee_status_text(ee_status status)
{ return (unsigned)status < sizeof status_text / sizeof *status_text ? status_text[status] : "unknown status"; }

/* ---------------------------------------------------------------- fields */
static uint32_t value_of(const uint8_t *field, uint32_t width)
{ return width == 1 ? *field : width == 2 ? ee_u16(field) : ee_u32(field); }

static ee_status check_ranges(const uint8_t *record, const ee_range *range, size_t n)
{
    for (; n; n--, range++) {
        const uint8_t *field = record + range->offset;
        if (range->width > 4) {
            if (!ee_all_zero(field, range->width)) return (ee_status)range->status;
            continue;
        }
        const uint32_t value = value_of(field, range->width);
        if (value < range->minimum || value > range->maximum) return (ee_status)range->status;
    }
    return EE_OK;
}
#define CHECK_RANGES(record, table) check_ranges(record, table, sizeof table / sizeof *table)

/* ---------------------------------------------------------------- arrays */
/* Is [offset, offset + size) an aligned array inside the data section? */
static int in_data(const uint8_t *file, uint32_t offset, uint64_t size)
{
    uint32_t data = ee_u32(file + EE_AT_HEADER_DATA_OFF);
    uint64_t end = (uint64_t)data + ee_u32(file + EE_AT_HEADER_DATA_SIZE);
    return offset % EE_ARRAY_ALIGNMENT == 0 && offset >= data && offset + size <= end;
}

/* Multipliers of 16 bits: 1 .. EE_MULT_MAX. */
static int multipliers_in_range(const uint8_t *file, uint32_t offset, uint32_t n)
{
    const int16_t *m = (const int16_t *)(const void *)(file + offset);
    for (uint32_t i = 0; i < n; i++)
        if (m[i] < 1 || m[i] > EE_MULT_MAX) return 0;
    return 1;
}

static int within(const uint8_t *file, uint32_t offset, uint32_t n, int32_t limit)
{
    const int32_t *v = (const int32_t *)(const void *)(file + offset);
    for (uint32_t i = 0; i < n; i++)
        if (v[i] < -limit || v[i] > limit) return 0;
    return 1;
}

/* ---------------------------------------------------------------- header */
static ee_status check_header(const uint8_t *file, size_t size)
{
    static const uint8_t magic[8] = { 0x89, 'E', 'E', 'C', 'G', 0x0D, 0x0A, 0x1A };
    if (size < EE_HEADER_BYTES) return EE_TOO_SHORT;
    for (unsigned i = 0; i < sizeof magic; i++)
        if (file[EE_AT_HEADER_MAGIC + i] != magic[i]) return EE_BAD_MAGIC;
    if (ee_u16(file + EE_AT_HEADER_VERSION) != EE_FORMAT_VERSION) return EE_BAD_VERSION;
    const uint64_t meta = ee_u32(file + EE_AT_HEADER_META_OFF);
    if (ee_u32(file + EE_AT_HEADER_FILE_SIZE) != size || meta + ee_u32(file + EE_AT_HEADER_META_SIZE) != size)
        return EE_BAD_SIZE;
    const uint8_t *covered = file + EE_AT_HEADER_FLAGS;
    if (ee_u32(file + EE_AT_HEADER_CRC) != ee_crc32(covered, size - EE_AT_HEADER_FLAGS)) return EE_BAD_CRC;
    const ee_status status = CHECK_RANGES(file, header_ranges);
    if (status != EE_OK) return status;
    const uint32_t n_layers = ee_u16(file + EE_AT_HEADER_N_LAYERS), head = ee_u32(file + EE_AT_HEADER_HEAD_OFF),
                   data = ee_u32(file + EE_AT_HEADER_DATA_OFF), data_size = ee_u32(file + EE_AT_HEADER_DATA_SIZE);
    if (head != EE_LAYERS_OFFSET + EE_LAYER_BYTES * n_layers || data != head + EE_HEAD_BYTES ||
        (uint64_t)data + data_size != meta || data_size % EE_ARRAY_ALIGNMENT)
        return EE_BAD_SIZE;
    return EE_OK;
}

/* ---------------------------------------------------------------- front end */
/* Bounds the sum of |tap| for every phase: docs/numerics.md 2.1. */
static ee_status check_table(const uint8_t *file, const uint8_t *p)
{
    uint32_t points = ee_u16(p + EE_AT_FRONT_TABLE_HALF) * EE_TABLE_STEP, offset = ee_u32(p + EE_AT_FRONT_TABLE_OFF);
    if (!in_data(file, offset, 2u * (points + 1))) return EE_BAD_OFFSET;
    const int16_t *table = (const int16_t *)(const void *)(file + offset);
    if (table[points]) return EE_BAD_TABLE;
    for (uint32_t phase = 0; phase < EE_TABLE_STEP; phase++) {
        uint32_t sum = 0;
        for (uint32_t i = phase; i < points; i += EE_TABLE_STEP) {
            int32_t value = table[i];
            sum += (uint32_t)(value < 0 ? -value : value);
        }
        if (sum > 2u * 32768u) return EE_BAD_TABLE;
    }
    return EE_OK;
}

static ee_status check_front(const uint8_t *file)
{
    const uint8_t *p = ee_front_record(file);
    ee_status status = CHECK_RANGES(p, front_ranges);
    if (status != EE_OK) return status;
    const int full = p[EE_AT_FRONT_KIND] == 1;
    status = full ? CHECK_RANGES(p, front_kind_1_ranges) : CHECK_RANGES(p, front_kind_0_ranges);
    if (status != EE_OK) return status;
    const uint32_t window = ee_u16(p + EE_AT_FRONT_WINDOW), blocks = window / EE_BLOCK,
                   baseline = ee_u16(p + EE_AT_FRONT_BASELINE), flat = ee_u16(p + EE_AT_FRONT_FLAT_BLOCKS),
                   off = ee_u16(p + EE_AT_FRONT_OFF_BLOCKS);
    if (window % EE_BLOCK || (baseline & (baseline - 1)) || flat < 1 || flat > blocks || off < 1 || off > blocks)
        return EE_BAD_FRONT;
    if (ee_u32(p + EE_AT_FRONT_NOISE) > blocks * (EE_BLOCK - 1) * EE_STEP_LIMIT) return EE_BAD_FRONT;
    for (uint32_t c = 0; c < 4; c++) { /* channels that are not there have none */
        const uint32_t gain = ee_u32(p + EE_AT_FRONT_GAIN + 4 * c);
        if (c < p[EE_AT_FRONT_CHANNELS] ? gain < 1 || gain > 65535 : gain != 0) return EE_BAD_FRONT;
    }
    return full ? check_table(file, p) : EE_OK;
}

/* ---------------------------------------------------------------- layers */
static ee_status check_conv(const uint8_t *file, const uint8_t *p)
{
    const ee_status status = CHECK_RANGES(p, layer_conv_ranges);
    if (status != EE_OK) return status;
    uint32_t cin = ee_u16(p + EE_AT_LAYER_CIN), cout = ee_u16(p + EE_AT_LAYER_COUT),
             groups = ee_u16(p + EE_AT_LAYER_GROUPS), bias = ee_u32(p + EE_AT_LAYER_BIAS_OFF),
             mult = ee_u32(p + EE_AT_LAYER_MULT_OFF), mneg = ee_u32(p + EE_AT_LAYER_MNEG_OFF),
             add = ee_u32(p + EE_AT_LAYER_ADD_OFF), affine = p[EE_AT_LAYER_REQUANT];
    if (cin % groups || cout % groups) return EE_BAD_LAYER;
    uint64_t fan_in = (uint64_t)ee_u16(p + EE_AT_LAYER_KERNEL) * (cin / groups);
    if (fan_in > EE_MAX_FAN_IN) return EE_BAD_LAYER;
    if (!in_data(file, ee_u32(p + EE_AT_LAYER_WEIGHTS_OFF), fan_in * cout) || !in_data(file, bias, 4ull * cout) ||
        !in_data(file, mult, (affine ? 4ull : 2ull) * cout))
        return EE_BAD_OFFSET;
    if (!within(file, bias, cout, EE_BIAS_MAX)) return EE_BAD_RANGE;
    if (!affine) return mneg || add ? EE_BAD_LAYER : multipliers_in_range(file, mult, cout) ? EE_OK : EE_BAD_RANGE;
    if (!in_data(file, mneg, 4ull * cout) || !in_data(file, add, 4ull * cout)) return EE_BAD_OFFSET;
    const int good = within(file, mult, cout, EE_MULT32_MAX) && within(file, mneg, cout, EE_MULT32_MAX) &&
                     within(file, add, cout, INT32_MAX);
    return good ? EE_OK : EE_BAD_RANGE;
}

static ee_status check_layer(const uint8_t *file, const uint8_t *p)
{
    ee_status status = CHECK_RANGES(p, layer_ranges);
    if (status != EE_OK) return status;
    if (ee_u16(p + EE_AT_LAYER_PAD_LEFT) >= ee_u16(p + EE_AT_LAYER_KERNEL)) return EE_BAD_LAYER;
    if (p[EE_AT_LAYER_OP] == EE_CONV) return check_conv(file, p);
    status = CHECK_RANGES(p, layer_plain_ranges);
    if (status != EE_OK) return status;
    if (ee_u16(p + EE_AT_LAYER_COUT) != ee_u16(p + EE_AT_LAYER_CIN)) return EE_BAD_LAYER;
    return p[EE_AT_LAYER_OP] == EE_ADD ? CHECK_RANGES(p, layer_add_ranges) : CHECK_RANGES(p, layer_max_pool_ranges);
}

typedef struct tensor_shape {
    uint32_t channels, stride;
    uint8_t zp;
} tensor_shape;

/* Of tensor t, from the records of layers that have been checked. It is computed again each time: that keeps the stack
 * small. */
static tensor_shape shape_of(const uint8_t *file, uint32_t t)
{
    tensor_shape shape = { ee_front_record(file)[EE_AT_FRONT_CHANNELS], 1, 128 };
    for (uint32_t i = t; i;) {
        const uint8_t *p = ee_layer_record(file, i - 1);
        if (i == t) {
            shape.channels = ee_u16(p + EE_AT_LAYER_COUT);
            shape.zp = p[EE_AT_LAYER_ZP_OUT];
        }
        shape.stride *= ee_u16(p + EE_AT_LAYER_STRIDE);
        i = ee_u16(p + EE_AT_LAYER_SRC_A);
    }
    return shape;
}

/* Do the sources of layer i, counted from 1, fit it? *used: bit t is set where tensor t is read. */
static ee_status check_sources(const uint8_t *file, uint32_t i, uint64_t *used)
{
    const uint8_t *p = ee_layer_record(file, i - 1);
    uint32_t a = ee_u16(p + EE_AT_LAYER_SRC_A), b = ee_u16(p + EE_AT_LAYER_SRC_B), cin = ee_u16(p + EE_AT_LAYER_CIN);
    if (a >= i) return EE_BAD_GRAPH;
    tensor_shape first = shape_of(file, a);
    if (first.channels != cin || first.stride * ee_u16(p + EE_AT_LAYER_STRIDE) > EE_MAX_STRIDE) return EE_BAD_GRAPH;
    *used |= (uint64_t)1 << a;
    if (p[EE_AT_LAYER_OP] == EE_MAX_POOL && p[EE_AT_LAYER_ZP_OUT] != first.zp) return EE_BAD_GRAPH;
    if (p[EE_AT_LAYER_OP] != EE_ADD) return EE_OK;
    if (b >= i || b == a) return EE_BAD_GRAPH;
    tensor_shape second = shape_of(file, b);
    if (second.channels != cin || second.stride != first.stride) return EE_BAD_GRAPH;
    *used |= (uint64_t)1 << b;
    return EE_OK;
}

/* Channels, strides and zero points from layer to layer; every tensor but the last is read. */
static ee_status check_graph(const uint8_t *file, uint32_t n_layers)
{
    uint64_t used = 0;
    for (uint32_t i = 1; i <= n_layers; i++) {
        ee_status status = check_layer(file, ee_layer_record(file, i - 1));
        if (status == EE_OK) status = check_sources(file, i, &used);
        if (status != EE_OK) return status;
    }
    for (uint32_t i = 0; i < n_layers; i++)
        if (!(used >> i & 1)) return EE_BAD_GRAPH;
    return EE_OK;
}

/* ---------------------------------------------------------------- head */
static ee_status check_head(const uint8_t *file, const tensor_shape *last)
{
    const uint8_t *front = ee_front_record(file), *p = ee_head_record(file);
    const ee_status status = CHECK_RANGES(p, head_ranges);
    if (status != EE_OK) return status;
    uint32_t pool = p[EE_AT_HEAD_POOL], dim = ee_u16(p + EE_AT_HEAD_DIM), levels = ee_u16(p + EE_AT_HEAD_LEVELS);
    uint32_t mean = ee_u32(p + EE_AT_HEAD_MEAN_OFF), weights = ee_u32(p + EE_AT_HEAD_WEIGHTS_OFF),
             bias = ee_u32(p + EE_AT_HEAD_BIAS_OFF), mult = ee_u32(p + EE_AT_HEAD_MULT_OFF);
    if (ee_u16(p + EE_AT_HEAD_FRAMES) != ee_u16(front + EE_AT_FRONT_WINDOW) / last->stride) return EE_BAD_HEAD;
    if (levels && (levels != EE_N_LEVELS || dim < EE_N_LEVELS || !front[EE_AT_FRONT_KIND])) return EE_BAD_HEAD;
    uint64_t features = (uint64_t)last->channels * (pool == 3 ? 2u : 1u);
    if (!in_data(file, weights, features * dim) || !in_data(file, bias, 4ull * dim) || !in_data(file, mult, 2ull * dim))
        return EE_BAD_OFFSET;
    if (!within(file, bias, dim, EE_BIAS_MAX) || !multipliers_in_range(file, mult, dim)) return EE_BAD_RANGE;
    if (!(pool & 1)) return CHECK_RANGES(p, head_without_mean_ranges);
    if (!in_data(file, mean, 2ull * last->channels)) return EE_BAD_OFFSET;
    return multipliers_in_range(file, mean, last->channels) ? EE_OK : EE_BAD_RANGE;
}

/* ---------------------------------------------------------------- the whole file */
static ee_status check(const uint8_t *file, size_t size, tensor_shape *last)
{
    if (!file) return EE_TOO_SHORT;
    if (((uintptr_t)file & 3u) != 0) return EE_BAD_ALIGNMENT;
    ee_status status = check_header(file, size);
    if (status == EE_OK) status = check_front(file);
    if (status != EE_OK) return status;
    uint32_t n_layers = ee_u16(file + EE_AT_HEADER_N_LAYERS);
    status = check_graph(file, n_layers);
    if (status != EE_OK) return status;
    *last = shape_of(file, n_layers);
    return check_head(file, last);
}

ee_status ee_model_check(const void *bytes, size_t size)
{
    tensor_shape last;
    return check((const uint8_t *)bytes, size, &last);
}

ee_status ee_model_view(ee_model *model, const void *bytes, size_t size)
{
    tensor_shape last;
    const uint8_t *file = (const uint8_t *)bytes;
    ee_status status = check(file, size, &last);
    if (status != EE_OK) return status;
    const uint8_t *head = ee_head_record(file);
    model->bytes = file;
#ifdef EE_NO_HOST
    model->kernels = NULL;
#else
    model->kernels = ee_kernels_default();
#endif
    model->packed = NULL;
    model->window = ee_u16(ee_front_record(file) + EE_AT_FRONT_WINDOW);
    model->n_layers = ee_u16(file + EE_AT_HEADER_N_LAYERS);
    model->total_stride = (uint16_t)last.stride;
    model->frames = ee_u16(head + EE_AT_HEAD_FRAMES);
    model->dim = ee_u16(head + EE_AT_HEAD_DIM);
    model->channels = (uint16_t)last.channels;
    model->features = (uint16_t)(last.channels * (head[EE_AT_HEAD_POOL] == 3 ? 2 : 1));
    model->exponent = ee_u16(head + EE_AT_HEAD_EXPONENT);
    model->levels = ee_u16(head + EE_AT_HEAD_LEVELS);
    return EE_OK;
}
#endif
