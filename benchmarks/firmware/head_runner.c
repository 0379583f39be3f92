/* Classifies the embeddings of head_cases.c with its heads, and prints for each head: name, CRC-32 over probabilities
 * and verdicts, and the instructions of a window. */
#include "edgeecg.h"
#include "head_cases.h"
#include "port.h"

static uint32_t crc_of(uint32_t crc, uint32_t value)
{
    for (int byte = 0; byte < 4; byte++, value >>= 8) {
        crc ^= value & 255u;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return crc;
}

static void write_number(uint32_t v)
{
    char text[12];
    uint32_t at = sizeof text - 1;
    text[at] = 0;
    do text[--at] = (char)('0' + v % 10);
    while (v /= 10);
    port_write(" ");
    port_write(text + at);
}

int main(void)
{
    for (uint32_t h = 0; h < head_count; h++) {
        const ee_classifier *head = head_cases[h].head;
        ee_verdicts state;
        uint32_t crc = 0xFFFFFFFFu, spent = 0;
        ee_verdicts_reset(&state);
        for (uint32_t i = 0; i < embedding_count; i++) {
            uint16_t p[EE_MOST_CLASSES];
            const uint32_t before = port_counter();
            ee_classify(head, embeddings[i], 0, p);
            const uint32_t verdict = ee_verdict(head, &state, p, qualities[i]);
            spent += port_instructions(before, port_counter());
            for (uint32_t c = 0; c < head->classes; c++) crc = crc_of(crc, p[c]);
            crc = crc_of(crc, verdict);
        }
        port_write(head_cases[h].name);
        write_number(~crc);
        write_number(spent / embedding_count);
        port_write("\n");
    }
    port_exit(0);
    return 0;
}
