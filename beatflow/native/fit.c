/* How one chunk of samples is made of others, by least squares on a few stretches of it.
 *
 * The twin of sound/fit.py and predicting/chunkfit.py, whose words it uses. Products of samples are sums of integers,
 * so they are exact; what is solved from them is in double. It decides only how small what is stored becomes.
 */
#include "squares.h"

#include <math.h>
#include <string.h>

enum { MOST_SOURCES = MOST_UNKNOWNS / 2 };
enum { BLOCKS = 8, BLOCK_FRAMES = 512, SEGMENTS = 8, SEGMENT_BLOCKS = 2, LANES = 8 };
enum { MOST_FRAMES = BLOCKS * BLOCK_FRAMES };

#define LEAST_GAIN_BITS 0.5
#define RAMP_GAIN 0.75
#define APART_GAIN 0.9
#define WEIGHT_LIMIT 15.0
#define WHITE 1.6
#define ONE 16777216.0
#define SLOPE_ONE 65536.0

/* Sums of a * b * time and a * b * time * time. */
BF_CLONES static void multiply_ramps(const int32_t *a, const int32_t *b, const double *time, int64_t length,
                                     double *once, double *twice) {
    double first[LANES] = {0}, second[LANES] = {0};
    int64_t n = 0;
    for (; n + LANES <= length; n += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double product = (double)a[n + lane] * (double)b[n + lane] * time[n + lane];
            first[lane] += product;
            second[lane] += product * time[n + lane];
        }
    for (; n < length; n++) {
        double product = (double)a[n] * (double)b[n] * time[n];
        first[0] += product;
        second[0] += product * time[n];
    }
    for (int lane = 0; lane < LANES; lane++) {
        *once += first[lane];
        *twice += second[lane];
    }
}

BF_CLONES static void subtract(double *rest, const int32_t *feature, double weight, int64_t length) {
    for (int64_t n = 0; n < length; n++)
        rest[n] -= weight * feature[n];
}

BF_CLONES static void subtract_ramp(double *rest, const int32_t *feature, double weight, double slope,
                                    const double *time, int64_t length) {
    for (int64_t n = 0; n < length; n++)
        rest[n] -= (weight + slope * time[n]) * feature[n];
}

BF_CLONES static double sum_squares(const double *rest, int64_t length) {
    double lanes[LANES] = {0}, total = 0;
    int64_t n = 0;
    for (; n + LANES <= length; n += LANES)
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += rest[n + lane] * rest[n + lane];
    for (; n < length; n++)
        total += rest[n] * rest[n];
    for (int lane = 0; lane < LANES; lane++)
        total += lanes[lane];
    return total;
}

BF_CLONES static double sum_steps(const double *rest, int64_t length) {
    double lanes[LANES] = {0}, total = 0;
    int64_t n = 1;
    for (; n + LANES <= length; n += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double step = rest[n + lane] - rest[n + lane - 1];
            lanes[lane] += step * step;
        }
    for (; n < length; n++)
        total += (rest[n] - rest[n - 1]) * (rest[n] - rest[n - 1]);
    for (int lane = 0; lane < LANES; lane++)
        total += lanes[lane];
    return total;
}

/* One chunk and what it is fitted with. */
struct fit {
    const struct bf_sound *target, *sources;
    int32_t count, channels;
    int64_t frames;
    double scales[MOST_SOURCES];
    int32_t *planes;  /* of the target, then of each source */
    int32_t *scratch; /* some frames, interleaved */
    double *rest, *time;
    int32_t *weights, *slopes; /* of this segment: source by channel */
};

/* One segment's fit: what is left of each sample, and whether that is mere noise. */
struct segment {
    int found, noise;
    double power, plain;
};

static int take(const struct fit *fit, const struct bf_sound *sound, const int64_t *starts, int blocks, int64_t first,
                int64_t length, int32_t *planes) {
    for (int block = 0; block < blocks; block++) {
        if (bf_read_frames(sound, sound->start + first + starts[block], length, fit->scratch))
            return 1;
        bf_part_channels(fit->scratch, length, sound->channels, planes, blocks * length, block * length, fit->channels);
    }
    return 0;
}

static int measure_plain(const struct fit *fit, int64_t first, int64_t frames, double *bits) {
    int64_t starts[2], length = frames < BLOCK_FRAMES ? frames : BLOCK_FRAMES;
    int blocks = bf_spread(frames, 2, length, starts);
    double energies[3] = {0};
    if (take(fit, fit->target, starts, blocks, first, length, fit->planes))
        return 1;
    for (int64_t row = 0; row < (int64_t)blocks * fit->channels; row++)
        bf_add_energies(fit->planes + row * length, length, energies);
    *bits = bf_bits_of(energies, (int64_t)blocks * fit->channels, length);
    return 0;
}

static int is_noise(const double *rest, int64_t rows, int64_t length, double power) {
    if (power < 1.0)
        return 1;
    double steps = 0;
    for (int64_t row = 0; row < rows; row++)
        steps += sum_steps(rest + row * length, length);
    return steps / (double)(rows * (length > 1 ? length - 1 : 1)) > WHITE * power;
}

/* Leave of the target what weights per source and channel, and slopes where there are any, do not explain. */
static double leave(const struct fit *fit, const int *heard, int count, int64_t row, const double *weights,
                    const double *slopes) {
    for (int32_t channel = 0; channel < fit->channels; channel++) {
        double *rest = fit->rest + channel * row;
        const int32_t *target = fit->planes + channel * row;
        for (int64_t n = 0; n < row; n++)
            rest[n] = target[n];
        for (int k = 0; k < count; k++) {
            const int32_t *feature = fit->planes + ((1 + heard[k]) * (int64_t)fit->channels + channel) * row;
            double weight = weights[k * fit->channels + channel];
            if (slopes)
                subtract_ramp(rest, feature, weight, slopes[k * fit->channels + channel], fit->time, row);
            else
                subtract(rest, feature, weight, row);
        }
    }
    return sum_squares(fit->rest, row * fit->channels) / (double)(row * fit->channels);
}

/* Products of all sounds, the target's last, of one channel. */
static void multiply_all(const struct fit *fit, const int *heard, int count, int64_t row, int32_t channel,
                         double *products) {
    int size = count + 1;
    const int32_t *rows[MOST_SOURCES + 1];
    for (int k = 0; k < count; k++)
        rows[k] = fit->planes + ((1 + heard[k]) * (int64_t)fit->channels + channel) * row;
    rows[count] = fit->planes + channel * row;
    for (int i = 0; i < size; i++)
        for (int j = 0; j <= i; j++)
            products[i * size + j] = products[j * size + i] = (double)bf_multiply(rows[i], rows[j], row);
}

/* Fit gains that change evenly over the segment; the power that they leave, estimated from products alone. */
static double solve_ramps(const struct fit *fit, const int *heard, int count, int64_t row, const double *whole,
                          double *weights, double *slopes) {
    double products[(MOST_UNKNOWNS + 1) * (MOST_UNKNOWNS + 1)], solution[MOST_UNKNOWNS];
    int kept[MOST_UNKNOWNS], size = 2 * count + 1, channels = fit->channels;
    memset(products, 0, sizeof products);
    for (int i = 0; i <= count; i++)
        for (int j = 0; j <= i; j++) {
            double once = 0, twice = 0;
            for (int32_t channel = 0; channel < channels && i + j < 2 * count; channel++) {
                int64_t first = i == count ? 0 : 1 + heard[i];
                multiply_ramps(fit->planes + (first * channels + channel) * row,
                               fit->planes + ((1 + heard[j]) * (int64_t)channels + channel) * row, fit->time, row,
                               &once, &twice);
            }
            /* Unknowns: gains, then slopes; the target comes last. */
            int a = i == count ? 2 * count : i, b = j == count ? 2 * count : j;
            products[a * size + b] = products[b * size + a] = whole[i * (count + 1) + j];
            if (i < count) {
                products[(count + i) * size + b] = products[b * size + count + i] = once;
                products[(count + j) * size + a] = products[a * size + count + j] = once;
                products[(count + i) * size + count + j] = products[(count + j) * size + count + i] = twice;
            } else if (j < count)
                products[(count + j) * size + a] = products[a * size + count + j] = once;
        }
    for (int k = 0; k < 2 * count; k++)
        kept[k] = k;
    double explained = bf_solve(products, size, kept, 2 * count, 2 * count, solution, NULL);
    for (int k = 0; k < count; k++)
        for (int32_t channel = 0; channel < channels; channel++) {
            weights[k * channels + channel] = solution[k];
            slopes[k * channels + channel] = solution[count + k];
        }
    double left = whole[(count + 1) * (count + 1) - 1] - explained;
    return (left > 0 ? left : 0) / (double)(row * channels);
}

/* Write weights down in fixed point; 0 where one is beyond that, or none is left. */
static int fix(const struct fit *fit, const int *heard, int count, int64_t frames, const double *weights,
               const double *slopes, double power, const double *whole) {
    int any = 0;
    for (int k = 0; k < count; k++) {
        double scale = fit->scales[heard[k]];
        double energy = whole[k * (count + 1) + k] * scale * scale;
        double error = 4 * sqrt((power > 0.1 ? power : 0.1) / energy);
        for (int32_t channel = 0; channel < fit->channels; channel++) {
            double weight = weights[k * fit->channels + channel] / scale;
            double slope = slopes ? slopes[k * fit->channels + channel] / scale / (double)frames : 0;
            if (slope == 0 && fabs(weight - rint(weight)) < error)
                weight = rint(weight);
            double steep = rint(slope * ONE * SLOPE_ONE);
            if (!(fabs(weight) < WEIGHT_LIMIT) || !(fabs(slope) * (double)fit->frames < WEIGHT_LIMIT)
                || !(fabs(steep) < 2147483648.0))
                return 0;
            int32_t place = heard[k] * fit->channels + channel;
            fit->weights[place] = (int32_t)lrint(weight * ONE);
            fit->slopes[place] = (int32_t)steep;
            any |= fit->weights[place] != 0 || fit->slopes[place] != 0;
        }
    }
    return any;
}

static int fit_segment(const struct fit *fit, int64_t first, int64_t frames, int blocks, struct segment *result) {
    int64_t starts[BLOCKS], length = frames < BLOCK_FRAMES ? frames : BLOCK_FRAMES;
    int32_t channels = fit->channels;
    int heard[MOST_SOURCES], kept[MOST_SOURCES] = {0}, count = 0;
    double apart[MOST_SOURCES * MOST_CHANNELS], weights[MOST_SOURCES * MOST_CHANNELS];
    double slopes[MOST_SOURCES * MOST_CHANNELS], gains[MOST_UNKNOWNS];
    double products[(MOST_SOURCES + 1) * (MOST_SOURCES + 1)], whole[(MOST_SOURCES + 1) * (MOST_SOURCES + 1)];
    double *used = weights;
    result->found = result->noise = 0;
    memset(fit->weights, 0, sizeof(int32_t) * (size_t)(fit->count * channels));
    memset(fit->slopes, 0, sizeof(int32_t) * (size_t)(fit->count * channels));
    if (measure_plain(fit, first, frames, &result->plain))
        return 1;
    blocks = bf_spread(frames, blocks, length, starts);
    int64_t row = blocks * length;
    if (take(fit, fit->target, starts, blocks, first, length, fit->planes))
        return 1;
    for (int32_t source = 0; source < fit->count; source++) {
        int32_t *planes = fit->planes + (1 + source) * (int64_t)channels * row;
        if (take(fit, &fit->sources[source], starts, blocks, first, length, planes))
            continue;
        for (int64_t n = 0; n < channels * row; n++)
            if (planes[n]) {
                kept[count] = count;
                heard[count++] = source;
                break;
            }
    }
    if (!count)
        return 0;

    int size = count + 1;
    memset(whole, 0, sizeof whole);
    for (int32_t channel = 0; channel < channels; channel++) {
        multiply_all(fit, heard, count, row, channel, products);
        for (int place = 0; place < size * size; place++)
            whole[place] += products[place];
        bf_solve(products, size, kept, count, count, gains, NULL);
        for (int k = 0; k < count; k++)
            apart[k * channels + channel] = gains[k];
    }
    bf_solve(whole, size, kept, count, count, gains, NULL);
    for (int k = 0; k < count; k++)
        for (int32_t channel = 0; channel < channels; channel++)
            weights[k * channels + channel] = gains[k];

    int64_t rows = (int64_t)blocks * channels;
    double power = leave(fit, heard, count, row, used, NULL);
    result->noise = is_noise(fit->rest, rows, length, power);
    const double *steep = NULL;
    if (!result->noise) {
        double other = channels > 1 ? leave(fit, heard, count, row, apart, NULL) : power;
        if (other < APART_GAIN * power) {
            used = apart;
            power = other;
        }
        for (int block = 0; block < blocks; block++)
            for (int64_t n = 0; n < length; n++)
                fit->time[block * length + n] = (double)(starts[block] + n) / (double)frames;
        double even[MOST_SOURCES * MOST_CHANNELS];
        if (solve_ramps(fit, heard, count, row, whole, even, slopes) < RAMP_GAIN * power) {
            memcpy(used, even, sizeof even);
            steep = slopes;
        }
        power = leave(fit, heard, count, row, used, steep);
        result->noise = is_noise(fit->rest, rows, length, power);
    }
    result->power = power;
    if (bf_count_bits(power) > result->plain - LEAST_GAIN_BITS)
        return 0;
    result->found = fix(fit, heard, count, frames, used, steep, power, whole);
    return 0;
}

/* Bytes that bf_fit_gains needs to work in. */
BF_EXPORT int64_t bf_fit_room(int32_t count, int32_t channels) {
    int64_t samples = (int64_t)channels * MOST_FRAMES;
    return samples * 8 + MOST_FRAMES * 8 + samples * 4 * (count + 1) + (int64_t)MOST_CHANNELS * BLOCK_FRAMES * 4;
}

/* Fit a gain for each source: constant, else a ramp, else piece by piece.
 *
 * `sounds`: the target, a single chunk that begins at frame 0, then `count` sources; one that is no integers of 24 bits
 * counts as silence. `weights` and `slopes` have room for 9 segments of `count` sources by the target's channels, and
 * are in the fixed point of docs/format.md; 0 where there is no term. Segments are of -(-frames // 8) frames, the last of
 * what is left. Returns 0; 1 where the target is no integers of 24 bits, -1 where the arguments cannot be.
 */
BF_EXPORT int bf_fit_gains(const struct bf_sound *sounds, int32_t count, double *room, int32_t *weights,
                           int32_t *slopes, struct bf_fitted *result) {
    struct fit fit = {sounds, sounds + 1, count, sounds->channels, 0, {0}, NULL, NULL, NULL, NULL, weights, slopes};
    struct segment whole, piece;
    *result = (struct bf_fitted){0, 0, 0.0};
    if (count < 1 || count > MOST_SOURCES || fit.channels < 1 || fit.channels > MOST_CHANNELS || sounds->count != 1)
        return -1;
    for (int32_t number = 0; number <= count; number++) {
        const struct bf_sound *one = &sounds[number];
        if (!bf_is_sound(one, fit.channels))
            return -1;
        if (number)
            fit.scales[number - 1] = ldexp(1.0, bf_bits(sounds->format) - bf_bits(one->format));
    }
    int64_t frames = fit.frames = sounds->lengths[0] / (bf_width(sounds->format) * fit.channels);
    if (!frames)
        return 0;
    fit.rest = room;
    fit.time = fit.rest + (int64_t)fit.channels * MOST_FRAMES;
    fit.planes = (int32_t *)(fit.time + MOST_FRAMES);
    fit.scratch = fit.planes + (int64_t)fit.channels * MOST_FRAMES * (count + 1);

    if (fit_segment(&fit, 0, frames, BLOCKS, &whole))
        return 1;
    if (whole.found && whole.noise) {
        *result = (struct bf_fitted){1, 1, bf_count_bits(whole.power)};
        return 0;
    }
    /* The whole's terms wait in the first segment's place; what the pieces find goes one further, and moves up. */
    int64_t length = (frames + SEGMENTS - 1) / SEGMENTS, terms = (int64_t)count * fit.channels;
    double bits = 0;
    int number = 0, any = 0;
    for (int64_t at = 0; at < frames; at += length, number++) {
        int64_t size = frames - at < length ? frames - at : length;
        fit.weights = weights + (number + 1) * terms;
        fit.slopes = slopes + (number + 1) * terms;
        if (fit_segment(&fit, at, size, SEGMENT_BLOCKS, &piece))
            return 1;
        if (!piece.found) {
            memset(fit.weights, 0, sizeof(int32_t) * (size_t)terms);
            memset(fit.slopes, 0, sizeof(int32_t) * (size_t)terms);
        }
        any |= piece.found;
        bits += (double)size * (piece.found ? bf_count_bits(piece.power) : piece.plain);
    }
    bits /= (double)frames;
    if (!any)
        return 0;
    if (whole.found && bf_count_bits(whole.power) < bits + 0.1) {
        *result = (struct bf_fitted){1, 0, bf_count_bits(whole.power)};
        return 0;
    }
    if (bits > whole.plain - LEAST_GAIN_BITS / 2)
        return 0;
    memmove(weights, weights + terms, sizeof(int32_t) * (size_t)(terms * number));
    memmove(slopes, slopes + terms, sizeof(int32_t) * (size_t)(terms * number));
    *result = (struct bf_fitted){number, 0, bits};
    return 0;
}

static int is_whole(const struct bf_stretches *sound, int64_t frames) {
    return sound->channels > 0 && frames > 0 && bf_width(sound->format)
        && sound->size == frames * sound->channels * bf_width(sound->format);
}

/* Bits per sample of stretches by a fixed predictor. `room`: blocks * length * channels * 2 integers.
 *
 * Returns 0; 1 where the samples are no integers of 24 bits, -1 where the arguments cannot be.
 */
BF_EXPORT int bf_plain_bits(const struct bf_stretches *sound, int32_t blocks, int64_t length, int32_t *room,
                            double *bits) {
    int64_t samples = blocks * length * sound->channels;
    double energies[3] = {0};
    if (!is_whole(sound, blocks * length))
        return -1;
    if (bf_read_samples(sound->raw, samples, sound->format, room))
        return 1;
    bf_part_channels(room, blocks * length, sound->channels, room + samples, blocks * length, 0, sound->channels);
    for (int64_t row = 0; row < (int64_t)blocks * sound->channels; row++)
        bf_add_energies(room + samples + row * length, length, energies);
    *bits = bf_bits_of(energies, (int64_t)blocks * sound->channels, length);
    return 0;
}

/* Products of all sounds with each other, summed over channels: of the whole, then of each stretch.
 *
 * `products`: 1 + blocks by count by count. `room`: (count + 1) * blocks * length * channels of the first, integers. A
 * sound that is no integers of 24 bits counts as silence. Returns 0, -1 where the arguments cannot be.
 */
BF_EXPORT int bf_multiply_stretches(const struct bf_stretches *sounds, int32_t count, int32_t blocks, int64_t length,
                                    int32_t *room, double *products) {
    int64_t row = blocks * length;
    int32_t channels = sounds[0].channels;
    int32_t *planes = room + row * channels;
    for (int32_t i = 0; i < count; i++) {
        const struct bf_stretches *one = &sounds[i];
        if (!is_whole(one, row) || (one->channels != 1 && one->channels != channels))
            return -1;
        if (bf_read_samples(one->raw, row * one->channels, one->format, room))
            memset(room, 0, (size_t)(row * one->channels) * sizeof *room);
        bf_part_channels(room, row, one->channels, planes + i * row * channels, row, 0, channels);
    }
    memset(products, 0, sizeof(double) * (size_t)(count * count));
    for (int32_t block = 0; block < blocks; block++)
        for (int32_t i = 0; i < count; i++)
            for (int32_t j = 0; j <= i; j++) {
                const int32_t *a = planes + i * row * channels + block * length;
                const int32_t *b = planes + j * row * channels + block * length;
                double total = 0;
                for (int32_t channel = 0; channel < channels; channel++)
                    total += (double)bf_multiply(a + channel * row, b + channel * row, length);
                double *table = products + (1 + (int64_t)block) * count * count;
                table[i * count + j] = table[j * count + i] = total;
                products[i * count + j] += total;
                products[j * count + i] += i == j ? 0 : total;
            }
    return 0;
}

static int list_kept(const uint8_t *chosen, int32_t features, int *kept) {
    int count = 0;
    for (int32_t feature = 0; feature < features; feature++)
        if (chosen[feature])
            kept[count++] = feature + 1;
    return count;
}

/* Energy that the best gains of some features leave of sound 0. */
static double leave_energy(const double *products, int size, const int *kept, int count) {
    double solution[MOST_UNKNOWNS];
    double left = products[0] - bf_solve(products, size, kept, count, 0, solution, NULL);
    return left > 0 ? left : 0;
}

/* Which features are worth having: gains are fitted with all, then the least useful leave.
 *
 * `products` are bf_multiply_stretches', the target's first. `samples`: how many were multiplied, of each. `prices`: the
 * bits per sample that each must save. `chosen` says which may be had, and then which are. Returns 0, or -1 for more than
 * 32 features.
 */
BF_EXPORT int bf_choose_features(const double *products, int32_t features, double samples, const double *prices,
                                 uint8_t *chosen) {
    double solution[MOST_UNKNOWNS], worth[MOST_UNKNOWNS];
    int kept[MOST_UNKNOWNS] = {0}, size = features + 1;
    if (features < 0 || features > MOST_UNKNOWNS)
        return -1;
    for (int32_t feature = 0; feature < features; feature++)
        chosen[feature] &= products[(feature + 1) * (size + 1)] > 0;
    for (;;) {
        int count = list_kept(chosen, features, kept), least = -1;
        double left = products[0] - bf_solve(products, size, kept, count, 0, solution, worth), gain = 0;
        left = left > 0 ? left : 0;
        double now = bf_count_bits(left / samples);
        for (int i = 0; i < count; i++) {
            double saved = bf_count_bits((left + worth[i]) / samples) - now - prices[kept[i] - 1];
            if (least < 0 || saved < gain) {
                least = i;
                gain = saved;
            }
        }
        if (least < 0 || gain >= 0)
            return 0;
        chosen[kept[least] - 1] = 0;
    }
}

/* Bits per sample that the gains of chosen features leave: of the whole or, where that is not below `explained`, of
 * each stretch by itself. `products` are bf_multiply_stretches'; `samples` are of one stretch. At most 32 features.
 */
BF_EXPORT double bf_count_left(const double *products, int32_t features, int32_t blocks, double samples,
                               const uint8_t *chosen, double explained) {
    int kept[MOST_UNKNOWNS], size = features + 1;
    int count = list_kept(chosen, features, kept);
    double bits = bf_count_bits(leave_energy(products, size, kept, count) / (samples * blocks)), left = 0;
    if (bits < explained)
        return bits;
    for (int32_t block = 0; block < blocks; block++)
        left += leave_energy(products + (1 + (int64_t)block) * size * size, size, kept, count);
    return bf_count_bits(left / (samples * blocks));
}
