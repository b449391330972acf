/* Guessing a chunk's samples from those of others, block by block: docs/format.md, "Prediction". */
#ifndef BEATFLOW_PREDICTION_H
#define BEATFLOW_PREDICTION_H

#include "samples.h"

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

#endif
