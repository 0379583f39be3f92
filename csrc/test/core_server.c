/* The C API by messages: whatever the tests do with the core they do through this program, natively, in an emulator,
 * under sanitizers, with counters of coverage or with a planted fault. tests/csrc/core_server.py is the other end.
 *
 * A request is a struct and bytes behind it, an answer as well. Every block that the core is given has exactly the size
 * that was asked for. With EE_SERVER_MODEL the program holds the model of an exported folder, and no others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgeecg.h"
#ifdef EE_SERVER_MODEL
#include "edgeecg_model.h"
#endif
#include "../src/core/stream_state.h" /* to set the counters of a stream: nobody can wait for 34 years */
#include "stream_zones.h"

#define SLOTS 16u

enum { CHECK, VIEW, STATUS_TEXT, SET_GAIN, STATE_SIZE, INIT, DELAY, PLAN, PUSH, FEED, FLUSH, DRAIN, RESET };
enum { SCAN = RESET + 1, RUN, PUSH_SOURCE, FRONT_END, KERNELS, ADVANCE };

typedef struct request {
    uint32_t command, model, stream, type;
    int64_t a[6];
    uint64_t bytes;
} request;

typedef struct answer {
    int64_t value, used;
    uint64_t bytes;
} answer;

typedef struct model_slot {
    ee_model model;
    uint8_t *file, *packed;
} model_slot;

typedef struct stream_slot {
    ee_stream *stream;
    uint8_t *memory;
    uint32_t dim;
    ee_zones zones;
} stream_slot;

static model_slot models[SLOTS];
static stream_slot streams[SLOTS];
static uint8_t *out;
static size_t out_bytes, out_room;

/* ---------------------------------------------------------------- bytes */
static void *allocated(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) exit(3);
    return memory;
}

/* So many bytes more of the answer. */
static void *put(const void *bytes, size_t n)
{
    if (out_bytes + n + 1 > out_room) {
        out_room = 2 * (out_bytes + n) + 64;
        out = (uint8_t *)realloc(out, out_room);
        if (!out) exit(3);
    }
    void *to = out + out_bytes;
    if (bytes && n) memcpy(to, bytes, n);
    out_bytes += n;
    return to;
}

static void put_result(const stream_slot *s)
{
    const ee_result r = ee_get_result(s->stream);
    put(&r.start, sizeof r.start);
    put(&r.quality, sizeof r.quality);
    put(r.embedding, s->dim * sizeof *r.embedding);
    put(r.embedding8, s->dim);
}

/* ---------------------------------------------------------------- models */
#ifdef EE_SERVER_MODEL
static int64_t view(model_slot *slot) { return slot->model = EE_SERVER_MODEL, 0; }
#else
static int64_t check(const request *r, const uint8_t *payload)
{
    uint8_t *block = (uint8_t *)allocated(r->bytes + (size_t)r->a[0]);
    if (r->bytes) memcpy(block + r->a[0], payload, r->bytes);
    const ee_status status = ee_model_check(r->a[1] ? NULL : block + r->a[0], r->bytes);
    free(block);
    return status;
}

/* a[0] bytes at the end name the kernels, a[1]: pack the weights. */
static int64_t view(const request *r, const uint8_t *payload)
{
    model_slot *slot = &models[r->model % SLOTS];
    const size_t size = r->bytes - (size_t)r->a[0];
    free(slot->file);
    slot->file = (uint8_t *)allocated(size);
    memcpy(slot->file, payload, size);
    const ee_status status = ee_model_view(&slot->model, slot->file, size);
    if (status != EE_OK) return status;
#ifndef EE_NO_HOST
    if (r->a[0] && !ee_choose_kernels(&slot->model, (const char *)payload + size)) return -1;
    const size_t packed = r->a[1] ? ee_pack_size(&slot->model) : 0;
    free(slot->packed);
    slot->packed = packed ? (uint8_t *)aligned_alloc(64, (packed + 63) & ~(size_t)63) : NULL;
    if (packed) ee_pack(&slot->model, slot->packed);
#endif
    return 0;
}
#endif

/* ---------------------------------------------------------------- streams */
/* Portable kernels read nothing but what they need. */
static uint32_t runs_portably(const ee_model *model)
{
#ifdef EE_NO_HOST
    return model != NULL;
#else
    return !strcmp(ee_kernels_name(model), "scalar");
#endif
}

/* In a block of a[0] bytes more than the state has, or of a[0] bytes where a[1] is set, a[2] bytes behind an address
 * that is a multiple of 16. The block is dirty. */
static int64_t init(const request *r, const ee_config *config)
{
    stream_slot *slot = &streams[r->stream % SLOTS];
    const ee_model *model = &models[r->model % SLOTS].model;
    int64_t size = r->a[0];
#ifndef EE_SERVER_MODEL
    if (!r->a[1]) size += (int64_t)ee_state_size(model, config);
#endif
    if (size < 0) size = 0;
    ee_lift_zones(&slot->zones);
    free(slot->memory);
    slot->memory = (uint8_t *)allocated((size_t)(size + r->a[2]));
    memset(slot->memory, 0xA5, (size_t)(size + r->a[2]));
    slot->dim = model->dim;
    ee_forget_zones();
    slot->stream = ee_init(model, config, r->a[3] ? NULL : slot->memory + r->a[2], (size_t)size);
    if (!slot->stream) return 0;
    ee_lay_zones(&slot->zones, slot->stream, runs_portably(model));
    return 1;
}

static int push(ee_stream *stream, uint32_t type, const void *x, size_t n, size_t *used)
{
    if (type == 0) return ee_push_i16(stream, (const int16_t *)x, n, used);
    return ee_push_i32(stream, (const int32_t *)x, n, used);
}

/* One call; the samples lie in a block of their own. */
static int64_t push_once(const request *r, const uint8_t *payload, int64_t *taken)
{
    const stream_slot *slot = &streams[r->stream % SLOTS];
    const size_t width = r->type ? 4 : 2;
    void *x = allocated(r->bytes);
    size_t used = 0;
    if (r->bytes) memcpy(x, payload, r->bytes);
    const int found = push(slot->stream, r->type, x, r->bytes / width, &used);
    free(x);
    *taken = (int64_t)used;
    if (found) put_result(slot);
    return found;
}

/* All of it, at most a[0] samples a call; the results. */
static int64_t feed(const request *r, const uint8_t *payload)
{
    const stream_slot *slot = &streams[r->stream % SLOTS];
    const size_t width = r->type ? 4 : 2, n = r->bytes / width, most = (size_t)r->a[0];
    int64_t results = 0;
    for (size_t at = 0, used; at < n; at += used) {
        if (!push(slot->stream, r->type, payload + at * width, n - at < most ? n - at : most, &used)) continue;
        put_result(slot);
        results++;
    }
    return results;
}

static int64_t flush(const request *r, int64_t most)
{
    const stream_slot *slot = &streams[r->stream % SLOTS];
    int64_t results = 0;
    for (; results < most && ee_flush(slot->stream); results++) put_result(slot);
    return results;
}

static uint64_t lcm(uint64_t a, uint64_t b)
{
    uint64_t x = a, y = b;
    while (y) {
        const uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

/* Moves a running stream as many blocks ahead as its rings allow without a change, at most to block a[0]. */
static int64_t advance(const request *r)
{
    ee_front_state *f = &streams[r->stream % SLOTS].stream->front;
    uint64_t step = f->ring.size;
    if (f->scaler.n_sums) step = lcm(lcm(step, f->scaler.n_sums), f->scaler.n_sums - f->front->reach);
    const uint32_t by = (uint32_t)(((uint64_t)r->a[0] - f->ring.newest) / step * step);
    f->ring.newest += by;
    f->scaler.filling += by;
    f->scaler.block += by;
#ifndef EE_NO_HOST
    f->scaler.entering += by;
#endif
    return by;
}

/* ---------------------------------------------------------------- hosts only */
#ifndef EE_NO_HOST
/* a[1] samples from byte a[2] of a block on, a[3] bytes apart; a[5] holds the scale's bits. */
static ee_source source_of(const request *r, const uint8_t *block)
{
    ee_source source = { block + r->a[2], (ptrdiff_t)r->a[3], (ee_type)r->type, 0 };
    memcpy(&source.scale, &r->a[5], sizeof source.scale);
    return source;
}

/* Room for a[0] windows; a[4]: bits of the arrays that are asked for. */
static int64_t run(const request *r, const ee_source *source)
{
    const stream_slot *slot = &streams[r->stream % SLOTS];
    const size_t room = (size_t)r->a[0], dim = slot->dim;
    int16_t *e16 = (int16_t *)allocated(room * dim * 2);
    float *f32 = (float *)allocated(room * dim * 4);
    int8_t *e8 = (int8_t *)allocated(room * dim);
    uint8_t *quality = (uint8_t *)allocated(room);
    const ee_windows windows = { room, r->a[4] & 1 ? e16 : NULL, r->a[4] & 2 ? f32 : NULL, r->a[4] & 4 ? e8 : NULL,
                                 r->a[4] & 8 ? quality : NULL };
    const size_t found = ee_run(slot->stream, source, (size_t)r->a[1], &windows), kept = found < room ? found : room;
    if (windows.embedding) put(e16, kept * dim * 2);
    if (windows.embedding_f32) put(f32, kept * dim * 4);
    if (windows.embedding8) put(e8, kept * dim);
    if (windows.quality) put(quality, kept);
    free(e16);
    free(f32);
    free(e8);
    free(quality);
    return (int64_t)found;
}

static int64_t front_end(const request *r, const ee_source *source)
{
    const stream_slot *slot = &streams[r->stream % SLOTS];
    const size_t width = slot->stream->front.front->channels, room = (size_t)r->a[0] * width;
    uint8_t *y = (uint8_t *)allocated(room);
    const size_t frames = ee_front_end(slot->stream, source, (size_t)r->a[1], y, (size_t)r->a[0]);
    put(y, frames * width);
    free(y);
    return (int64_t)frames;
}

static int64_t scan(const request *r, const ee_source *source)
{
    double extremes[2] = { 0, 0 };
    const size_t bad = ee_scan(source, (size_t)r->a[1], &extremes[0], &extremes[1]);
    put(extremes, sizeof extremes);
    return (int64_t)bad;
}

static int64_t of_source(const request *r, const uint8_t *payload, int64_t *taken)
{
    const stream_slot *slot = &streams[r->stream % SLOTS];
    uint8_t *block = (uint8_t *)allocated(r->bytes);
    const ee_source source = source_of(r, block);
    int64_t value;
    size_t used = 0;
    if (r->bytes) memcpy(block, payload, r->bytes);
    if (r->command == SCAN) value = scan(r, &source);
    else if (r->command == RUN) value = run(r, &source);
    else if (r->command == FRONT_END) value = front_end(r, &source);
    else {
        value = ee_push_source(slot->stream, &source, (size_t)r->a[0], (size_t)r->a[1], &used);
        if (value) put_result(slot);
    }
    *taken = (int64_t)used;
    free(block);
    return value;
}

static int64_t plan(const ee_model *model, const ee_config *config)
{
    ee_buffer buffers[EE_MAX_LAYERS + 1];
    ee_plan found;
    if (!ee_plan_device(model, config, &found, buffers)) return 0;
    put(&found, sizeof found);
    put(buffers, (model->n_layers + 1u) * sizeof *buffers);
    return 1;
}
#endif

/* ---------------------------------------------------------------- requests */
/* What a request asks of a model or a configuration; the payload may be a configuration. */
static int64_t of_model(const request *r, const uint8_t *payload)
{
    ee_model *model = &models[r->model % SLOTS].model;
    ee_config config = { 0, 0, 0, 0, 0, 0 };
    const ee_config *given = r->bytes == sizeof config ? &config : NULL;
    if (given) memcpy(&config, payload, sizeof config);
    switch (r->command) {
    case SET_GAIN: {
        const int good = ee_set_gain(&config, (uint32_t)r->a[0], (uint32_t)r->a[1]);
        put(&config, sizeof config);
        return good;
    }
    case INIT: return init(r, given);
    case DELAY: return ee_delay(model, given);
#ifdef EE_SERVER_MODEL
    case VIEW: return view(&models[r->model % SLOTS]);
#else
    case CHECK: return check(r, payload);
    case VIEW: return view(r, payload);
    case STATE_SIZE: return (int64_t)ee_state_size(r->a[0] ? NULL : model, given);
    case STATUS_TEXT: {
        const char *text = ee_status_text((ee_status)r->a[0]);
        put(text, strlen(text));
        return 0;
    }
#endif
#ifndef EE_NO_HOST
    case PLAN: return plan(model, given);
    case KERNELS: put(ee_kernels_name(model), strlen(ee_kernels_name(model))); return 0;
#endif
    default: exit(4);
    }
}

static int64_t serve(const request *r, const uint8_t *payload, int64_t *used)
{
    switch (r->command) {
    case PUSH: return push_once(r, payload, used);
    case FEED: return feed(r, payload);
    case FLUSH: return flush(r, 1);
    case DRAIN: return flush(r, INT64_MAX);
    case RESET: ee_reset(streams[r->stream % SLOTS].stream); return 0;
    case ADVANCE: return advance(r);
#ifndef EE_NO_HOST
    case SCAN:
    case RUN:
    case FRONT_END:
    case PUSH_SOURCE: return of_source(r, payload, used);
#endif
    default: return of_model(r, payload);
    }
}

static void release(void)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        ee_lift_zones(&streams[i].zones);
        free(models[i].file);
        free(models[i].packed);
        free(streams[i].memory);
    }
    free(out);
}

int main(void)
{
    request r;
    while (fread(&r, sizeof r, 1, stdin) == 1) {
        uint8_t *payload = (uint8_t *)allocated(r.bytes);
        if (fread(payload, 1, r.bytes, stdin) != r.bytes) return 3;
        out_bytes = 0;
        answer a = { 0, 0, 0 };
        a.value = serve(&r, payload, &a.used);
        a.bytes = out_bytes;
        for (uint32_t i = 0; i < SLOTS; i++)
            if (!ee_zones_are_whole(&streams[i].zones)) return 5;
        fwrite(&a, sizeof a, 1, stdout);
        if (out_bytes) fwrite(out, 1, out_bytes, stdout);
        fflush(stdout);
        free(payload);
    }
    release();
    return 0;
}
