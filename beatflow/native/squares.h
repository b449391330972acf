/* What fits share: sounds as they are given, and least squares. Energies and products are sums of whole numbers, exact. */
#ifndef BEATFLOW_SQUARES_H
#define BEATFLOW_SQUARES_H

#include "samples.h"

enum { MOST_CHANNELS = 8, MOST_UNKNOWNS = 32 };

/* Chunks laid end to end, as they stand in a file; the chunk that is fitted begins at a frame of theirs. */
struct bf_sound {
    const uint8_t *const *chunks;
    const int64_t *lengths; /* in bytes, whole frames */
    int32_t count, format, channels, unused;
    int64_t start;
};

/* What fits a chunk: `segments` 0 where nothing does. */
struct bf_fitted {
    int32_t segments, noise;
    double bits;
};

/* Bits per sample of white noise of some power, rounded to integers. */
double bf_count_bits(double power);

/* Where stretches of `length` frames begin that lie evenly in `frames`; how many there are. */
int bf_spread(int64_t frames, int count, int64_t length, int64_t *starts);

/* Whether a sound has one channel or so many, and each chunk whole frames of a format that there is. */
int bf_is_sound(const struct bf_sound *sound, int32_t channels);

/* Frames of a sound from `first` on, interleaved; 0 where there are none. Not 0: they are no integers. */
int bf_read_frames(const struct bf_sound *sound, int64_t first, int64_t length, int32_t *out);

/* Channels apart: row `channel` of `planes` gets its frames at `at`; one channel becomes all of them. */
void bf_part_channels(const int32_t *frames, int64_t length, int32_t channels, int32_t *planes, int64_t row, int64_t at,
                      int32_t outputs);

int64_t bf_multiply(const int32_t *a, const int32_t *b, int64_t length);

/* Add the energies of a stretch and of its differences of order 1 and 2. */
void bf_add_energies(const int32_t *x, int64_t length, double *energies);

/* Bits per sample by the best of the fixed predictors of order 0 to 2; energies of `rows` stretches of `length`. */
double bf_bits_of(const double *energies, int64_t rows, int64_t length);

/* Least squares by normal equations, for the unknowns in `kept`, at most MOST_UNKNOWNS.
 *
 * `products` is `size` by `size`; the wanted one's products are in column `wanted`. Gives the solution, and, where
 * asked, by how much the energy that is left grows without each. Returns the energy that the solution explains.
 */
double bf_solve(const double *products, int size, const int *kept, int count, int wanted, double *solution,
                double *worth);

#endif
