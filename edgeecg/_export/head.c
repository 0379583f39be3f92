/* The head "@head@", trained on: @trained_on@
 * Licence: @licence@. Written by edgeecg @version@ from a checked file. */
#include "../include/@symbol@.h"

static const int16_t weights[] = {
    @weights@
};
static const int64_t bias[] = { @bias@ };
static const uint16_t thresholds[] = { @thresholds@ };

const char *const @symbol@_names[@SYMBOL@_CLASSES] = { @names@ };
const ee_classifier @symbol@ = { weights, bias, thresholds, @classes@, @dim@, @independent@, @shift@, @k@, @n@, @hold@, @unreadable@ };
