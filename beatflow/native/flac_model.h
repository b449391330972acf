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
    FLAC_PARTS = 1 << FLAC_SPLITS,
    FLAC_EXACT = 4,     /* Rice parameters less than that are chosen by the true length of the codes */
    FLAC_LOW_MEAN = 8   /* where the mean is less than that */
};

/* A predictor with coefficients: x[n] is about (sum of coefficient[j] * x[n - 1 - j]) >> shift. */
typedef struct {
    int order; /* 0 where there is none */
    int precision, shift;
    int32_t coefficient[FLAC_ORDER];
} flac_predictor;

/* What was found in a residual cut into 2^splits equal parts: sums of its values shifted right by 0, 1, 2 and 3, where
 * they are `low`; else by 0 only. */
typedef struct {
    int splits, low;
    uint64_t high[FLAC_EXACT][FLAC_PARTS];
} flac_parts;

/* What is known of a block before it is predicted. */
typedef struct {
    uint64_t differences[FLAC_FIXED + 1]; /* sums of |difference of order 0 … 4| */
    double correlation[FLAC_ORDER + 1];   /* sums of products of faded samples 0 … 8 apart */
    int correlated;                       /* whether those are known */
} flac_outline;

/* How a block is faded in and out before it is looked at; of blocks of `count` frames. */
typedef struct {
    int count;
    float rise[FLAC_BLOCK / 4], fall[FLAC_BLOCK / 4];
} flac_window;

void bf_flac_window(int count, flac_window *window);

/* The differences from the fifth sample on, of values of at most 25 bits; of whole blocks every other
 * stretch counts twice, if they are not constant there. Correlations stay unknown. */
void bf_flac_outline(const int32_t *x, int count, int wide, flac_outline *found);

/* Make the correlations known where they are not. */
void bf_flac_correlate(const int32_t *x, const flac_window *window, flac_outline *found);

/* How few bits a predictor of the best order would leave, by the correlations. */
double bf_flac_promise(const flac_outline *outline, int count, int bits);

/* All samples' bits joined by OR, after XOR with the first (0: all are the same), and without; and the largest |x|. */
void bf_flac_survey(const int32_t *x, int count, uint32_t *changing, uint32_t *used, uint32_t *most);

/* Middle and side of two channels. */
void bf_flac_middle(const int32_t *left, const int32_t *right, int count, int32_t *middle, int32_t *side);

/* The predictor that promises the fewest bits by the correlations, for samples of at most `bits` bits and of |x| up to
 * `most`; order 0 where none can be found. */
void bf_flac_predictor(const flac_outline *outline, int count, int bits, uint32_t most, flac_predictor *found);

/* Residuals r as 2r or -2r - 1, 0 for the first `order` samples. `x` has FLAC_PAD zeros before it.
 * Returns what none of them reaches; of a predictor 0, and no residuals, where one might not fit into 31 bits. */
uint64_t bf_flac_predict(const int32_t *x, int count, uint32_t most, const flac_predictor *predictor, uint32_t *out);
uint64_t bf_flac_difference(const int32_t *x, int count, uint32_t most, int order, uint32_t *out);

/* What is in 2^splits parts of equal length, of values less than `bound`. */
void bf_flac_parts(const uint32_t *residual, int count, int splits, uint64_t bound, flac_parts *found);

/* Bits of a value's Rice code, on average, where values (as residuals are) are `mean` on average. */
double bf_flac_code_length(double mean);

#endif
