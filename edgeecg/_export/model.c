/* The model "@model@" (licence: @licence@), id @id@.
 * Written by edgeecg @version@ from a checked file: core/model_view.h says what the fields are. */
#include "../include/@name@.h"

#include "core/model_view.h"

#ifndef EE_LAYERS_@name@
#error "edgeecg_config.h does not know this model: export it into the folder of the core that is to run it"
#endif

#if defined(__cplusplus)
#define EE_CONSTANT alignas(16) static const
#elif defined(__GNUC__)
#define EE_CONSTANT __attribute__((aligned(16))) static const
#else
#define EE_CONSTANT _Alignas(16) static const
#endif

/* Dense layers with a fan-in of whole 16s have the weights of two channels in a lane where SMLAD reads them: device/arm_dsp_rows.h. */
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)
#define EE_PAIRED 1
#define EE_NATURAL_ORDER(weights) NULL
#define EE_PAIRED_ORDER(weights) weights
#else
#define EE_PAIRED 0
#define EE_NATURAL_ORDER(weights) weights
#define EE_PAIRED_ORDER(weights) NULL
#endif

@definitions@
const ee_model @name@ = EE_INITIALIZER;
