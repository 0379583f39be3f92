/* The CRC of model and head files: that of zlib. */
#ifndef EE_CRC32_H
#define EE_CRC32_H

#include "../core/platform.h"

#ifndef EE_EXPORTED
uint32_t ee_crc32(const uint8_t *p, size_t n);
#endif

#endif
