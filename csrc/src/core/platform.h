/* Every file of the core begins here: the public header, and what the core asks of a compiler. */
#ifndef EE_PLATFORM_H
#define EE_PLATFORM_H

#include "../../include/edgeecg.h"

#ifdef __cplusplus
#define restrict __restrict /* the core compiles as C++ too: some build systems have nothing else */
#endif
#ifndef __GNUC__
#error "the core is written for GCC, clang and compilers that follow them: it uses their builtins"
#endif
#if !defined(EE_EXPORTED) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are read in place, in little-endian order: on this processor use a folder of `edgeecg export-c`"
#endif
#if !defined(EE_NO_HOST) && defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "doubles have to be computed as doubles: on 32-bit x86 compile with -msse2 -mfpmath=sse"
#endif

#define EE_ALWAYS_INLINE static inline __attribute__((always_inline))
/* For functions that inlining harms: their registers would spill, or their code would be there twice. */
#define EE_NOINLINE __attribute__((noinline))

/* A condition for `if`, where `#ifdef EE_NO_HOST` would be too much. */
#ifdef EE_NO_HOST
#define EE_ON_DEVICE 1
#else
#define EE_ON_DEVICE 0
#endif

#endif
