/* The inner loops for a device: one instruction set, known to the compiler. */
#include "internal.h"

#ifdef EE_NO_HOST
#define EE_NAME(x) ee_run_##x
#include "loops.h"
#endif
