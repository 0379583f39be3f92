/* The head "@head@" on the embeddings of the model @name@. Written by edgeecg @version@. @note@
 *
 *     uint16_t p[@SYMBOL@_CLASSES];                 // probabilities in units of 2^-15
 *     static ee_verdicts state;                     // ee_verdicts_reset(&state) before a recording
 *     ee_classify(&@symbol@, result.embedding, NULL, p);
 *     uint32_t verdict = ee_verdict(&@symbol@, &state, p, result.quality); */
#ifndef @SYMBOL@_H
#define @SYMBOL@_H

#include "edgeecg.h"

#ifdef __cplusplus
extern "C" {
#endif

#define @SYMBOL@_CLASSES @classes@
@bits@
extern const ee_classifier @symbol@;
/* Their names, in UTF-8. */
extern const char *const @symbol@_names[@SYMBOL@_CLASSES];

#ifdef __cplusplus
}
#endif
#endif
