// Samples of an analog front end at @fs@ Hz in, an embedding every @hop@ s out, over the serial line.
#include <edgeecg.h>
#include <@name@.h>

static uint64_t memory[(@NAME@_STATE_SIZE + 7) / 8];
static ee_stream *stream;
static uint32_t next_us;

void setup() {
  Serial.begin(115200);
  const ee_config config = @NAME@_CONFIG;
  stream = ee_init(&@name@, &config, memory, @NAME@_STATE_SIZE);
  next_us = micros();
}

void loop() {
  if (!stream || (int32_t)(micros() - next_us) < 0) return;
  next_us += (uint32_t)(1000000.0 / @fs@);
  int16_t x = (int16_t)analogRead(A0);  // @gain@ units per millivolt: set --gain to your front end's
  size_t used = 0;
  while (!used) {
    if (!ee_push_i16(stream, &x, 1, &used)) continue;
    ee_result result = ee_get_result(stream);
    Serial.write((const uint8_t *)result.embedding8, @NAME@_DIM);
  }
}
