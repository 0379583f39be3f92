/* The model file: check it without trusting it, view it in place. docs/format.md lists every rule checked here. */
#include "internal.h"

#ifndef EE_EXPORTED /* exported models are constants that were checked when they were written */
#define HEADER     128u
#define FRONT_SIZE 96u
#define LAYER_SIZE 64u
#define HEAD_SIZE  64u

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

/* Half a byte at a time: 64 bytes of table instead of 1 KB of flash. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
        0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
    };
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc = table[(crc ^ p[i]) & 15u] ^ (crc >> 4);
        crc = table[(crc ^ (uint32_t)(p[i] >> 4)) & 15u] ^ (crc >> 4);
    }
    return ~crc;
}

static int all_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) any = (uint8_t)(any | p[i]);
    return any == 0;
}

/* Is [offset, offset + bytes) an aligned array inside the data section? */
static int in_data(const uint8_t *bytes, uint32_t offset, uint64_t size)
{
    uint32_t data = ee_u32(bytes + 88);
    uint64_t end = (uint64_t)data + ee_u32(bytes + 92);
    return offset % 16 == 0 && offset >= data && offset + size <= end;
}

static ee_status check_header(const uint8_t *b, size_t size)
{
    static const uint8_t magic[8] = { 0x89, 'E', 'E', 'C', 'G', 0x0D, 0x0A, 0x1A };
    if (size < HEADER) return EE_TOO_SHORT;
    for (unsigned i = 0; i < 8; i++)
        if (b[i] != magic[i]) return EE_BAD_MAGIC;
    if (ee_u16(b + 8) != 1) return EE_BAD_VERSION;
    uint32_t n_layers = ee_u16(b + 76), head = ee_u32(b + 80), data = ee_u32(b + 88);
    uint64_t meta = ee_u32(b + 56);
    if (ee_u32(b + 12) != size || meta + ee_u32(b + 60) != size) return EE_BAD_SIZE;
    if (ee_u32(b + 16) != crc32_of(b + 20, size - 20)) return EE_BAD_CRC;
    if (ee_u16(b + 10) != HEADER || ee_u32(b + 20) || ee_u32(b + 64) != HEADER || ee_u32(b + 68) != FRONT_SIZE ||
        ee_u32(b + 72) != HEADER + FRONT_SIZE || ee_u16(b + 78) != LAYER_SIZE || ee_u32(b + 84) != HEAD_SIZE ||
        n_layers < 1 || n_layers > EE_MAX_LAYERS || b[119] || !all_zero(b + 120, 8))
        return EE_BAD_HEADER;
    if (head != HEADER + FRONT_SIZE + LAYER_SIZE * n_layers || data != head + HEAD_SIZE ||
        (uint64_t)data + ee_u32(b + 92) != meta || ee_u32(b + 92) % 16)
        return EE_BAD_SIZE;
    return EE_OK;
}

/* Bounds the sum of |tap| for every phase: numerics.md 2.1. */
static ee_status check_table(const uint8_t *b, const uint8_t *p)
{
    uint32_t half = ee_u16(p + 12), points = half * EE_TABLE_STEP, offset = ee_u32(p + 20);
    if (!in_data(b, offset, 2u * (points + 1))) return EE_BAD_OFFSET;
    const int16_t *table = (const int16_t *)(const void *)(b + offset);
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

static ee_status check_front(const uint8_t *b)
{
    const uint8_t *p = b + HEADER;
    uint32_t kind = p[0], channels = p[1], window = ee_u16(p + 4), baseline = ee_u16(p + 6), reach = ee_u16(p + 10);
    uint32_t half = ee_u16(p + 12), min_rate = ee_u32(p + 16), direct = ee_u32(p + 44);
    if (kind > 1 || channels < 1 || channels > 4 || (kind == 0 && channels != 1) || ee_u16(p + 2) != EE_RATE ||
        window < 32 || window > 5120 || window % 32 || baseline < 16 || baseline > 256 || (baseline & (baseline - 1)) ||
        ee_u16(p + 8) != EE_BLOCK || reach < 1 || reach > 16 || half < 4 || half > 32 ||
        ee_u16(p + 14) != EE_TABLE_STEP || min_rate < 64000 || min_rate > 128000 || ee_u32(p + 24) < 1 ||
        ee_u32(p + 24) > 32767 || ee_u16(p + 50) < 1 || ee_u16(p + 50) > window / 32 || ee_u16(p + 52) < 1 ||
        ee_u16(p + 52) > window / 32 || ee_u16(p + 54) < 1 ||
        ee_u32(p + 56) > window / 32 * (EE_BLOCK - 1) * EE_STEP_LIMIT || !all_zero(p + 60, 36))
        return EE_BAD_FRONT;
    for (uint32_t c = 0; c < 4; c++) {
        uint32_t gain = ee_u32(p + 28 + 4 * c);
        if (c < channels ? gain < 1 || gain > 65535 : gain != 0) return EE_BAD_FRONT;
    }
    if (kind == 0) return direct < 1 || direct > (1u << 30) || ee_u32(p + 20) ? EE_BAD_FRONT : EE_OK;
    return direct ? EE_BAD_FRONT : check_table(b, p);
}

static int in_range16(const uint8_t *b, uint32_t offset, uint32_t n)
{
    const int16_t *m = (const int16_t *)(const void *)(b + offset);
    for (uint32_t i = 0; i < n; i++)
        if (m[i] < 1 || m[i] > 8191) return 0;
    return 1;
}

static int in_range32(const uint8_t *b, uint32_t offset, uint32_t n, int32_t limit)
{
    const int32_t *v = (const int32_t *)(const void *)(b + offset);
    for (uint32_t i = 0; i < n; i++)
        if (v[i] < -limit || v[i] > limit) return 0;
    return 1;
}

static ee_status check_conv(const uint8_t *b, const uint8_t *p)
{
    uint32_t cin = ee_u16(p + 8), cout = ee_u16(p + 10), groups = ee_u16(p + 12), kernel = ee_u16(p + 14);
    uint32_t bias = ee_u32(p + 24), mult = ee_u32(p + 28), mneg = ee_u32(p + 32), add = ee_u32(p + 36);
    if (p[1] > 1 || groups < 1 || cin % groups || cout % groups || ee_u16(p + 6) != EE_NO_TENSOR || ee_u32(p + 40) ||
        ee_u32(p + 44))
        return EE_BAD_LAYER;
    uint64_t fan_in = (uint64_t)kernel * (cin / groups);
    if (fan_in > 32768) return EE_BAD_LAYER;
    if (!in_data(b, ee_u32(p + 20), fan_in * cout) || !in_data(b, bias, 4ull * cout) ||
        !in_data(b, mult, (p[1] ? 4ull : 2ull) * cout))
        return EE_BAD_OFFSET;
    if (!in_range32(b, bias, cout, 1 << 30)) return EE_BAD_RANGE;
    if (p[1] == 0) return mneg || add ? EE_BAD_LAYER : in_range16(b, mult, cout) ? EE_OK : EE_BAD_RANGE;
    if (!in_data(b, mneg, 4ull * cout) || !in_data(b, add, 4ull * cout)) return EE_BAD_OFFSET;
    return in_range32(b, mult, cout, (1 << 23) - 1) && in_range32(b, mneg, cout, (1 << 23) - 1) &&
                   in_range32(b, add, cout, INT32_MAX)
               ? EE_OK
               : EE_BAD_RANGE;
}

static ee_status check_layer(const uint8_t *b, const uint8_t *p)
{
    uint32_t op = p[0], cin = ee_u16(p + 8), cout = ee_u16(p + 10), kernel = ee_u16(p + 14), stride = ee_u16(p + 16);
    if (op < EE_CONV || op > EE_MAX_POOL || p[3] || cin < 1 || cin > 1024 || cout < 1 || cout > 1024 || kernel < 1 ||
        kernel > 256 || stride < 1 || stride > 16 || ee_u16(p + 18) >= kernel || !all_zero(p + 48, 16))
        return EE_BAD_LAYER;
    if (op == EE_CONV) return check_conv(b, p);
    if (p[1] || cout != cin || ee_u16(p + 12) != 1 || !all_zero(p + 20, 20)) return EE_BAD_LAYER;
    uint32_t m_a = ee_u32(p + 40), m_b = ee_u32(p + 44);
    if (op == EE_ADD)
        return kernel != 1 || stride != 1 || m_a < 1 || m_a > 32767 || m_b < 1 || m_b > 32767 ? EE_BAD_LAYER : EE_OK;
    return ee_u16(p + 6) != EE_NO_TENSOR || m_a || m_b ? EE_BAD_LAYER : EE_OK;
}

typedef struct tensor_shape {
    uint32_t channels, stride;
    uint8_t zp;
} tensor_shape;

/* Of tensor t, from the records of layers that have been checked: computed again each time, so that the stack stays
 * small. */
static tensor_shape shape_of(const uint8_t *b, uint32_t t)
{
    tensor_shape shape = { b[HEADER + 1], 1, 128 };
    for (uint32_t i = t; i;) {
        const uint8_t *p = b + HEADER + FRONT_SIZE + LAYER_SIZE * (i - 1);
        if (i == t) {
            shape.channels = ee_u16(p + 10);
            shape.zp = p[2];
        }
        shape.stride *= ee_u16(p + 16);
        i = ee_u16(p + 4);
    }
    return shape;
}

/* Channels, strides and zero points from layer to layer; every tensor but the last is read. */
static ee_status check_graph(const uint8_t *b, uint32_t n_layers)
{
    uint64_t used = 0; /* bit t: tensor t is read */
    for (uint32_t i = 1; i <= n_layers; i++) {
        const uint8_t *p = b + HEADER + FRONT_SIZE + LAYER_SIZE * (i - 1);
        ee_status status = check_layer(b, p);
        if (status != EE_OK) return status;
        uint32_t a = ee_u16(p + 4), other = ee_u16(p + 6), cin = ee_u16(p + 8);
        if (a >= i) return EE_BAD_GRAPH;
        tensor_shape from = shape_of(b, a);
        if (from.channels != cin || from.stride * ee_u16(p + 16) > 256) return EE_BAD_GRAPH;
        used |= (uint64_t)1 << a;
        if (p[0] == EE_MAX_POOL && p[2] != from.zp) return EE_BAD_GRAPH;
        if (p[0] != EE_ADD) continue;
        if (other >= i || other == a) return EE_BAD_GRAPH;
        tensor_shape second = shape_of(b, other);
        if (second.channels != cin || second.stride != from.stride) return EE_BAD_GRAPH;
        used |= (uint64_t)1 << other;
    }
    for (uint32_t i = 0; i < n_layers; i++)
        if (!(used >> i & 1)) return EE_BAD_GRAPH;
    return EE_OK;
}

static ee_status check_head(const uint8_t *b, const uint8_t *p, const tensor_shape *last)
{
    uint32_t pool = p[0], frames = ee_u16(p + 2), dim = ee_u16(p + 4), window = ee_u16(b + HEADER + 4);
    uint32_t mean = ee_u32(p + 8), bias = ee_u32(p + 16), mult = ee_u32(p + 20);
    if (pool < 1 || pool > 3 || frames != window / last->stride || frames < 1 || frames > 256 || dim < 1 ||
        dim > 1024 || ee_u16(p + 6) > 24 || !all_zero(p + 26, 38))
        return EE_BAD_HEAD;
    if (ee_u16(p + 24) && (ee_u16(p + 24) != EE_N_LEVELS || dim < EE_N_LEVELS || !b[HEADER])) return EE_BAD_HEAD;
    uint64_t features = (uint64_t)last->channels * (pool == 3 ? 2u : 1u);
    if (!in_data(b, ee_u32(p + 12), features * dim) || !in_data(b, bias, 4ull * dim) || !in_data(b, mult, 2ull * dim))
        return EE_BAD_OFFSET;
    if (!in_range32(b, bias, dim, 1 << 30) || !in_range16(b, mult, dim)) return EE_BAD_RANGE;
    if (!(pool & 1)) return mean || p[1] ? EE_BAD_HEAD : EE_OK;
    if (!in_data(b, mean, 2ull * last->channels)) return EE_BAD_OFFSET;
    return in_range16(b, mean, last->channels) ? EE_OK : EE_BAD_RANGE;
}

static ee_status check(const uint8_t *b, size_t size, tensor_shape *last)
{
    if (((uintptr_t)b & 3u) != 0) return EE_BAD_ALIGNMENT;
    ee_status status = check_header(b, size);
    if (status == EE_OK) status = check_front(b);
    if (status != EE_OK) return status;
    uint32_t n_layers = ee_u16(b + 76);
    status = check_graph(b, n_layers);
    if (status != EE_OK) return status;
    *last = shape_of(b, n_layers);
    return check_head(b, b + ee_u32(b + 80), last);
}

ee_status ee_model_check(const void *bytes, size_t size)
{
    tensor_shape last;
    return bytes ? check((const uint8_t *)bytes, size, &last) : EE_TOO_SHORT;
}

ee_status ee_model_view(ee_model *model, const void *bytes, size_t size)
{
    tensor_shape last;
    const uint8_t *b = (const uint8_t *)bytes;
    ee_status status = b ? check(b, size, &last) : EE_TOO_SHORT;
    if (status != EE_OK) return status;
    const uint8_t *head = b + ee_u32(b + 80);
    model->bytes = b;
#ifdef EE_NO_HOST
    model->kernels = NULL;
#else
    model->kernels = ee_kernels_default();
#endif
    model->packed = NULL;
    model->window = ee_u16(b + HEADER + 4);
    model->n_layers = ee_u16(b + 76);
    model->total_stride = (uint16_t)last.stride;
    model->frames = ee_u16(head + 2);
    model->dim = ee_u16(head + 4);
    model->channels = (uint16_t)last.channels;
    model->features = (uint16_t)(last.channels * (head[0] == 3 ? 2 : 1));
    model->exponent = ee_u16(head + 6);
    model->levels = ee_u16(head + 24);
    return EE_OK;
}

static const int16_t *i16_at(const uint8_t *b, uint32_t offset)
{ return offset ? (const int16_t *)(const void *)(b + offset) : NULL; }
static const int32_t *i32_at(const uint8_t *b, uint32_t offset)
{ return offset ? (const int32_t *)(const void *)(b + offset) : NULL; }

void ee_front_view(const ee_model *model, ee_front *front)
{
    const uint8_t *b = model->bytes, *p = b + HEADER;
    front->kind = p[0];
    front->channels = p[1];
    front->window = ee_u16(p + 4);
    front->baseline = ee_u16(p + 6);
    front->log2_baseline = 0;
    while ((1u << front->log2_baseline) < front->baseline) front->log2_baseline++;
    front->reach = ee_u16(p + 10);
    front->table_half = ee_u16(p + 12);
    front->min_rate = ee_u32(p + 16);
    front->table = i16_at(b, ee_u32(p + 20));
    front->floor = ee_u32(p + 24);
    for (uint32_t c = 0; c < 4; c++) front->gain[c] = ee_u32(p + 28 + 4 * c);
    front->direct_gain = ee_u32(p + 44);
    front->flat_max = ee_u16(p + 48);
    front->flat_blocks = ee_u16(p + 50);
    front->off_blocks = ee_u16(p + 52);
    front->clip_ms = ee_u16(p + 54);
    front->noise = ee_u16(p + 56); /* its upper half is 0 */
}

ee_sources ee_layer_sources(const ee_model *model, uint32_t index)
{
    const uint8_t *p = model->bytes + HEADER + FRONT_SIZE + LAYER_SIZE * index;
    ee_sources from = { ee_u16(p + 4), ee_u16(p + 6) };
    return from;
}

static uint8_t zero_point(const uint8_t *b, uint32_t tensor)
{ return tensor == EE_NO_TENSOR ? 0 : tensor == 0 ? 128 : b[HEADER + FRONT_SIZE + LAYER_SIZE * (tensor - 1) + 2]; }

/* Weights packed for this machine (pack.c): offsets first, 0 for none. */
static const void *packed_at(const ee_model *model, uint32_t index)
{
    const uint8_t *packed = (const uint8_t *)model->packed;
    uint32_t offset = packed ? ((const uint32_t *)(const void *)packed)[index] : 0;
    return offset ? packed + offset : NULL;
}

void ee_layer_view(const ee_model *model, uint32_t index, ee_layer *layer)
{
    const uint8_t *b = model->bytes, *p = b + HEADER + FRONT_SIZE + LAYER_SIZE * index;
    layer->op = p[0];
    layer->requant = p[1];
    layer->zp_out = p[2];
    layer->src_a = ee_u16(p + 4);
    layer->src_b = ee_u16(p + 6);
    layer->zp_a = zero_point(b, layer->src_a);
    layer->zp_b = zero_point(b, layer->src_b);
    layer->cin = ee_u16(p + 8);
    layer->cout = ee_u16(p + 10);
    layer->groups = ee_u16(p + 12);
    layer->kernel = ee_u16(p + 14);
    layer->stride = ee_u16(p + 16);
    layer->pad_left = ee_u16(p + 18);
    layer->weights = (const int8_t *)(b + ee_u32(p + 20));
    layer->bias = i32_at(b, ee_u32(p + 24));
    layer->mult = layer->requant ? NULL : i16_at(b, ee_u32(p + 28));
    layer->mult_pos = layer->requant ? i32_at(b, ee_u32(p + 28)) : NULL;
    layer->mult_neg = i32_at(b, ee_u32(p + 32));
    layer->add = i32_at(b, ee_u32(p + 36));
    layer->m_a = (int32_t)ee_u32(p + 40);
    layer->m_b = (int32_t)ee_u32(p + 44);
    layer->packed = packed_at(model, index);
}

void ee_head_view(const ee_model *model, ee_head *head)
{
    const uint8_t *b = model->bytes, *p = b + ee_u32(b + 80);
    head->pool = p[0];
    head->zp_mean = p[1];
    head->zp = zero_point(b, model->n_layers);
    head->frames = model->frames;
    head->dim = model->dim;
    head->exponent = model->exponent;
    head->channels = model->channels;
    head->features = model->features;
    head->mean_mult = i16_at(b, ee_u32(p + 8));
    head->weights = (const int8_t *)(b + ee_u32(p + 12));
    head->bias = i32_at(b, ee_u32(p + 16));
    head->mult = i16_at(b, ee_u32(p + 20));
    head->packed = packed_at(model, model->n_layers);
}
#endif
