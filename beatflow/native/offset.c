/* Where a stretch of sound lies in another, whatever its gain and sign.
 *
 * The twin of find_offset in sound/fit.py and of predicting/trial.py, whose words it uses. Correlates in single precision,
 * by Fourier transforms of blocks. It decides only how small what is stored becomes.
 */
#include "samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHANNELS = 8, PIECE = 4096 };

#define PI 3.14159265358979323846
#define MOST_FRAMES ((int64_t)1 << 24) /* of a probe */
/* Stretches of next to nothing correlate with anything; they must not win by dividing by it. */
#define FLOOR 1e-3
#define LEAST 1e-20

/* Frames of a sound, -1 where it cannot be one. */
static int64_t count_frames(const struct bf_stretches *sound) {
    if (sound->channels < 1 || sound->channels > MOST_CHANNELS || !bf_width(sound->format) || sound->size < 0)
        return -1;
    int64_t width = (int64_t)bf_width(sound->format) * sound->channels;
    return sound->size % width ? -1 : sound->size / width;
}

/* All channels of each frame in one. Not 0: they are no integers. */
static int read_mono(const struct bf_stretches *sound, int64_t first, int64_t length, int32_t *out) {
    int32_t samples[PIECE];
    int channels = sound->channels;
    const uint8_t *raw = sound->raw + first * channels * bf_width(sound->format);
    for (int64_t at = 0; at < length; at += PIECE / channels) {
        int64_t frames = length - at < PIECE / channels ? length - at : PIECE / channels;
        if (bf_read_samples(raw + at * channels * bf_width(sound->format), frames * channels, sound->format, samples))
            return 1;
        for (int64_t n = 0; n < frames; n++) {
            int32_t total = 0;
            for (int channel = 0; channel < channels; channel++)
                total += samples[n * channels + channel];
            out[at + n] = total;
        }
    }
    return 0;
}

/* Where the loudest of the stretches of `length` frames lies that begin at every `step` frames; the first of several.
 *
 * `room`: a number for each frame. Samples that are no integers of 24 bits count as silence. Returns 0, -1 where the
 * arguments cannot be.
 */
BF_EXPORT int bf_find_loudest(const struct bf_stretches *sound, int64_t length, int64_t step, int32_t *room,
                              int64_t *start) {
    int64_t frames = count_frames(sound), most = -1;
    if (frames < 0 || length < 1 || length > frames || step < 1)
        return -1;
    *start = 0;
    if (read_mono(sound, 0, frames, room))
        return 0;
    for (int64_t at = 0; at <= frames - length; at += step) {
        int64_t total = 0;
        for (int64_t n = at; n < at + length; n++)
            total += abs(room[n]);
        if (total > most) {
            most = total;
            *start = at;
        }
    }
    return 0;
}

/* Second differences of a sound's frames in mono, two fewer than these: they count the highs as much as the lows. */
static void read_bends(const struct bf_stretches *sound, int64_t frames, float *out) {
    int32_t mono[PIECE];
    for (int64_t at = 0; at + 2 < frames; at += PIECE - 2) {
        int64_t length = frames - at < PIECE ? frames - at : PIECE;
        if (read_mono(sound, at, length, mono)) {
            memset(out, 0, (size_t)(frames - 2) * sizeof *out);
            return;
        }
        for (int64_t n = 0; n + 2 < length; n++)
            out[at + n] = (float)(mono[n + 2] - 2 * mono[n + 1] + mono[n]);
    }
}

/* A Fourier transform of `size` complex numbers, a power of two, whose parts lie in two rows. At `half` in the tables
 * begin the cosines and sines of angles 0 to pi in `half` steps.
 */
struct fourier {
    int64_t size;
    float *cosines, *sines;
};

static void prepare(const struct fourier *fourier) {
    int64_t most = fourier->size / 2;
    for (int64_t n = 0; n < most; n++) {
        double angle = PI * (double)n / (double)most;
        fourier->cosines[most + n] = (float)cos(angle);
        fourier->sines[most + n] = (float)sin(angle);
    }
    for (int64_t n = most - 1; n > 0; n--) {
        fourier->cosines[n] = fourier->cosines[2 * n];
        fourier->sines[n] = fourier->sines[2 * n];
    }
}

/* Transform in place; frequencies come out in the order of their reversed bits. */
BF_CLONES static void transform(const struct fourier *fourier, float *real, float *imaginary) {
    for (int64_t half = fourier->size / 2; half; half /= 2)
        for (int64_t at = 0; at < fourier->size; at += 2 * half) {
            float *restrict a = real + at, *restrict b = imaginary + at;
            float *restrict c = a + half, *restrict d = b + half;
            const float *restrict cosine = fourier->cosines + half, *restrict sine = fourier->sines + half;
            for (int64_t n = 0; n < half; n++) {
                float x = a[n] - c[n], y = b[n] - d[n];
                a[n] += c[n];
                b[n] += d[n];
                c[n] = x * cosine[n] + y * sine[n];
                d[n] = y * cosine[n] - x * sine[n];
            }
        }
}

/* Undo `transform`, but for a factor of `size`. */
BF_CLONES static void transform_back(const struct fourier *fourier, float *real, float *imaginary) {
    for (int64_t half = 1; half < fourier->size; half *= 2)
        for (int64_t at = 0; at < fourier->size; at += 2 * half) {
            float *restrict a = real + at, *restrict b = imaginary + at;
            float *restrict c = a + half, *restrict d = b + half;
            const float *restrict cosine = fourier->cosines + half, *restrict sine = fourier->sines + half;
            for (int64_t n = 0; n < half; n++) {
                float x = c[n] * cosine[n] - d[n] * sine[n], y = d[n] * cosine[n] + c[n] * sine[n];
                c[n] = a[n] - x;
                d[n] = b[n] - y;
                a[n] += x;
                b[n] += y;
            }
        }
}

/* Multiply by the conjugates of some numbers. */
BF_CLONES static void multiply(float *restrict real, float *restrict imaginary, const float *restrict a,
                               const float *restrict b, int64_t size) {
    for (int64_t n = 0; n < size; n++) {
        float x = real[n] * a[n] + imaginary[n] * b[n];
        imaginary[n] = imaginary[n] * a[n] - real[n] * b[n];
        real[n] = x;
    }
}

static void copy_stretch(float *to, const float *from, int64_t first, int64_t count, int64_t size) {
    int64_t length = first >= count ? 0 : count - first < size ? count - first : size;
    if (length)
        memcpy(to, from + first, (size_t)length * sizeof *to);
    memset(to + length, 0, (size_t)(size - length) * sizeof *to);
}

/* A transform of so many numbers takes a probe's bends and, beside them, three times as many of a region's. */
static int64_t choose_size(int64_t bends) {
    int64_t size = 1024;
    while (size < 4 * bends)
        size *= 2;
    return size;
}

/* Bytes that bf_find_offset needs for frames of a probe and of a region, -1 for more than there may be. */
BF_EXPORT int64_t bf_offset_room(int64_t probe, int64_t region) {
    if (probe < 0 || region < 0 || probe > MOST_FRAMES || region > INT64_MAX / 16)
        return -1;
    return (6 * choose_size(probe) + region) * (int64_t)sizeof(float);
}

/* The energy of `count` numbers; of those that begin one further on, given that. */
static double sum_squares(const float *x, int64_t count) {
    double total = 0;
    for (int64_t n = 0; n < count; n++)
        total += (double)x[n] * x[n];
    return total;
}

static double step_on(double energy, const float *x, int64_t count) {
    return energy + ((double)x[count] * x[count] - (double)x[0] * x[0]);
}

/* At which frame of a region a probe is most like it, and how much: the magnitude of their normalised correlation.
 *
 * The place is 0 and the likeness 0 where the probe has fewer than 3 frames or more than the region. What is no integers
 * of 24 bits counts as silence. Returns 0, -1 where the arguments cannot be.
 */
BF_EXPORT int bf_find_offset(const struct bf_stretches *probe, const struct bf_stretches *region, float *room,
                             int64_t *place, double *likeness) {
    int64_t frames = count_frames(probe), around = count_frames(region);
    if (frames < 0 || around < 0 || bf_offset_room(frames, around) < 0)
        return -1;
    *place = 0;
    *likeness = 0;
    if (frames < 3 || frames > around)
        return 0;
    int64_t length = frames - 2, count = around - 2, lags = around - frames + 1, size = choose_size(length);
    float *real = room, *imaginary = real + size, *a = imaginary + size, *b = a + size;
    struct fourier fourier = {size, b + size, b + 2 * size};
    float *bends = fourier.sines + size;
    read_bends(probe, frames, a);
    read_bends(region, around, bends);
    double energy = sum_squares(a, length), local = sum_squares(bends, length), most = local, best = 0;
    for (int64_t lag = 1; lag < lags; lag++) {
        local = step_on(local, bends + lag - 1, length);
        most = local > most ? local : most;
    }
    double least = FLOOR * most + LEAST;

    prepare(&fourier);
    memset(a + length, 0, (size_t)(2 * size - length) * sizeof *a);
    transform(&fourier, a, b);
    /* Two stretches of the region at once, one in each part: what comes back of one is real, of the other imaginary. */
    int64_t valid = size - length + 1;
    local = sum_squares(bends, length);
    for (int64_t first = 0; first < lags; first += 2 * valid) {
        copy_stretch(real, bends, first, count, size);
        copy_stretch(imaginary, bends, first + valid, count, size);
        transform(&fourier, real, imaginary);
        multiply(real, imaginary, a, b, size);
        transform_back(&fourier, real, imaginary);
        for (int64_t n = 0; n < 2 * valid && first + n < lags; n++) {
            double product = n < valid ? real[n] : imaginary[n - valid];
            double like = product * product / (local > least ? local : least);
            if (like > best) {
                best = like;
                *place = first + n;
            }
            if (first + n + 1 < lags)
                local = step_on(local, bends + first + n, length);
        }
    }
    *likeness = energy > 0 ? sqrt(best / energy) / (double)size : 0;
    return 0;
}
