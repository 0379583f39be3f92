/* Views of a checked model file, in place. */
#include "../core/model_view.h"
#include "../core/constants.h"
#include "model_file.h"

#ifndef EE_EXPORTED
static const int16_t *i16_at(const uint8_t *file, uint32_t offset)
{ return offset ? (const int16_t *)(const void *)(file + offset) : NULL; }
static const int32_t *i32_at(const uint8_t *file, uint32_t offset)
{ return offset ? (const int32_t *)(const void *)(file + offset) : NULL; }

void ee_front_view(const ee_model *model, ee_front *front)
{
    const uint8_t *p = ee_front_record(model->bytes);
    front->kind = p[EE_AT_FRONT_KIND];
    front->channels = p[EE_AT_FRONT_CHANNELS];
    front->window = ee_u16(p + EE_AT_FRONT_WINDOW);
    front->baseline = ee_u16(p + EE_AT_FRONT_BASELINE);
    front->log2_baseline = 0;
    while ((1u << front->log2_baseline) < front->baseline) front->log2_baseline++;
    front->reach = ee_u16(p + EE_AT_FRONT_REACH);
    front->table_half = ee_u16(p + EE_AT_FRONT_TABLE_HALF);
    front->min_rate = ee_u32(p + EE_AT_FRONT_MIN_RATE);
    front->table = i16_at(model->bytes, ee_u32(p + EE_AT_FRONT_TABLE_OFF));
    front->floor = ee_u32(p + EE_AT_FRONT_FLOOR);
    for (uint32_t c = 0; c < 4; c++) front->gain[c] = ee_u32(p + EE_AT_FRONT_GAIN + 4 * c);
    front->direct_gain = ee_u32(p + EE_AT_FRONT_DIRECT_GAIN);
    front->flat_max = ee_u16(p + EE_AT_FRONT_FLAT_MAX);
    front->flat_blocks = ee_u16(p + EE_AT_FRONT_FLAT_BLOCKS);
    front->off_blocks = ee_u16(p + EE_AT_FRONT_OFF_BLOCKS);
    front->clip_ms = ee_u16(p + EE_AT_FRONT_CLIP_MS);
    front->noise = ee_u16(p + EE_AT_FRONT_NOISE); /* its upper half is 0 */
}

ee_sources ee_layer_sources(const ee_model *model, uint32_t index)
{
    const uint8_t *p = ee_layer_record(model->bytes, index);
    ee_sources from = { ee_u16(p + EE_AT_LAYER_SRC_A), ee_u16(p + EE_AT_LAYER_SRC_B) };
    return from;
}

static uint8_t zero_point(const ee_model *model, uint32_t tensor)
{
    if (tensor == EE_NO_TENSOR) return 0;
    return tensor ? ee_layer_record(model->bytes, tensor - 1)[EE_AT_LAYER_ZP_OUT] : 128;
}

/* Weights packed for this machine by host/pack.c: offsets come first, 0 for none. */
static const void *packed_at(const ee_model *model, uint32_t index)
{
    const uint8_t *packed = (const uint8_t *)model->packed;
    uint32_t offset = packed ? ((const uint32_t *)(const void *)packed)[index] : 0;
    return offset ? packed + offset : NULL;
}

void ee_layer_view(const ee_model *model, uint32_t index, ee_layer *layer)
{
    const uint8_t *file = model->bytes, *p = ee_layer_record(file, index);
    layer->op = p[EE_AT_LAYER_OP];
    layer->requant = p[EE_AT_LAYER_REQUANT];
    layer->zp_out = p[EE_AT_LAYER_ZP_OUT];
    layer->src_a = ee_u16(p + EE_AT_LAYER_SRC_A);
    layer->src_b = ee_u16(p + EE_AT_LAYER_SRC_B);
    layer->zp_a = zero_point(model, layer->src_a);
    layer->zp_b = zero_point(model, layer->src_b);
    layer->cin = ee_u16(p + EE_AT_LAYER_CIN);
    layer->cout = ee_u16(p + EE_AT_LAYER_COUT);
    layer->groups = ee_u16(p + EE_AT_LAYER_GROUPS);
    layer->kernel = ee_u16(p + EE_AT_LAYER_KERNEL);
    layer->stride = ee_u16(p + EE_AT_LAYER_STRIDE);
    layer->pad_left = ee_u16(p + EE_AT_LAYER_PAD_LEFT);
    layer->weights = (const int8_t *)(file + ee_u32(p + EE_AT_LAYER_WEIGHTS_OFF));
    layer->bias = i32_at(file, ee_u32(p + EE_AT_LAYER_BIAS_OFF));
    layer->mult = layer->requant ? NULL : i16_at(file, ee_u32(p + EE_AT_LAYER_MULT_OFF));
    layer->mult_pos = layer->requant ? i32_at(file, ee_u32(p + EE_AT_LAYER_MULT_OFF)) : NULL;
    layer->mult_neg = i32_at(file, ee_u32(p + EE_AT_LAYER_MNEG_OFF));
    layer->add = i32_at(file, ee_u32(p + EE_AT_LAYER_ADD_OFF));
    layer->m_a = (int32_t)ee_u32(p + EE_AT_LAYER_M_A);
    layer->m_b = (int32_t)ee_u32(p + EE_AT_LAYER_M_B);
    layer->packed = packed_at(model, index);
}

void ee_head_view(const ee_model *model, ee_head *head)
{
    const uint8_t *file = model->bytes, *p = ee_head_record(file);
    head->pool = p[EE_AT_HEAD_POOL];
    head->zp_mean = p[EE_AT_HEAD_ZP_MEAN];
    head->zp = zero_point(model, model->n_layers);
    head->frames = model->frames;
    head->dim = model->dim;
    head->exponent = model->exponent;
    head->channels = model->channels;
    head->features = model->features;
    head->mean_mult = i16_at(file, ee_u32(p + EE_AT_HEAD_MEAN_OFF));
    head->weights = (const int8_t *)(file + ee_u32(p + EE_AT_HEAD_WEIGHTS_OFF));
    head->bias = i32_at(file, ee_u32(p + EE_AT_HEAD_BIAS_OFF));
    head->mult = i16_at(file, ee_u32(p + EE_AT_HEAD_MULT_OFF));
    head->packed = packed_at(model, model->n_layers);
}
#endif
