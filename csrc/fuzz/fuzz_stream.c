/* The stream API in any order of calls: what comes out is what the whole recording gives, what is pushed behind a flush
 * is dropped, and nothing is written between the arrays of a stream (csrc/test/red_zones.h). */
#include "loaded_models.h"

#include "../test/stream_zones.h"

#define MOST_STATE   (4u << 20)
#define MOST_SAMPLES 4000u
#define STREAMS      2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct session {
    ee_stream *stream;
    const ee_model *model, *portable;
    void *memory;
    ee_config config;
    ee_zones zones;
    int32_t x[MOST_SAMPLES]; /* what was pushed since the last reset */
    uint32_t n, windows, flushed, watched;
    uint64_t sum; /* over the results since then */
} session;

/* ---------------------------------------------------------------- zones */
static void look_at_zones(const session *s)
{
    if (!ee_zones_are_whole(&s->zones)) FAIL("something is written between the arrays of a stream");
}

static void close_session(session *s)
{
    ee_lift_zones(&s->zones);
    free(s->memory);
    memset(s, 0, sizeof *s);
}

/* ---------------------------------------------------------------- calls */
static uint64_t add_up(uint64_t sum, ee_result r, uint32_t dim)
{
    for (uint32_t d = 0; d < dim; d++) sum = sum * 31 + (uint16_t)r.embedding[d] * 257u + (uint8_t)r.embedding8[d];
    return sum * 31 + r.quality + 7 * r.start;
}

static void take_result(session *s)
{
    const ee_result r = ee_get_result(s->stream);
    if (r.start != (uint64_t)s->windows * s->config.hop)
        FAIL("window %u begins at %lu", s->windows, (unsigned long)r.start);
    s->sum = add_up(s->sum, r, s->model->dim);
    s->windows++;
}

static void forget(session *s) { s->n = s->windows = s->flushed = 0, s->sum = 1; }

static void open_session(session *s, fuzz_input *in)
{
    close_session(s);
    const fuzz_model *m = &models[fuzz_byte(in) % n_models];
    s->watched = fuzz_byte(in) & 1;
    s->model = &m->model[s->watched];
    s->portable = &m->model[1];
    s->config = fuzz_config(in, s->model);
    const size_t size = ee_state_size(s->model, &s->config);
    if (!size || size > MOST_STATE) return;
    s->memory = fuzz_block(size);
    ee_forget_zones();
    if (ee_init(s->model, &s->config, s->memory, size - 1)) FAIL("a byte too few is taken");
    ee_forget_zones();
    s->stream = ee_init(s->model, &s->config, s->memory, size);
    if (!s->stream) FAIL("memory of the size that was asked for is refused");
    ee_lay_zones(&s->zones, s->stream, s->watched);
    ee_reset(s->stream);
    forget(s);
}

/* n samples of one sort, by ee_push_i16() or ee_push_i32(), in a block of their size. */
static void push(session *s, fuzz_input *in, int wide)
{
    const uint32_t kind = fuzz_byte(in), asked = fuzz_length(in), room = MOST_SAMPLES - s->n;
    const uint32_t n = s->flushed ? asked : asked < room ? asked : room;
    uint64_t seed = 0x9E3779B97F4A7C15u + kind;
    int32_t *x32 = (int32_t *)fuzz_block(n * sizeof *x32);
    int16_t *x16 = (int16_t *)fuzz_block(n * sizeof *x16);
    for (uint32_t i = 0; i < n; i++) {
        x32[i] = fuzz_sample(kind, i, &seed);
        x16[i] = (int16_t)x32[i];
    }
    for (size_t at = 0, used = 0; at < n || (n == 0 && !used); at += used) {
        const int found =
            wide ? ee_push_i32(s->stream, x32 + at, n - at, &used) : ee_push_i16(s->stream, x16 + at, n - at, &used);
        look_at_zones(s);
        if (used > n - at || (s->flushed && (found || used != n - at)))
            FAIL("%zu of %zu samples are used", used, n - at);
        if (found) take_result(s);
        if (!n) break;
    }
    for (uint32_t i = 0; i < n && !s->flushed; i++) s->x[s->n++] = wide ? x32[i] : x16[i];
    free(x32);
    free(x16);
}

/* Everything that was pushed, as a whole recording in the portable kernels. */
static void compare(session *s)
{
    ee_config config = s->config;
    void *memory;
    config.block = 320;
    config.flags ^= EE_CACHE_TAPS;
    ee_stream *whole = fuzz_open(s->portable, &config, &memory, MOST_STATE);
    if (!whole) return;
    const uint32_t dim = s->model->dim;
    int16_t *e16 = (int16_t *)fuzz_block(s->windows * dim * sizeof *e16);
    int8_t *e8 = (int8_t *)fuzz_block(s->windows * dim);
    uint8_t *quality = (uint8_t *)fuzz_block(s->windows);
    const ee_source source = { s->x, sizeof *s->x, EE_I32, 0 };
    const ee_windows windows = { s->windows, e16, NULL, e8, quality };
    if (ee_run(whole, &source, s->n, &windows) != s->windows) FAIL("another number of windows");
    uint64_t sum = 1;
    for (uint32_t w = 0; w < s->windows; w++) {
        const ee_result r = { (uint64_t)w * config.hop, e16 + w * dim, e8 + w * dim, quality[w] };
        sum = add_up(sum, r, dim);
    }
    if (sum != s->sum) FAIL("stream and whole recording differ");
    free(e16);
    free(e8);
    free(quality);
    free(memory);
}

static void flush(session *s, uint32_t most)
{
    s->flushed = 1;
    for (; most; most--) {
        const int found = ee_flush(s->stream);
        look_at_zones(s);
        if (!found) break;
        take_result(s);
    }
    if (most) compare(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static session sessions[STREAMS];
    fuzz_input in = { data, data + size };
    while (in.at < in.end) {
        const uint32_t call = fuzz_byte(&in);
        session *s = &sessions[call >> 7];
        if (!s->stream || (call & 15) == 15) open_session(s, &in);
        if (!s->stream) continue;
        switch (call & 15) {
        case 0:
        case 1:
        case 2:
        case 3: push(s, &in, 0); break;
        case 4:
        case 5:
        case 6:
        case 7: push(s, &in, 1); break;
        case 8: flush(s, 1); break;
        case 9: flush(s, UINT32_MAX); break;
        case 10:
            ee_reset(s->stream);
            forget(s);
            look_at_zones(s);
            break;
        case 11:
            if (s->windows) (void)add_up(0, ee_get_result(s->stream), s->model->dim);
            break;
        case 12: (void)ee_delay(s->model, &s->config); break;
        default: push(s, &in, (int)call & 1); break;
        }
    }
    for (uint32_t i = 0; i < STREAMS; i++) close_session(&sessions[i]);
    return 0;
}
