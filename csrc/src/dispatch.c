/* Which kernels run: chosen once, when a model is viewed. */
#include "internal.h"

const ee_kernels *ee_kernels_default(void) { return &ee_kernels_scalar; }
