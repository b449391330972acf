/* How one chunk of samples is made of one other sound whose channels are crossed, or which is filtered, by least squares
 * on a few stretches of it.
 *
 * The twin of solve_channels and solve_filter in sound/fit.py, and of predicting/chunkfit.py and predicting/trial.py,
 * whose words it uses. It decides only how small what is stored becomes.
 */
#include "squares.h"

#include <math.h>
#include <string.h>

enum { BLOCKS = 8, BLOCK_FRAMES = 512, PLAIN_BLOCKS = 2, MOST_LAGS = 15, MOST_LENGTH = 4096 };
enum { MOST_ROWS = 2 * MOST_LAGS + 1, SIZE = MOST_ROWS + 1 };

#define POORLY 0.5
#define LEAST_GAIN_BITS 0.5

/* Stretches of a target, and those of a source, which have `lags` frames more on either side. Channel by channel, the
 * stretches one after the other.
 */
struct pair {
    int32_t channels, blocks, lags;
    int64_t length, wide; /* frames of a stretch of either */
    int32_t *target, *source, *target_bends, *source_bends, *scratch;
    double *rest;
};

/* Bytes that the other functions need, for so many frames of all stretches of a target and of a source. */
BF_EXPORT int64_t bf_taps_room(int32_t channels, int64_t target, int64_t source) {
    return channels * (target * 8 + (2 * target + 2 * source) * 4 + (target > source ? target : source) * 4);
}

static struct pair lay_out(int32_t channels, int32_t blocks, int64_t length, int32_t lags, double *room) {
    struct pair pair = {channels, blocks, lags, length, length + 2 * lags, NULL, NULL, NULL, NULL, NULL, room};
    int64_t rows = (int64_t)channels * blocks;
    pair.target = (int32_t *)(room + rows * pair.length);
    pair.target_bends = pair.target + rows * pair.length;
    pair.source = pair.target_bends + rows * pair.length;
    pair.source_bends = pair.source + rows * pair.wide;
    pair.scratch = pair.source_bends + rows * pair.wide;
    return pair;
}

/* Second differences of each stretch; its last two numbers mean nothing. */
static void bend(const int32_t *x, int64_t rows, int64_t length, int32_t *out) {
    for (int64_t row = 0; row < rows; row++, x += length, out += length)
        for (int64_t n = 0; n + 2 < length; n++)
            out[n] = x[n] - 2 * x[n + 1] + x[n + 2];
}

/* Whether one gain for all explains as much of the highs as makes a filter worth trying. */
static int is_likely(const struct pair *pair) {
    double both = 0, source = 0, target = 0;
    for (int64_t row = 0; row < (int64_t)pair->channels * pair->blocks; row++) {
        const int32_t *a = pair->target_bends + row * pair->length;
        const int32_t *b = pair->source_bends + row * pair->wide + pair->lags;
        both += (double)bf_multiply(a, b, pair->length - 2);
        target += (double)bf_multiply(a, a, pair->length - 2);
        source += (double)bf_multiply(b, b, pair->length - 2);
    }
    return source > 0 && both * both / source >= (1 - POORLY) * target;
}

/* Weights of the source's frames for one channel, that of lag -lags first, by stretches or, of order 2, their bends. */
static void solve_taps(const struct pair *pair, int order, int32_t channel, double *weights) {
    double products[SIZE * SIZE] = {0};
    int kept[MOST_ROWS], taps = 2 * pair->lags + 1, size = taps + 1;
    for (int32_t block = 0; block < pair->blocks; block++) {
        int64_t row = (int64_t)channel * pair->blocks + block, length = pair->length - order;
        const int32_t *target = (order ? pair->target_bends : pair->target) + row * pair->length;
        const int32_t *source = (order ? pair->source_bends : pair->source) + row * pair->wide;
        for (int i = 0; i < size; i++)
            for (int j = 0; j <= i && j < taps; j++) {
                const int32_t *other = i < taps ? source + taps - 1 - i : target;
                products[i * size + j] += (double)bf_multiply(other, source + taps - 1 - j, length);
            }
    }
    for (int i = 0; i < size; i++)
        for (int j = 0; j < i; j++)
            products[j * size + i] = products[i * size + j];
    for (int tap = 0; tap < taps; tap++)
        kept[tap] = tap;
    bf_solve(products, size, kept, taps, taps, weights, NULL);
}

BF_CLONES static void subtract(double *restrict rest, const int32_t *restrict source, double weight, int64_t length) {
    for (int64_t n = 0; n < length; n++)
        rest[n] -= weight * source[n];
}

/* Add the energies of what is left and of its differences of order 1 and 2. */
static void add_energies(const double *rest, int64_t length, double *energies) {
    for (int64_t n = 0; n < length; n++) {
        double step = n > 0 ? rest[n] - rest[n - 1] : 0;
        double bend = n > 1 ? rest[n] - 2 * rest[n - 1] + rest[n - 2] : 0;
        energies[0] += rest[n] * rest[n];
        energies[1] += step * step;
        energies[2] += bend * bend;
    }
}

/* Bits per sample that weights of each channel leave. */
static double measure_rest(const struct pair *pair, const double (*weights)[MOST_ROWS]) {
    double energies[3] = {0};
    int taps = 2 * pair->lags + 1;
    for (int32_t channel = 0; channel < pair->channels; channel++)
        for (int32_t block = 0; block < pair->blocks; block++) {
            int64_t row = (int64_t)channel * pair->blocks + block;
            const int32_t *target = pair->target + row * pair->length;
            for (int64_t n = 0; n < pair->length; n++)
                pair->rest[n] = target[n];
            for (int tap = 0; tap < taps; tap++)
                subtract(pair->rest, pair->source + row * pair->wide + taps - 1 - tap, weights[channel][tap],
                         pair->length);
            add_energies(pair->rest, pair->length, energies);
        }
    return bf_bits_of(energies, (int64_t)pair->channels * pair->blocks, pair->length);
}

/* A filter for each channel, and the bits per sample that it leaves; 0 where it is not worth trying.
 *
 * By the stretches and by their bends: the better. An equaliser's lows are loud, and cost next to nothing to write down.
 */
static int solve_filter(const struct pair *pair, double (*weights)[MOST_ROWS], double *bits) {
    double tried[MOST_CHANNELS][MOST_ROWS];
    if (pair->length < 3)
        return 0;
    bend(pair->target, (int64_t)pair->channels * pair->blocks, pair->length, pair->target_bends);
    bend(pair->source, (int64_t)pair->channels * pair->blocks, pair->wide, pair->source_bends);
    if (!is_likely(pair))
        return 0;
    for (int order = 0; order <= 2; order += 2) {
        for (int32_t channel = 0; channel < pair->channels; channel++)
            solve_taps(pair, order, channel, tried[channel]);
        double left = measure_rest(pair, (const double(*)[MOST_ROWS])tried);
        if (!order || left < *bits) {
            *bits = left;
            memcpy(weights, tried, sizeof tried);
        }
    }
    return 1;
}

/* A gain from each of `inputs` channels into each of the target's, and the bits per sample that they leave. */
static void solve_channels(const struct pair *pair, int32_t inputs, double (*weights)[MOST_ROWS], double *bits) {
    double products[4 * MOST_CHANNELS * MOST_CHANNELS] = {0}, left = 0;
    int kept[MOST_CHANNELS], size = inputs + pair->channels;
    int64_t row = pair->blocks * pair->length;
    for (int i = 0; i < size; i++)
        for (int j = 0; j <= i; j++) {
            const int32_t *a = i < inputs ? pair->source + i * row : pair->target + (i - inputs) * row;
            const int32_t *b = j < inputs ? pair->source + j * row : pair->target + (j - inputs) * row;
            double total = 0;
            for (int32_t block = 0; block < pair->blocks; block++)
                total += (double)bf_multiply(a + block * pair->length, b + block * pair->length, pair->length);
            products[i * size + j] = products[j * size + i] = total;
        }
    for (int input = 0; input < inputs; input++)
        kept[input] = input;
    for (int32_t output = 0; output < pair->channels; output++) {
        int wanted = inputs + output;
        double rest = products[wanted * size + wanted]
                    - bf_solve(products, size, kept, inputs, wanted, weights[output], NULL);
        left += rest > 0 ? rest : 0;
    }
    *bits = bf_count_bits(left / (double)(row * pair->channels));
}

/* What is tried on a few stretches ---------------------------------------------------------------------------------- */

/* Read stretches of `frames` in all; silence where they are no integers. -1 where they cannot be. */
static int read_stretches(const struct bf_stretches *sound, int64_t frames, int32_t *scratch, int32_t *planes,
                          int32_t channels) {
    int64_t samples = frames * sound->channels;
    if (!bf_width(sound->format) || sound->size != samples * bf_width(sound->format))
        return -1;
    if (bf_read_samples(sound->raw, samples, sound->format, scratch))
        memset(scratch, 0, (size_t)samples * sizeof *scratch);
    bf_part_channels(scratch, frames, sound->channels, planes, frames, 0, channels);
    return 0;
}

static int can_be_tried(const struct bf_stretches *target, const struct bf_stretches *source, int32_t blocks,
                        int64_t length, int32_t lags) {
    return target->channels > 0 && target->channels <= MOST_CHANNELS && blocks > 0 && length > 0 && lags >= 0
        && length <= MOST_LENGTH && lags <= MOST_LAGS
        && (source->channels == 1 || source->channels == target->channels);
}

/* Bits per sample that gains from every channel into every channel leave. `room`: bf_taps_room bytes for the target's
 * channels and blocks * length frames of either. What is no integers of 24 bits counts as silence.
 *
 * Returns 0, -1 where the arguments cannot be.
 */
BF_EXPORT int bf_try_crossed(const struct bf_stretches *target, const struct bf_stretches *source, int32_t blocks,
                             int64_t length, double *room, double *bits) {
    double weights[MOST_CHANNELS][MOST_ROWS];
    if (!can_be_tried(target, source, blocks, length, 0))
        return -1;
    struct pair pair = lay_out(target->channels, blocks, length, 0, room);
    if (read_stretches(target, blocks * length, pair.scratch, pair.target, pair.channels)
        || read_stretches(source, blocks * length, pair.scratch, pair.source, source->channels))
        return -1;
    solve_channels(&pair, source->channels, weights, bits);
    return 0;
}

/* Bits per sample that a filter of each channel leaves. The source's stretches have `lags` frames more on either side, and
 * so has `room`. What is no integers of 24 bits counts as silence.
 *
 * Returns 0; 1 where a filter is not worth trying, -1 where the arguments cannot be.
 */
BF_EXPORT int bf_try_filter(const struct bf_stretches *target, const struct bf_stretches *source, int32_t blocks,
                            int64_t length, int32_t lags, double *room, double *bits) {
    double weights[MOST_CHANNELS][MOST_ROWS];
    if (!can_be_tried(target, source, blocks, length, lags))
        return -1;
    struct pair pair = lay_out(target->channels, blocks, length, lags, room);
    if (read_stretches(target, blocks * pair.length, pair.scratch, pair.target, pair.channels)
        || read_stretches(source, blocks * pair.wide, pair.scratch, pair.source, pair.channels))
        return -1;
    return !solve_filter(&pair, weights, bits);
}

/* What is fitted to a chunk ----------------------------------------------------------------------------------------- */

static int take(const struct bf_sound *sound, int64_t first, const int64_t *starts, int blocks, int64_t length,
                int32_t *scratch, int32_t *planes, int32_t channels) {
    for (int block = 0; block < blocks; block++) {
        if (bf_read_frames(sound, first + starts[block], length, scratch))
            return 1;
        bf_part_channels(scratch, length, sound->channels, planes, blocks * length, block * length, channels);
    }
    return 0;
}

/* Bits per sample of a chunk by itself. */
static int measure_plain(const struct bf_sound *target, int64_t frames, const struct pair *pair, double *bits) {
    int64_t starts[PLAIN_BLOCKS];
    int blocks = bf_spread(frames, PLAIN_BLOCKS, pair->length, starts);
    double energies[3] = {0};
    if (take(target, 0, starts, blocks, pair->length, pair->scratch, pair->target, pair->channels))
        return 1;
    for (int64_t row = 0; row < (int64_t)blocks * pair->channels; row++)
        bf_add_energies(pair->target + row * pair->length, pair->length, energies);
    *bits = bf_bits_of(energies, (int64_t)blocks * pair->channels, pair->length);
    return 0;
}

/* Fit one source to a chunk, the first of `sounds`: each channel filtered by 2 * lags + 1 taps, or, without any lags, a gain
 * from every channel into every channel.
 *
 * `room`: bf_taps_room bytes for the target's channels, 8 stretches of 512 frames and as many with `lags` more on either
 * side. `weights`: for each channel of the target one for each tap, that of lag -lags first, or for each channel of the
 * source; they apply to integers of as many bits as the target's. What a source has that is no integers of 24 bits counts as
 * silence. Returns 0; 1 where the target is none, -1 where the arguments cannot be.
 */
BF_EXPORT int bf_fit_taps(const struct bf_sound *target, const struct bf_sound *source, int32_t lags, double *room,
                          double *weights, struct bf_fitted *result) {
    double found[MOST_CHANNELS][MOST_ROWS], plain, bits = 0;
    int64_t starts[BLOCKS];
    int32_t channels = target->channels;
    *result = (struct bf_fitted){0, 0, 0.0};
    if (channels < 1 || channels > MOST_CHANNELS || lags < 0 || lags > MOST_LAGS || target->count != 1
        || !bf_is_sound(target, channels) || !bf_is_sound(source, channels))
        return -1;
    int64_t frames = target->lengths[0] / (bf_width(target->format) * channels);
    int64_t length = frames < BLOCK_FRAMES ? frames : BLOCK_FRAMES;
    if (!frames)
        return 0;
    int blocks = bf_spread(frames, BLOCKS, length, starts), inputs = lags ? channels : source->channels;
    struct pair pair = lay_out(channels, blocks, length, lags, room);
    if (measure_plain(target, frames, &pair, &plain)
        || take(target, 0, starts, blocks, length, pair.scratch, pair.target, channels))
        return 1;
    if (take(source, source->start - lags, starts, blocks, pair.wide, pair.scratch, pair.source, inputs))
        return 0;
    if (!lags)
        solve_channels(&pair, inputs, found, &bits);
    else if (!solve_filter(&pair, found, &bits))
        return 0;
    if (bits > plain - LEAST_GAIN_BITS)
        return 0;
    int32_t rows = lags ? 2 * lags + 1 : inputs;
    double scale = ldexp(1.0, bf_bits(source->format) - bf_bits(target->format));
    for (int32_t channel = 0; channel < channels; channel++)
        for (int32_t row = 0; row < rows; row++)
            weights[channel * rows + row] = found[channel][row] * scale;
    *result = (struct bf_fitted){1, 0, bits};
    return 0;
}
