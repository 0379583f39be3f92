/* Runs the cases of cases.c through the core and prints one line each:
 *     name results crc instructions last steady state stack verdict
 * crc: CRC-32 over start, quality, int16 and int8 embedding of every result. instructions: inside ee_push_i16() and
 * ee_flush() alone; last: of them between the last result and the one before; steady: the mean of the last ten such (of
 * what there are). The exit code is 1 when one CRC differs from Python's. */
#include "edgeecg.h"
#include "cases.h"
#include "port.h"

#define PATTERN 0xA5u

static uint64_t memory[STATE_BYTES / 8];

static uint32_t crc_of(uint32_t crc, const void *data, uint32_t n)
{
    const uint8_t *p = (const uint8_t *)data;
    while (n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return crc;
}

static uint32_t crc_of_result(uint32_t crc, const ee_result *result, uint32_t dim)
{
    uint8_t head[9];
    for (uint32_t i = 0; i < 8; i++) head[i] = (uint8_t)(result->start >> 8 * i);
    head[8] = (uint8_t)result->quality;
    crc = crc_of(crc, head, 9);
    for (uint32_t i = 0; i < dim; i++) {
        uint8_t value[2] = { (uint8_t)result->embedding[i], (uint8_t)((uint16_t)result->embedding[i] >> 8) };
        crc = crc_of(crc, value, 2);
    }
    return crc_of(crc, result->embedding8, dim);
}

static void write_number(uint32_t v)
{
    char text[12];
    uint32_t at = sizeof text - 1;
    text[at] = 0;
    do text[--at] = (char)('0' + v % 10);
    while (v /= 10);
    port_write(" ");
    port_write(text + at);
}

/* Fills the stack below this function's own frame. */
__attribute__((noinline)) static void lay_watermark(void)
{
    uint8_t *lowest;
    if (!port_stack(&lowest)) return;
    uint32_t n = (uint32_t)((uint8_t *)__builtin_frame_address(0) - lowest) - 64;
    for (volatile uint8_t *p = lowest; n--; p++) *p = PATTERN;
}

/* Bytes below `from` that were written; 0 where the stack is not known. */
static uint32_t stack_below(const uint8_t *from)
{
    uint8_t *lowest;
    uint32_t clean = 0, room;
    if (!port_stack(&lowest)) return 0;
    room = (uint32_t)(from - lowest);
    while (clean < room && lowest[clean] == PATTERN) clean++;
    return room - clean;
}

#define KEPT 11u

typedef struct totals {
    uint32_t crc, results, instructions;
    uint32_t at[KEPT]; /* instructions at the newest results, a ring */
    const uint8_t *caller;
} totals;

/* Counts the instructions of one call: the readings are volatile, so the compiler keeps them around it. */
__attribute__((noinline)) static int step(ee_stream *s, const run_case *c, uint32_t at, uint32_t n, size_t *used,
                                          totals *t)
{
    t->caller = port_stack_pointer();
    uint32_t before = port_counter();
    int found = !n ? ee_flush(s) : c->x ? ee_push_i16(s, c->x + at, n, used) : ee_push_i32(s, c->wide + at, n, used);
    uint32_t spent = port_instructions(before, port_counter());
    t->instructions += spent;
    return found;
}

/* Starts a stream in exactly the memory it asks for, as an application does; *stack: what the core used of it. One byte
 * less must not do. */
__attribute__((noinline)) static ee_stream *start(const ee_model *model, const ee_config *config, uint32_t state,
                                                  uint32_t *stack)
{
    const uint8_t *here = port_stack_pointer();
    ee_stream *s = ee_init(model, config, memory, state - 1) ? NULL : ee_init(model, config, memory, state);
    *stack = stack_below(here);
    return s;
}

/* The model, and the bytes of a stream of it: an exported one's are declared, another one's asked for. */
#ifdef EE_EXPORTED
static const ee_model *open_model(const run_case *c, const ee_config *config, ee_model *view, uint32_t *state)
{
    (void)config;
    (void)view;
    *state = EE_STREAM_BYTES + c->array_bytes;
    return (const ee_model *)c->model;
}
#else
static const ee_model *open_model(const run_case *c, const ee_config *config, ee_model *view, uint32_t *state)
{
    if (ee_model_view(view, c->model, c->model_size) != EE_OK) return NULL;
    *state = (uint32_t)ee_state_size(view, config);
    return view;
}
#endif

static void run(ee_stream *s, const run_case *c, uint32_t dim, totals *t)
{
    uint32_t at = 0;
    for (;;) {
        size_t used = 0;
        uint32_t n = c->n - at < 25 ? c->n - at : 25;
        int found = step(s, c, at, n, &used, t);
        at += (uint32_t)used;
        if (found) {
            ee_result result = ee_get_result(s);
            t->crc = crc_of_result(t->crc, &result, dim);
            t->at[t->results++ % KEPT] = t->instructions;
        } else if (!n) {
            break;
        }
    }
}

/* Instructions a result, over the last `n` results (fewer if there are fewer). */
static uint32_t steady(const totals *t, uint32_t n)
{
    if (t->results < 2) return t->instructions;
    n = n < t->results ? n : t->results - 1;
    return (t->at[(t->results - 1) % KEPT] - t->at[(t->results - 1 - n) % KEPT]) / n;
}

static int run_case_of(const run_case *c)
{
    ee_model view;
    ee_config config = { c->fs_mhz, c->hop, c->block, c->mult, c->shift, 0 };
    totals t = { 0xFFFFFFFFu, 0, 0, { 0 }, NULL };
    uint32_t state = 0, stack = 0, pushing;
    const ee_model *model = open_model(c, &config, &view, &state);
    lay_watermark();
    ee_stream *s = model ? start(model, &config, state, &stack) : NULL;
    lay_watermark();
    if (s) run(s, c, model->dim, &t);
    pushing = s ? stack_below(t.caller) : 0;
    stack = pushing > stack ? pushing : stack;
    uint32_t crc = ~t.crc;
    int good = s && crc == c->crc && t.results == c->results;
    port_write(c->name);
    write_number(t.results);
    write_number(crc);
    write_number(t.instructions);
    write_number(steady(&t, 1));
    write_number(steady(&t, KEPT - 1));
    write_number(state);
    write_number(stack);
    port_write(!s ? " NOT STARTED\n" : good ? " equal\n" : " DIFFERENT\n");
    return good;
}

int main(void)
{
    int good = 1;
    for (uint32_t i = 0; i < case_count; i++) good &= run_case_of(&cases[i]);
    port_exit(good ? 0 : 1);
    return 0;
}
