/* The numerical half of the FLAC encoder: what a linear predictor leaves of a block, and which predictor to take. */
#ifndef BEATFLOW_FLAC_MODEL_H
#define BEATFLOW_FLAC_MODEL_H

#include "kernels.h"

enum {
    FLAC_BLOCK = 4096,
    FLAC_ORDER = 8,     /* of the longest predictor looked for */
    FLAC_PAD = 16,      /* zeros before a block, so that a predictor may look back from its first sample */
    FLAC_FIXED = 4,     /* of the highest difference that is a predictor without coefficients */
    FLAC_SPLITS = 6,    /* a block's residual has at most 2^6 Rice parameters */
    FLAC_PARTS = 1 << FLAC_SPLITS
};

/* A predictor with coefficients: x[n] is about (sum of coefficient[j] * x[n - 1 - j]) >> shift. */
typedef struct {
    int order; /* 0 where there is none */
    int precision, shift;
    int32_t coefficient[FLAC_ORDER];
} flac_predictor;

/* What was found in a residual cut into 2^splits equal parts. */
typedef struct {
    int splits;
    uint64_t sum[FLAC_PARTS];
} flac_parts;

/* How a block is faded in, and in reverse out, before it is looked at; of blocks of `count` frames. */
typedef struct {
    int count;
    float rise[FLAC_BLOCK / 4];
} flac_window;

void bf_flac_window(int count, flac_window *window);

/* Sums of |difference of order 0 … 4| over the samples from the fifth on; values of at most 25 bits. */
void bf_flac_differences(const int32_t *x, int count, int wide, uint64_t sums[FLAC_FIXED + 1]);

/* All samples' bits joined by OR, after XOR with the first (0: all are the same), and without; and the largest |x|. */
void bf_flac_survey(const int32_t *x, int count, uint32_t *changing, uint32_t *used, uint32_t *most);

/* Middle and side of two channels. */
void bf_flac_middle(const int32_t *left, const int32_t *right, int count, int32_t *middle, int32_t *side);

/* The predictor that promises the fewest bits, for samples of at most `bits` bits and of |x| up to `most`; order 0
 * where none can be found. */
void bf_flac_predictor(const int32_t *x, int bits, uint32_t most, const flac_window *window, flac_predictor *found);

/* Residuals r as 2r or -2r - 1, 0 for the first `order` samples. `x` has FLAC_PAD zeros before it.
 * Returns 0 where one might not fit into 31 bits. */
int bf_flac_predict(const int32_t *x, int count, uint32_t most, const flac_predictor *predictor, uint32_t *out);
void bf_flac_difference(const int32_t *x, int count, int order, uint32_t *out);

/* Sums over 2^splits parts of equal length. */
void bf_flac_parts(const uint32_t *residual, int count, int splits, flac_parts *found);

/* log2 of a positive number, to about 0.01. */
double bf_flac_log2(double value);

#endif
