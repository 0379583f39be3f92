/* The model "@model@" (licence: @licence@), id @id@.
 * Written by edgeecg @version@; the format is in its docs/format.md. */
#include "@name@.h"

#if defined(__cplusplus)
alignas(16)
#elif defined(__GNUC__)
__attribute__((aligned(16)))
#elif defined(__ICCARM__)
#pragma data_alignment = 16
#else
#error "place the model at a multiple of 16"
#endif
const unsigned char @name@[@NAME@_SIZE] = {
@bytes@
};
