/* Model files: what the reader accepts is run, with every kind of kernel, and must give one answer.
 *
 * The checksum and what follows from the length are repaired, so that the fields decide. Mutations change fields to the
 * ends of their ranges and beyond, numbers of arrays to their limits, and add, copy and remove layers; now and then
 * bytes. */
#include "fuzz.h"

#include "../src/model_file/model_ranges.h"

#define MOST_STATE (8u << 20)
#define MOST_WORK  2000000u /* multiplications of a run */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---------------------------------------------------------------- repair */
static uint32_t crc_table[256];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (uint32_t i = 0; i < 256; i++) {
        crc_table[i] = i;
        for (int bit = 0; bit < 8; bit++) crc_table[i] = (crc_table[i] & 1 ? 0xEDB88320u : 0) ^ crc_table[i] >> 1;
    }
    return 0;
}

static void put16(uint8_t *at, uint32_t v) { at[0] = (uint8_t)v, at[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *at, uint32_t v) { put16(at, v), put16(at + 2, v >> 16); }

/* What follows from the length of the file and the number of its layers, then the checksum. */
static void repair(uint8_t *file, size_t size)
{
    static const uint8_t start[12] = { 0x89, 'E', 'E', 'C', 'G', 0x0D, 0x0A, 0x1A, 1, 0, EE_HEADER_BYTES, 0 };
    if (size < EE_HEADER_BYTES) return;
    memcpy(file, start, sizeof start);
    const uint32_t n_layers = ee_u16(file + EE_AT_HEADER_N_LAYERS), head = EE_LAYERS_OFFSET + EE_LAYER_BYTES * n_layers,
                   data = head + EE_HEAD_BYTES;
    uint32_t meta = ee_u32(file + EE_AT_HEADER_META_OFF);
    if (meta > size || meta < data) meta = (uint32_t)size;
    if (meta >= data) meta -= (meta - data) % EE_ARRAY_ALIGNMENT;
    put32(file + EE_AT_HEADER_FILE_SIZE, (uint32_t)size);
    put32(file + EE_AT_HEADER_META_OFF, meta);
    put32(file + EE_AT_HEADER_META_SIZE, (uint32_t)size - meta);
    put32(file + EE_AT_HEADER_HEAD_OFF, head);
    put32(file + EE_AT_HEADER_DATA_OFF, data);
    put32(file + EE_AT_HEADER_DATA_SIZE, meta - data);
    uint32_t crc = ~0u;
    for (size_t i = EE_AT_HEADER_FLAGS; i < size; i++) crc = crc_table[(crc ^ file[i]) & 255u] ^ crc >> 8;
    put32(file + EE_AT_HEADER_CRC, ~crc);
}

/* ---------------------------------------------------------------- running what is accepted */
/* Multiplications for a sample, about. */
static uint64_t work_of(const ee_model *model)
{
    uint64_t work = 40;
    for (uint32_t i = 0; i < model->n_layers; i++) {
        ee_layer layer;
        ee_layer_view(model, i, &layer);
        work += (uint64_t)layer.cout * layer.kernel * (layer.op == EE_CONV ? layer.cin / layer.groups : 1);
    }
    return work;
}

static uint64_t add_up(uint64_t sum, ee_result result, uint32_t dim)
{
    for (uint32_t d = 0; d < dim; d++) sum = sum * 31 + (uint16_t)result.embedding[d] + (uint8_t)result.embedding8[d];
    return sum * 31 + result.quality + result.start;
}

/* A sum over all results of n samples; 0 where the configuration does not suit the model. */
static uint64_t run(const ee_model *model, ee_config config, const int32_t *x, size_t n, size_t piece)
{
    void *memory;
    ee_stream *stream = fuzz_open(model, &config, &memory, MOST_STATE);
    uint64_t sum = 1;
    if (!stream) return 0;
    for (size_t at = 0, used; at < n; at += used)
        if (ee_push_i32(stream, x + at, n - at < piece ? n - at : piece, &used))
            sum = add_up(sum, ee_get_result(stream), model->dim);
    while (ee_flush(stream)) sum = add_up(sum, ee_get_result(stream), model->dim);
    free(memory);
    return sum;
}

static void run_alike(ee_model *model, uint64_t seed)
{
    const uint64_t work = work_of(model);
    uint32_t n = model->window + 40 + fuzz_random(&seed) % 200;
    if (n * work > MOST_WORK) n = (uint32_t)(MOST_WORK / work);
    if (n < 2) return;
    int32_t *x = (int32_t *)fuzz_block(n * sizeof *x);
    const uint32_t kind = fuzz_random(&seed);
    for (uint32_t i = 0; i < n; i++) x[i] = fuzz_sample(i < n / 2 ? kind : kind >> 8, i, &seed);
    ee_front front;
    ee_front_view(model, &front);
    const uint32_t rate = front.kind ? 50000u + fuzz_random(&seed) % 400000u : EE_RATE_MHZ;
    ee_config config = {
        fuzz_random(&seed) & 1 && front.kind ? rate : EE_RATE_MHZ, 1 + fuzz_random(&seed) % 700, 0, 0, 0, 0
    };
    ee_model plain = *model;
    ee_plan plan;
    ee_buffer buffers[EE_MAX_LAYERS + 1];
    void *packed = fuzz_packed(model);
    if (!ee_choose_kernels(&plain, "scalar")) abort();
    const uint64_t first = run(&plain, config, x, n, 1 + fuzz_random(&seed) % 300);
    if ((first != 0) != ee_plan_device(&plain, &config, &plan, buffers) && first) FAIL("no plan for a device");
    config.flags = EE_CACHE_TAPS;
    config.block = 32 * (1 + fuzz_random(&seed) % 20);
    const uint64_t second = run(model, config, x, n, n);
    if (first && second && first != second) FAIL("kernels %s differ from the portable ones", ee_kernels_name(model));
    free(packed);
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = (uint8_t *)fuzz_block(size); /* of its size: one byte too far is an error */
    ee_model model;
    if (size) memcpy(file, data, size);
    if (size && data[size - 1] != 0xA5) repair(file, size);
    const ee_status status = ee_model_view(&model, file, size);
    if (ee_model_check(file, size) != status || strlen(ee_status_text(status)) < 10) FAIL("two answers");
    uint64_t seed = 88172645463325252u + size;
    for (size_t i = 0; i < size && i < 600; i += 7) seed = seed * 6364136223846793005u + data[i];
    if (status == EE_OK) run_alike(&model, seed | 1);
    free(file);
    return 0;
}

/* ---------------------------------------------------------------- mutations */
#define TABLE(of, name) { of, name, sizeof name / sizeof *name }
static const struct {
    int of; /* 0 header, 1 front, 2 layer, 3 head */
    const ee_range *rows;
    size_t n;
} tables[] = { TABLE(0, header_ranges), TABLE(1, front_ranges),      TABLE(1, front_kind_0_ranges),
               TABLE(2, layer_ranges),  TABLE(2, layer_conv_ranges), TABLE(2, layer_add_ranges),
               TABLE(3, head_ranges) };

static uint32_t layers_of(const uint8_t *file, size_t size)
{
    const uint32_t n = ee_u16(file + EE_AT_HEADER_N_LAYERS);
    return n && n <= EE_MAX_LAYERS && size >= EE_LAYERS_OFFSET + EE_LAYER_BYTES * n + EE_HEAD_BYTES ? n : 0;
}

static uint8_t *record_of(uint8_t *file, uint32_t n_layers, int of, uint64_t *seed)
{
    if (of == 0) return file;
    if (of == 1) return file + EE_HEADER_BYTES;
    return file + EE_LAYERS_OFFSET + EE_LAYER_BYTES * (of == 3 ? n_layers : fuzz_random(seed) % n_layers);
}

/* A field of the range tables, at the ends of what it may hold. */
static void change_field(uint8_t *file, uint32_t n_layers, uint64_t *seed)
{
    const size_t t = fuzz_random(seed) % (sizeof tables / sizeof *tables);
    const ee_range *row = &tables[t].rows[fuzz_random(seed) % tables[t].n];
    uint8_t *at = record_of(file, n_layers, tables[t].of, seed) + row->offset;
    const uint32_t old = row->width == 1 ? *at : row->width == 2 ? ee_u16(at) : ee_u32(at);
    const uint32_t span = row->maximum - row->minimum + 1;
    uint32_t value = row->minimum + (span ? fuzz_random(seed) % span : 0);
    switch (fuzz_random(seed) % 8) {
    case 0: value = row->minimum; break;
    case 1: value = row->maximum; break;
    case 2: value = row->minimum - 1; break;
    case 3: value = row->maximum + 1; break;
    case 4: value = old + 1; break;
    case 5: value = old - 1; break;
    default: break;
    }
    if (row->width == 1 || row->width > 4) *at = (uint8_t)value;
    else if (row->width == 2) put16(at, value);
    else put32(at, value);
}

static uint32_t special(uint64_t *seed, size_t size)
{
    static const uint32_t numbers[] = { 0,
                                        1,
                                        2,
                                        3,
                                        4,
                                        15,
                                        16,
                                        31,
                                        32,
                                        64,
                                        255,
                                        256,
                                        0x7FFF,
                                        0x8000,
                                        0xFFFF,
                                        1u << 16,
                                        (1u << 23) - 1,
                                        1u << 23,
                                        1u << 30,
                                        0x7FFFFFFF,
                                        0x80000000u,
                                        0xFFFFFFF0u };
    const uint32_t pick = fuzz_random(seed) % 32;
    return pick < 22 ? numbers[pick] : fuzz_random(seed) % ((uint32_t)size + 64) & ~15u;
}

/* Any two or four bytes of the records or of the arrays. */
static void change_number(uint8_t *file, size_t size, uint64_t *seed, int arrays)
{
    const size_t records = EE_LAYERS_OFFSET + EE_LAYER_BYTES * (layers_of(file, size) + 1);
    const size_t from = arrays ? records : EE_HEADER_BYTES, to = arrays ? size : records;
    if (to < from + 8) return;
    const size_t at = from + fuzz_random(seed) % (to - from - 4);
    const uint32_t value = special(seed, size);
    if (fuzz_random(seed) & 1) put16(file + (at & ~(size_t)1), value);
    else put32(file + (at & ~(size_t)3), value);
}

/* Offsets of arrays that lie behind `from` move by `by`. */
static void move_offsets(uint8_t *file, uint32_t n_layers, int32_t by)
{
    static const uint8_t in_layer[] = { EE_AT_LAYER_WEIGHTS_OFF, EE_AT_LAYER_BIAS_OFF, EE_AT_LAYER_MULT_OFF,
                                        EE_AT_LAYER_MNEG_OFF, EE_AT_LAYER_ADD_OFF };
    static const uint8_t in_head[] = { EE_AT_HEAD_MEAN_OFF, EE_AT_HEAD_WEIGHTS_OFF, EE_AT_HEAD_BIAS_OFF,
                                       EE_AT_HEAD_MULT_OFF };
    uint8_t *const table = file + EE_HEADER_BYTES + EE_AT_FRONT_TABLE_OFF, *const head = file + EE_LAYERS_OFFSET +
                                                                                         EE_LAYER_BYTES * n_layers;
    if (ee_u32(table)) put32(table, ee_u32(table) + (uint32_t)by);
    for (uint32_t i = 0; i < n_layers; i++)
        for (uint32_t k = 0; k < sizeof in_layer; k++) {
            uint8_t *at = file + EE_LAYERS_OFFSET + EE_LAYER_BYTES * i + in_layer[k];
            if (ee_u32(at)) put32(at, ee_u32(at) + (uint32_t)by);
        }
    for (uint32_t k = 0; k < sizeof in_head; k++)
        if (ee_u32(head + in_head[k])) put32(head + in_head[k], ee_u32(head + in_head[k]) + (uint32_t)by);
}

/* A copy of a layer behind another one, or one layer fewer. */
static size_t change_layers(uint8_t *file, size_t size, size_t max, uint64_t *seed)
{
    const uint32_t n = layers_of(file, size), place = fuzz_random(seed) % (n + 1), from = fuzz_random(seed) % n;
    uint8_t *const at = file + EE_LAYERS_OFFSET + EE_LAYER_BYTES * place;
    uint8_t copy[EE_LAYER_BYTES];
    const uint32_t meta = ee_u32(file + EE_AT_HEADER_META_OFF);
    if (fuzz_random(seed) & 1 && n > 1 && place < n) {
        memmove(at, at + EE_LAYER_BYTES, size - (size_t)(at - file) - EE_LAYER_BYTES);
        put16(file + EE_AT_HEADER_N_LAYERS, n - 1);
        put32(file + EE_AT_HEADER_META_OFF, meta - EE_LAYER_BYTES);
        move_offsets(file, n - 1, -(int32_t)EE_LAYER_BYTES);
        return size - EE_LAYER_BYTES;
    }
    if (n == EE_MAX_LAYERS || size + EE_LAYER_BYTES > max) return size;
    memcpy(copy, file + EE_LAYERS_OFFSET + EE_LAYER_BYTES * from, sizeof copy);
    memmove(at + EE_LAYER_BYTES, at, size - (size_t)(at - file));
    memcpy(at, copy, sizeof copy);
    put16(at + EE_AT_LAYER_SRC_A, fuzz_random(seed) & 1 ? place : fuzz_random(seed) % (place + 1));
    put16(file + EE_AT_HEADER_N_LAYERS, n + 1);
    put32(file + EE_AT_HEADER_META_OFF, meta + EE_LAYER_BYTES);
    move_offsets(file, n + 1, (int32_t)EE_LAYER_BYTES);
    return size + EE_LAYER_BYTES;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    uint64_t state = seed * 2654435761u + 1u;
    const uint32_t n_layers = size >= EE_HEADER_BYTES ? layers_of(data, size) : 0;
    if (!n_layers || fuzz_random(&state) % 12 == 0) return LLVMFuzzerMutate(data, size, max);
    for (uint32_t changes = 1 + fuzz_random(&state) % 4; changes; changes--) {
        switch (fuzz_random(&state) % 8) {
        case 0:
        case 1:
        case 2: change_field(data, layers_of(data, size) ? layers_of(data, size) : 1, &state); break;
        case 3: change_number(data, size, &state, 0); break;
        case 4:
        case 5: change_number(data, size, &state, 1); break;
        case 6:
            if (layers_of(data, size)) size = change_layers(data, size, max, &state);
            break;
        default: data[fuzz_random(&state) % size] ^= (uint8_t)(1u << fuzz_random(&state) % 8); break;
        }
    }
    if (size >= EE_HEADER_BYTES && fuzz_random(&state) % 64) repair(data, size);
    return size;
}
