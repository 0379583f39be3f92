/* A timer's interrupt puts samples into a queue, this thread pushes them: an embedding every @hop@ s. */
#include <zephyr/kernel.h>

#include "edgeecg.h"
#include "@name@.h"

K_MSGQ_DEFINE(samples, sizeof(int16_t), 64, 2);

static uint64_t memory[(@NAME@_STATE_SIZE + 7) / 8];

static void sample(struct k_timer *timer)
{
	int16_t x = 0; /* read the ADC here */

	ARG_UNUSED(timer);
	(void)k_msgq_put(&samples, &x, K_NO_WAIT);
}

K_TIMER_DEFINE(clock, sample, NULL);

int main(void)
{
	const ee_config config = @NAME@_CONFIG;
	ee_stream *stream = ee_init(&@name@, &config, memory, @NAME@_STATE_SIZE);
	int16_t x;

	if (stream == NULL) {
		return -1;
	}
	k_timer_start(&clock, K_USEC(1000000000ull / @fs_mhz@), K_USEC(1000000000ull / @fs_mhz@));
	for (;;) {
		size_t used = 0;

		k_msgq_get(&samples, &x, K_FOREVER);
		while (used == 0) {
			if (ee_push_i16(stream, &x, 1, &used)) {
				ee_result result = ee_get_result(stream);

				printk("window at %u s, quality %u, first number %d\n", (unsigned)(result.start / EE_RATE),
				       (unsigned)result.quality, result.embedding[0]);
			}
		}
	}
	return 0;
}
