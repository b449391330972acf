/* Guessing a chunk's samples from those of others, block by block: docs/format.md, "Prediction". */
#ifndef BEATFLOW_PREDICTION_H
#define BEATFLOW_PREDICTION_H

#include "samples.h"

#define BF_CHANNELS 8
#define BF_FRAMES 1024  /* of a block, at most */
#define BF_SAMPLES 2048 /* of a block, all channels, at most */

static inline uint32_t get16(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8; }
static inline uint32_t get32(const uint8_t *at) { return get16(at) | get16(at + 2) << 16; }

/* A chunk of a source: whole frames, as they stand in the file. */
typedef struct {
    const uint8_t *data;
    int64_t frames;
} bf_chunk;

/* Chunks from `first` on, end to end, of 1 to 8 channels; frame 0 of what is predicted lies at their frame `start`. */
typedef struct {
    int32_t format, channels;
    int64_t start;
    int32_t first, count;
} bf_source;

/* All that a guess is made of. Segments and terms as they stand in a payload. */
typedef struct {
    const bf_source *sources;
    const bf_chunk *chunks;
    const uint8_t *segments, *terms;
    int64_t frames;
    int32_t source_count, segment_count, term_count;
    int32_t format, channels;
} bf_prediction;

/* What a guess leaves, as it stands in a payload: `largest` and the exceptions and content of symbols, or, where
 * `values` is given, integers in the shape (frames, channels). */
typedef struct {
    const uint8_t *apart, *content;
    const int32_t *values;
    int64_t apart_count, content_size;
    int32_t largest;
} bf_rest;

/* What is refused, as negative answers. */
enum bf_refusal {
    BF_NO_INTEGERS = -1,   /* a source's or the chunk's own samples are no integers of 24 bits */
    BF_SEGMENTS = -2,      /* they do not add up, or one is empty */
    BF_NOWHERE = -3,       /* a term's segment, source or channel that there is none of */
    BF_ORDER = -4,         /* terms that do not ascend */
    BF_TOO_MANY = -5,      /* products */
    BF_TOO_LARGE = -6,     /* weights */
    BF_REST_SIZE = -7,     /* digits or content of another size than the samples need */
    BF_REST_NOWHERE = -8,  /* an exception beyond the samples */
    BF_REST_ORDER = -9     /* exceptions that do not ascend */
};

/* Symbols while they are read. */
typedef struct {
    const bf_rest *rest;
    int many;
    int8_t table[256 * 8];
    int64_t next[BF_CHANNELS]; /* exception to come, for each channel */
    int8_t digits[BF_FRAMES + 16];
    int32_t values[BF_SAMPLES];
} bf_unpacker;

/* Begin to read symbols of `channels` times `frames` integers; refuses what cannot be. */
int bf_open_symbols(const bf_rest *rest, int64_t frames, int channels, bf_unpacker *room);

/* At most BF_FRAMES integers of one channel from frame `at` on; blocks of a channel are asked for in order. */
void bf_read_symbols(bf_unpacker *room, int64_t frames, int channel, int64_t at, int32_t count, int32_t *values);

#endif
