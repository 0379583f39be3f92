/* The model "@model@" for the core in this folder. Written by edgeecg @version@: edgeecg export-c --fs @fs@ --hop @hop@ --gain @gain@ --block @block@
 * id @id@ */
#ifndef @NAME@_H
#define @NAME@_H

#include "edgeecg.h"

#ifdef __cplusplus
extern "C" {
#endif

#define @NAME@_DIM @dim@                /* numbers in an embedding */
#define @NAME@_EXPONENT @exponent@      /* real value = int16 * 2^-exponent = int8 * 2^(8 - exponent) */
#define @NAME@_WINDOW @window@          /* samples at 128 Hz */

/* @fs@ Hz, a window every @hop@ s, @gain@ ADC units per millivolt. */
#define @NAME@_CONFIG { @fs_mhz@u, @hop_samples@u, @block@u, @mult@u, @shift@, 0u }
/* Exactly the bytes that ee_init() asks for with that rate and hop (another gain changes nothing). */
#define @NAME@_STATE_SIZE (EE_STREAM_BYTES + @arrays@u)
@plain_macros@
extern const ee_model @name@;

#ifdef __cplusplus
}
#endif
#endif
