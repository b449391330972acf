/* Samples as they stand in a file, to integers and back; the numbers of the formats are those of docs/format.md. */
#ifndef BEATFLOW_SAMPLES_H
#define BEATFLOW_SAMPLES_H

#include "kernels.h"

enum bf_format {
    BF_U8 = 1,
    BF_S8,
    BF_S16LE,
    BF_S16BE,
    BF_S24LE,
    BF_S24BE,
    BF_S32LE,
    BF_S32BE,
    BF_F32LE,
    BF_F32BE,
    BF_F64LE,
    BF_F64BE
};

/* Stretches of the same length, laid end to end. */
struct bf_stretches {
    const uint8_t *raw;
    int64_t size; /* in bytes */
    int32_t format, channels;
};

/* Bytes of one sample, 0 for a format that there is none of. */
BF_EXPORT int bf_width(int format);

/* Bits of an integer that count: 8, 16 or 24. */
BF_EXPORT int bf_bits(int format);

/* Samples in a row as integers of bf_bits bits, right-justified. `raw` may lie anywhere.
 *
 * Returns 0; 1 where 24 bits cannot hold one of them exactly (S32 with low bits, floats off the grid, -0.0); -1 for a
 * format that there is none of. What is in `out` then means nothing.
 */
BF_EXPORT int bf_read_samples(const uint8_t *raw, int64_t count, int format, int32_t *out);

/* Undo bf_read_samples. Returns 0, or -1 for a format that there is none of. */
BF_EXPORT int bf_write_samples(const int32_t *values, int64_t count, int format, uint8_t *raw);

#endif
