/* What decides which kernel a layer takes. EE_LAYERS(test) of an exported folder is
 * `|| test(EE_LAYER_TRAITS(op, requant, cin, cout, groups, kernel, stride, scratch))` for each layer of its models. A
 * test that no layer passes is 0 for the compiler, which then leaves the kernel behind it out. */
#ifndef EE_LAYER_TRAITS_H
#define EE_LAYER_TRAITS_H

#include "model_view.h"

/* scratch: 1 where there is some for the layer, and its weights are paired (device/arm_dsp_rows.h). */
typedef struct ee_layer_traits {
    uint32_t op, requant, cin, cout, groups, kernel, stride, scratch;
} ee_layer_traits;

EE_ALWAYS_INLINE ee_layer_traits EE_LAYER_TRAITS(uint32_t op, uint32_t requant, uint32_t cin, uint32_t cout,
                                                 uint32_t groups, uint32_t kernel, uint32_t stride, uint32_t scratch)
{
    ee_layer_traits traits = { op, requant, cin, cout, groups, kernel, stride, scratch };
    return traits;
}
EE_ALWAYS_INLINE int ee_is_conv(ee_layer_traits l) { return l.op == EE_CONV; }
EE_ALWAYS_INLINE int ee_is_add(ee_layer_traits l) { return l.op == EE_ADD; }
EE_ALWAYS_INLINE int ee_is_max_pool(ee_layer_traits l) { return l.op == EE_MAX_POOL; }
EE_ALWAYS_INLINE int ee_is_affine(ee_layer_traits l) { return l.op == EE_CONV && l.requant == 1; }
EE_ALWAYS_INLINE int ee_is_by_4(ee_layer_traits l)
{ return l.op == EE_CONV && l.groups > 1 && l.cin == l.cout && l.cin == 4 * l.groups; }
EE_ALWAYS_INLINE int ee_is_depthwise(ee_layer_traits l)
{ return l.op == EE_CONV && l.groups > 1 && l.cin == l.cout && l.cin == l.groups; }

#ifdef EE_EXPORTED
#define EE_ANY_LAYER(test) (0 EE_LAYERS(test))
#else
#define EE_ANY_LAYER(test) ((void)(test), 1) /* named, so that no compiler finds it unused */
#endif

/* Has the layer this operation? Does the convolution pass this test? */
#define EE_OP_IS(test, l) (EE_ANY_LAYER(test) && test(EE_LAYER_TRAITS((l)->op, 0, 0, 0, 0, 0, 0, 0)))
#define EE_CONV_IS(test, l, scratch)                                                                                  \
    (EE_ANY_LAYER(test) && test(EE_LAYER_TRAITS(EE_CONV, EE_AFFINE(l), (l)->cin, (l)->cout, (l)->groups, (l)->kernel, \
                                                (l)->stride, (scratch) != NULL)))
#define EE_HAS_ADD       EE_ANY_LAYER(ee_is_add)
#define EE_AFFINE(layer) (EE_ANY_LAYER(ee_is_affine) ? (layer)->requant : 0u)

#endif
