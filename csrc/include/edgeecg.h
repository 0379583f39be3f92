/* edgeecg: single-lead ECG to embeddings in integer arithmetic. C99 with the builtins of GCC and clang, freestanding,
 * no allocation. This header is all of the interface.
 *
 * The caller owns everything. A model file's bytes are used in place (flash, memory map) and must outlive every stream
 * on it. A stream lives in one block of the caller's memory; ee_state_size() tells its size.
 *
 *     ee_model model;
 *     if (ee_model_view(&model, bytes, size) != EE_OK) ...
 *     ee_config config = { .fs_mhz = 250000, .hop = 1280, .block = 0, .mult = 40960, .shift = 10, .flags = 0 };
 *     ee_stream *s = ee_init(&model, &config, memory, sizeof memory);   // memory: ee_state_size(&model, &config) bytes
 *     for (each chunk of samples) {
 *         while (n) {
 *             size_t used;
 *             if (ee_push_i16(s, x, n, &used)) use(ee_get_result(s));
 *             x += used; n -= used;
 *         }
 *     }
 *     while (ee_flush(s)) use(ee_get_result(s));                       // end of the recording
 *
 * docs/numerics.md says what the numbers are, docs/format.md what the file is. No function blocks, allocates or prints.
 * Two streams share no state, so each may live in a thread (or an interrupt) of its own. A stream counts quarter
 * seconds in 32 bits: after 34 years it drops what is pushed until ee_flush() and ee_reset().
 */
#ifndef EDGEECG_H
#define EDGEECG_H

#include <stddef.h>
#include <stdint.h>

#include "edgeecg_config.h"

#if (defined(EE_EXPORTED) || defined(ARDUINO) || defined(ESP_PLATFORM) || defined(__ZEPHYR__)) && !defined(EE_NO_HOST)
#define EE_NO_HOST 1 /* a device; anywhere else compile with -DEE_NO_HOST=1 */
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define EE_VERSION_MAJOR 0
#define EE_VERSION_MINOR 1
#define EE_RATE          128       /* samples a second behind the front end */
#define EE_MISSING       INT32_MIN /* an int32 sample that was not measured (gap, lead off) */
#define EE_X_MAX         4194303   /* largest canonical sample, 1/8 microvolt */

/* ---------------------------------------------------------------- models */
typedef enum ee_status {
    EE_OK = 0,
    EE_TOO_SHORT,
    EE_BAD_MAGIC,
    EE_BAD_VERSION,
    EE_BAD_SIZE,
    EE_BAD_CRC,
    EE_BAD_ALIGNMENT,
    EE_BAD_HEADER,
    EE_BAD_FRONT,
    EE_BAD_TABLE,
    EE_BAD_LAYER,
    EE_BAD_GRAPH,
    EE_BAD_RANGE,
    EE_BAD_HEAD,
    EE_BAD_OFFSET
} ee_status;

/* Where a tensor of the trunk lies. */
typedef struct ee_buffer {
    uint32_t offset;               /* of its frames, from the first tensor's */
    uint16_t capacity, channels;   /* frames that it has room for, and bytes of one */
    uint8_t zero_point;            /* the value of its padding */
    uint8_t pad_front, pad_behind; /* frames of padding at the two ends of a recording */
    uint8_t transient;             /* 1: it lives from one layer to the next */
} ee_buffer;

/* A checked model file, seen in place; in an exported folder a constant. */
typedef struct ee_model {
#ifdef EE_EXPORTED
    const struct ee_front *front;
    const struct ee_layer *layers; /* [n_layers] */
    const struct ee_head *head;
    const ee_buffer *buffers;      /* [n_layers + 1] tensors, for the block below */
    uint32_t frame_bytes, scratch; /* of all tensors and what lies behind them, from `scratch` on */
    uint32_t block, delay;         /* samples that the trunk takes at once, and looks ahead */
#else
    const uint8_t *bytes;
    const void *kernels; /* dispatch table, chosen by ee_model_view() */
    const void *packed;  /* weights packed for those kernels by ee_pack(), or NULL */
#endif
    uint32_t window; /* samples at 128 Hz */
    uint16_t n_layers, total_stride, frames, dim, channels, features, exponent, levels;
} ee_model;

#ifndef EE_EXPORTED
/* Checks size bytes at bytes (aligned to 4) without trusting any of them. */
ee_status ee_model_check(const void *bytes, size_t size);
/* The same, and fills *model when all is well. */
ee_status ee_model_view(ee_model *model, const void *bytes, size_t size);
/* One sentence. */
const char *ee_status_text(ee_status status);
#endif

/* ---------------------------------------------------------------- heads */
#define EE_MOST_CLASSES    16
#define EE_MOST_WINDOWS    32
#define EE_MOST_HEAD_BYTES (1u << 20)
#define EE_UNREADABLE      0x80000000u /* the verdict of a window whose quality a head does not accept */

/* A linear classifier on the int16 embedding: docs/numerics.md section 6. */
typedef struct ee_classifier {
    const int16_t *weights;     /* [classes][dim] */
    const int64_t *bias;        /* [classes] */
    const uint16_t *thresholds; /* [classes], in units of 2^-15 */
    uint16_t classes, dim;
    uint8_t independent; /* 0: one class a window (softmax); 1: any number of them */
    uint8_t shift;
    uint8_t k, n, hold; /* a class is on from k of the last n windows on, down to `hold`; all 0: no smoothing */
    uint8_t unreadable; /* bits of ee_quality: no verdict of such windows */
} ee_classifier;

/* The last windows' positive classes. */
typedef struct ee_verdicts {
    uint16_t recent[EE_MOST_WINDOWS];
    uint32_t on;
    uint8_t seen, at;
} ee_verdicts;

#ifndef EE_EXPORTED
/* Checks the size bytes of an .eech file at bytes (aligned to 8) without trusting any of them, and fills *head. */
ee_status ee_classifier_view(ee_classifier *head, const void *bytes, size_t size);
#endif
/* Probabilities in units of 2^-15, [classes]; logits in units of 2^-11, [classes] or NULL. */
void ee_classify(const ee_classifier *head, const int16_t *embedding, int32_t *logits, uint16_t *probabilities);
void ee_verdicts_reset(ee_verdicts *state);
/* The classes of the next window, as bits (of a softmax head one at most, none where it is undecided), or
 * EE_UNREADABLE. */
uint32_t ee_verdict(const ee_classifier *head, ee_verdicts *state, const uint16_t *probabilities, uint32_t quality);

/* ---------------------------------------------------------------- streams */
/* ee_config.flags */
enum { EE_CACHE_TAPS = 1 }; /* keep the resampler's taps of every phase: faster, more memory */

typedef struct ee_config {
    uint32_t fs_mhz; /* sampling rate of the input in millihertz, 50 000 .. 4 000 000 */
    uint32_t hop;    /* distance of window starts, in samples at 128 Hz, 1 .. 2^24 */
    uint32_t block;  /* samples at 128 Hz that the trunk takes at once, a multiple of 32 up to 16384; 0 = 32 */
    uint32_t mult;   /* integer input: canonical = (x * mult + half) >> shift; up to 65536; mult 0: x is canonical */
    int32_t shift;   /* -15 .. 40 */
    uint32_t flags;
} ee_config;

typedef struct ee_stream ee_stream;

/* ee_result.quality: flags of a window (docs/numerics.md section 5), combined with | */
typedef enum ee_quality {
    EE_QUALITY_FLAT = 1,
    EE_QUALITY_CLIPPED = 2,
    EE_QUALITY_LEAD_OFF = 4,
    EE_QUALITY_MISSING = 8,
    EE_QUALITY_NOISY = 16
} ee_quality;

typedef struct ee_result {
    uint64_t start; /* window start, samples at 128 Hz from the first sample */
    /* dim values, the last `levels` of the model among them; real value = embedding[i] * 2^-exponent */
    const int16_t *embedding;
    /* dim values; real value = embedding8[i] * 2^(8 - exponent) */
    const int8_t *embedding8;
    uint32_t quality;
} ee_result;

/* The gain of an ADC in units per millivolt, as the rational num/den: fills mult and shift; 0 when out of range. */
int ee_set_gain(ee_config *config, uint32_t num, uint32_t den);

#ifndef EE_EXPORTED
/* Bytes of a stream; 0: config is not usable. */
size_t ee_state_size(const ee_model *model, const ee_config *config);
#else
/* The memory of an exported model's stream is declared, not asked for: `edgeecg export-c` writes EE_STATE_SIZE =
 * EE_STREAM_BYTES + the bytes of the arrays behind a stream's structure, as ee_plan_device() counts them on a host. */
#define EE_STREAM_BYTES (sizeof(void *) == 8 ? 368u : 280u)
#endif

/* NULL when memory (aligned to 8) is NULL or too small, or config is not usable. */
ee_stream *ee_init(const ee_model *model, const ee_config *config, void *memory, size_t size);
/* Back to before the first sample. */
void ee_reset(ee_stream *stream);

/* Takes samples until one result is there (returns 1; *used tells how many were taken) or all are taken (returns 0). */
int ee_push_i16(ee_stream *stream, const int16_t *x, size_t n, size_t *used);
int ee_push_i32(ee_stream *stream, const int32_t *x, size_t n, size_t *used);
/* End of the recording: returns 1 for each further result, then 0. What is pushed behind it is dropped (*used = n,
 * returns 0) until ee_reset(). */
int ee_flush(ee_stream *stream);
/* Valid until the next push, flush or reset. */
ee_result ee_get_result(const ee_stream *stream);

/* Samples at 128 Hz between a window's end and its result, for a configuration that ee_init() takes. */
uint32_t ee_delay(const ee_model *model, const ee_config *config);

/* ---------------------------------------------------------------- hosts only */
#ifndef EE_NO_HOST
/* Samples read in place, at any stride. */
typedef enum ee_type { EE_I16, EE_I32, EE_F32, EE_F64 } ee_type;
typedef struct ee_source {
    const void *data;
    ptrdiff_t stride; /* bytes; each sample aligned as its type wants it */
    ee_type type;
    double scale; /* floats: canonical units per unit of the input (8000 for mV) */
} ee_source;

/* ee_push_i16() for the n samples of a source from index `first` on. */
int ee_push_source(ee_stream *stream, const ee_source *source, size_t first, size_t n, size_t *used);
/* First index of a sample that is not finite or EE_MISSING (n if none), and the extremes of the others. */
size_t ee_scan(const ee_source *source, size_t n, double *lowest, double *highest);

/* The results of a recording; arrays that are NULL are not filled. */
typedef struct ee_windows {
    size_t room;          /* windows that the arrays hold */
    int16_t *embedding;   /* [room][dim] */
    float *embedding_f32; /* [room][dim] embedding * 2^-exponent */
    int8_t *embedding8;   /* [room][dim] */
    uint8_t *quality;     /* [room] */
} ee_windows;

/* A whole recording, from ee_reset() to the last ee_flush(); returns its windows, of which `room` are kept. */
size_t ee_run(ee_stream *stream, const ee_source *source, size_t n, const ee_windows *out);
/* The front end alone, from ee_reset() on: n samples in, up to capacity frames of model channels out; returns the
 * frames written. */
size_t ee_front_end(ee_stream *stream, const ee_source *source, size_t n, uint8_t *y, size_t capacity);

/* Kernels: "scalar", "avx512-vnni", ...; the best for this processor unless chosen. 0 when it cannot run here. */
int ee_choose_kernels(ee_model *model, const char *name);
const char *ee_kernels_name(const ee_model *model);
/* Vector kernels want the weights in an order of their own: ee_pack_size() bytes aligned to 64, owned by the caller. */
size_t ee_pack_size(const ee_model *model);
void ee_pack(ee_model *model, void *memory);

/* For export-c: where a device keeps the trunk's tensors, buffers[0 .. n_layers], and what it needs behind a stream's
 * structure. 0 when it cannot take that configuration. */
typedef struct ee_plan {
    uint32_t array_bytes, frame_bytes, scratch, delay;
} ee_plan;
int ee_plan_device(const ee_model *model, const ee_config *config, ee_plan *plan, ee_buffer *buffers);
#endif

#ifdef __cplusplus
}
#endif
#endif
