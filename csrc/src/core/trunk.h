/* The trunk as a stream: each tensor is a buffer of frames, and each layer computes what its inputs allow. No layer
 * knows of windows, or of how the samples came in pieces: streamed and whole are the same bytes. */
#ifndef EE_TRUNK_H
#define EE_TRUNK_H

#include "constants.h"
#include "kernels.h"
#include "model_view.h"

/* ee_tensor.state: more frames follow; all frames are there; the padding after them is there too. */
enum { EE_TENSOR_GROWING, EE_TENSOR_COMPLETE, EE_TENSOR_PADDED };

typedef struct ee_tensor {
    uint16_t count, lead, real; /* frames held; of them padding in front; frames before the padding behind the end */
    uint16_t drop;              /* frames that no layer needs any more */
    uint8_t padding, state;     /* frames of padding still to come behind the end */
} ee_tensor;

typedef struct ee_trunk {
    /* configuration and weights */
#ifdef EE_EXPORTED
    const ee_model *model;
#else
    ee_model model[1]; /* a copy: the caller's may go. An array, so that `model` is a pointer here too */
#endif
    const ee_buffer *buffers; /* [n_layers + 1] where the frames of each tensor lie */
#ifndef EE_NO_HOST
    const ee_kernels *kernels;
    ee_layer *layers; /* views of the model's, made once */
#endif
    /* state */
    ee_tensor *tensors; /* [n_layers + 1] */
    uint8_t *frames;
    uint8_t *scratch; /* behind the frames: transient tensors, and between two runs the last result */
    /* [n_layers] the first frame of a layer's next output in its first source, and in its second one; pos_b is NULL
     * where no layer adds */
    uint16_t *pos_a, *pos_b;
    uint16_t next_frame; /* of the last tensor, the first frame that is not pooled yet */
    uint8_t ended;       /* all frames of the last tensor are there */
} ee_trunk;

/* Lays the trunk out in memory. filling: the memory is there, else it is only counted. */
void ee_trunk_layout(ee_trunk *t, uint32_t block, uint8_t **memory, int filling);
void ee_trunk_reset(ee_trunk *t);
/* Makes room, before samples are put into tensor 0: frames that no layer needs any more leave their buffers. */
void ee_trunk_discard(ee_trunk *t);
/* Computes the frames that the samples in tensor 0 allow. ended: no more samples come. Then it is called again, and
 * the frames are pooled in between, until t->ended: what the layers held back comes out piece by piece. */
void ee_trunk_run(ee_trunk *t, int ended);

/* Samples that the last tensor looks ahead. */
#ifdef EE_EXPORTED
static inline uint32_t ee_trunk_delay(const ee_model *model) { return model->delay; }
#else
uint32_t ee_trunk_delay(const ee_model *model);
/* Places the tensors for a block of so many samples, in buffers[0 .. n_layers] unless NULL. Returns the bytes of all
 * frames with the scratch behind them; *scratch is the place of that. model_file/trunk_plan.c */
uint32_t ee_trunk_plan(const ee_model *model, uint32_t block, ee_buffer *buffers, uint32_t *scratch);
#endif

static inline uint8_t *ee_tensor_frames(const ee_trunk *t, uint32_t tensor)
{ return t->frames + t->buffers[tensor].offset; }
/* Of a tensor's frames, in whole words. */
static inline uint32_t ee_buffer_bytes(const ee_buffer *x) { return ((uint32_t)x->capacity * x->channels + 3u) & ~3u; }

#endif
