/* Whole recordings: samples of any type at any stride, floats that are no numbers, any gain, hop and block. The vector
 * kernels, the portable ones and pieces of the same samples give one answer. */
#include "loaded_models.h"

#define MOST_STATE   (4u << 20)
#define MOST_SAMPLES 2560u
#define MOST_WINDOWS 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---------------------------------------------------------------- samples */
static double strange(uint32_t bits)
{
    static const double numbers[] = { 0.0, -0.0, 1e-45, 5e-324, 1e305, -1e305, 3.4e38, -3.4e38, 524.287875, -524.288 };
    if (bits % 13 < 10) return numbers[bits % 13];
    return bits % 13 == 10 ? __builtin_nan("") : bits % 13 == 11 ? __builtin_inf() : -__builtin_inf();
}

static void put_sample(uint8_t *at, ee_type type, int32_t v, uint32_t bits, uint32_t every)
{
    const double d = every && bits % every == 0 ? strange(bits >> 8) : (double)v / 8000.0;
    const float f = (float)d;
    const int16_t narrow = (int16_t)v;
    if (type == EE_I16) memcpy(at, &narrow, sizeof narrow);
    else if (type == EE_I32) memcpy(at, &v, sizeof v);
    else if (type == EE_F32) memcpy(at, &f, sizeof f);
    else memcpy(at, &d, sizeof d);
}

typedef struct recording {
    ee_source source, row; /* the same samples in a row */
    uint8_t *block, *copy;
    size_t n;
} recording;

/* In a block that ends with the last byte of the last sample; strides are negative, zero or larger than a sample. */
static recording make_recording(fuzz_input *in)
{
    static const size_t widths[4] = { 2, 4, 4, 8 };
    const uint32_t a = fuzz_byte(in), kinds = fuzz_byte(in), seed_byte = fuzz_byte(in), scale = fuzz_byte(in);
    const ee_type type = (ee_type)(a & 3);
    const size_t width = widths[type], n = fuzz_length(in) + fuzz_length(in);
    const ptrdiff_t step = (ptrdiff_t)width * ((ptrdiff_t)(a >> 2 & 7) - 3);
    const size_t span = n ? (size_t)(step < 0 ? -step : step) * (n - 1) + width : 0;
    recording r = { { NULL, step, type, 8000.0 }, { NULL, (ptrdiff_t)width, type, 8000.0 }, NULL, NULL, n };
    uint64_t seed = 0x2545F4914F6CDD1Du * (seed_byte + 1u);
    r.block = (uint8_t *)fuzz_block(span);
    r.copy = (uint8_t *)fuzz_block(n * width);
    uint8_t *first = step < 0 ? r.block + span - width : r.block;
    for (size_t i = 0; i < n; i++) {
        const int32_t v = fuzz_sample(i < n / 2 ? kinds & 7 : kinds >> 3 & 7, (uint32_t)i, &seed);
        put_sample(first + (ptrdiff_t)i * step, type, v, fuzz_random(&seed), kinds >> 6 ? 1u << (3 * (kinds >> 6)) : 0);
    }
    for (size_t i = 0; i < n; i++) memcpy(r.copy + i * width, first + (ptrdiff_t)i * step, width);
    if (scale & 1) r.source.scale = r.row.scale = scale & 2 ? 8.0 : scale & 4 ? 8e6 : 8000.0 / (0.25 + scale * 37.0);
    r.source.data = first;
    r.row.data = r.copy;
    return r;
}

/* ---------------------------------------------------------------- results */
typedef struct results {
    size_t found;
    int16_t *e16;
    float *f32;
    int8_t *e8;
    uint8_t *quality;
    uint8_t *y;
    size_t frames;
} results;

static void run(const ee_model *model, const ee_config *config, const ee_source *source, size_t n, uint32_t wanted,
                results *to)
{
    void *memory;
    ee_stream *stream = fuzz_open(model, config, &memory, MOST_STATE);
    const size_t room = MOST_WINDOWS, dim = model->dim, frames = 2 * MOST_SAMPLES;
    results r = { 0,
                  (int16_t *)fuzz_block(room * dim * 2),
                  (float *)fuzz_block(room * dim * 4),
                  (int8_t *)fuzz_block(room * dim),
                  (uint8_t *)fuzz_block(room),
                  (uint8_t *)fuzz_block(frames * 4),
                  0 };
    memset(r.e16, 0, room * dim * 2);
    memset(r.f32, 0, room * dim * 4);
    memset(r.e8, 0, room * dim);
    memset(r.quality, 0, room);
    const ee_windows windows = { room, wanted & 1 ? NULL : r.e16, wanted & 2 ? NULL : r.f32, wanted & 4 ? NULL : r.e8,
                                 wanted & 8 ? NULL : r.quality };
    if (stream) {
        r.found = 1 + ee_run(stream, source, n, &windows);
        r.frames = ee_front_end(stream, source, n, r.y, frames);
    }
    free(memory);
    *to = r;
}

static void release(results *r)
{
    free(r->e16);
    free(r->f32);
    free(r->e8);
    free(r->quality);
    free(r->y);
}

static void compare(const results *a, const results *b, size_t dim, const char *what)
{
    if (!a->found || !b->found) return; /* too large a state */
    const size_t n = a->found - 1 < MOST_WINDOWS ? a->found - 1 : MOST_WINDOWS;
    if (a->found != b->found || a->frames != b->frames || memcmp(a->e16, b->e16, n * dim * 2) ||
        memcmp(a->f32, b->f32, n * dim * 4) || memcmp(a->e8, b->e8, n * dim) || memcmp(a->quality, b->quality, n) ||
        memcmp(a->y, b->y, a->frames))
        FAIL("%s: another answer", what);
}

/* Pieces through ee_push_source(). */
static void run_in_pieces(const ee_model *model, const ee_config *config, const recording *r, uint32_t piece,
                          const results *whole)
{
    void *memory;
    ee_stream *stream = fuzz_open(model, config, &memory, MOST_STATE);
    size_t windows = 0, used;
    if (!stream || !whole->found) {
        free(memory);
        return;
    }
    for (size_t at = 0; at < r->n; at += used) {
        const size_t n = r->n - at < piece ? r->n - at : piece;
        if (!ee_push_source(stream, &r->source, at, n, &used)) continue;
        if (windows < MOST_WINDOWS &&
            memcmp(ee_get_result(stream).embedding8, whole->e8 + windows * model->dim, model->dim))
            FAIL("pieces give another answer");
        windows++;
    }
    while (ee_flush(stream)) windows++;
    if (windows != whole->found - 1) FAIL("pieces give another number of windows");
    free(memory);
}

static void look(const recording *r)
{
    double a[2] = { 0, 0 }, b[2] = { 0, 0 };
    const size_t first = ee_scan(&r->source, r->n, &a[0], &a[1]), again = ee_scan(&r->row, r->n, &b[0], &b[1]);
    if (first != again || memcmp(a, b, sizeof a)) FAIL("two answers to a scan");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = { data, data + size };
    const fuzz_model *m = &models[fuzz_byte(&in) % n_models];
    recording r = make_recording(&in);
    ee_config config = fuzz_config(&in, &m->model[0]);
    const uint32_t piece = 1 + fuzz_byte(&in) % 200, wanted = fuzz_byte(&in) & fuzz_byte(&in) & 15;
    results fast, portable;
    look(&r);
    run(&m->model[0], &config, &r.source, r.n, wanted, &fast);
    config.flags ^= EE_CACHE_TAPS;
    if (config.block % 32 == 0) config.block = config.block ? 0 : 320;
    run(&m->model[1], &config, &r.row, r.n, wanted, &portable);
    compare(&fast, &portable, m->model[0].dim, "portable kernels");
    if (!(wanted & 4)) run_in_pieces(&m->model[0], &config, &r, piece, &fast);
    release(&fast);
    release(&portable);
    free(r.block);
    free(r.copy);
    return 0;
}
