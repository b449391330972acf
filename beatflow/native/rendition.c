/* The sum of stems, each with a gain for each channel, as it stands in a mix's file: docs/format.md, "Rendition". The twin
 * of objects/portable/rendition.py.
 *
 * Sums are whole numbers of at most 2^53, carried in double, so that their order means nothing.
 */
#include <float.h>
#include <string.h>

#include "samples.h"
#include "rounding.h"

#define CHANNELS 8
#define SAMPLES 2048 /* of a block, all channels, at most */

#define HIGHEST 8388607.0
#define LOWEST (-8388608.0)

/* Frames of a stem as they stand in its file; they begin at frame `begin` of the mix, which may be negative. */
typedef struct {
    const uint8_t *data;
    int64_t frames, begin;
    int32_t format, channels;
    uint32_t gains[CHANNELS];
} bf_part;

static inline uint32_t load32(const uint8_t *at, int big) {
    return big ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
               : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static inline void store32(uint8_t *at, uint32_t word, int big) {
    for (int i = 0; i < 4; i++)
        at[big ? 3 - i : i] = (uint8_t)(word >> 8 * i);
}

/* The nearest number of single precision to each sample that is finer than 24 bits, at -2^23 to 2^23; returns 1 where one is none. */
BF_CLONES static uint32_t read_singles(const uint8_t *raw, int64_t count, int format, float *out) {
    const int width = bf_width(format), big = !(format & 1);
    uint32_t wrong = 0;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *at = raw + width * i;
        float found;
        uint32_t word = load32(at, big);
        if (width == 8) {
            uint32_t other = load32(at + 4, big);
            uint64_t words = big ? (uint64_t)word << 32 | other : (uint64_t)other << 32 | word;
            double fine;
            memcpy(&fine, &words, 8);
            found = (float)fine;
        } else if (format == BF_F32LE || format == BF_F32BE) {
            memcpy(&found, &word, 4);
        } else {
            found = (float)(int32_t)word;
        }
        memcpy(&word, &found, 4);
        wrong |= (uint32_t)((word & 0x7F800000u) == 0x7F800000u);
        out[i] = found * (width == 4 && format < BF_F32LE ? 1.0f / 256.0f : 8388608.0f);
    }
    return wrong;
}

BF_CLONES static void limit(const float *found, int64_t count, int32_t *out) {
    for (int64_t i = 0; i < count; i++) {
        out[i] = limit_and_round(found[i], LOWEST, HIGHEST);
    }
}

/* Samples of a stem as integers of 24 bits; returns 1 where some are no numbers. */
static int read_stem(const uint8_t *raw, int64_t count, int format, int32_t *out) {
    if (bf_width(format) < 4) {
        const int unused = 24 - bf_bits(format);
        bf_read_samples(raw, count, format, out);
        for (int64_t i = 0; unused && i < count; i++)
            out[i] *= 1 << unused;
        return 0;
    }
    float singles[SAMPLES];
    if (read_singles(raw, count, format, singles))
        return 1;
    limit(singles, count, out);
    return 0;
}

BF_CLONES static void add_evenly(double *total, const int32_t *found, int64_t count, double gain) {
    for (int64_t i = 0; i < count; i++)
        total[i] += gain * found[i];
}

BF_CLONES static void add_pairs(double *total, const int32_t *found, int64_t frames, double left, double right) {
    for (int64_t n = 0; n < frames; n++) {
        total[2 * n] += left * found[2 * n];
        total[2 * n + 1] += right * found[2 * n + 1];
    }
}

BF_CLONES static void add_mono(double *total, const int32_t *found, int64_t frames, int channels, int channel, double gain) {
    for (int64_t n = 0; n < frames; n++)
        total[n * channels + channel] += gain * found[n];
}

static void add_part(double *total, const int32_t *found, int64_t frames, const bf_part *part, int channels) {
    int even = part->channels == channels;
    for (int c = 1; c < channels; c++)
        even &= part->gains[c] == part->gains[0];
    if (even)
        add_evenly(total, found, frames * channels, part->gains[0]);
    else if (part->channels == 1)
        for (int c = 0; c < channels; c++)
            add_mono(total, found, frames, channels, c, part->gains[c]);
    else if (channels == 2)
        add_pairs(total, found, frames, part->gains[0], part->gains[1]);
    else
        for (int64_t n = 0; n < frames; n++)
            for (int c = 0; c < channels; c++)
                total[n * channels + c] += (double)part->gains[c] * found[n * channels + c];
}

BF_CLONES static void round_levels(const double *total, int64_t count, int bits, int32_t *out) {
    const double unit = 1.0 / (double)((int64_t)1 << (44 - bits)), highest = (double)((1 << (bits - 1)) - 1), lowest = -highest - 1.0;
    for (int64_t i = 0; i < count; i++) {
        out[i] = limit_and_round(total[i] * unit, lowest, highest);
    }
}

static void write_floats(const double *total, int64_t count, int format, uint8_t *raw) {
    const int big = !(format & 1), width = bf_width(format);
    for (int64_t i = 0; i < count; i++) {
        float single = (float)(total[i] * (1.0 / 8796093022208.0)); /* 2^43 */
        uint8_t *at = raw + width * i;
        if (width == 4) {
            uint32_t word;
            memcpy(&word, &single, 4);
            store32(at, word, big);
        } else {
            double wide = single;
            uint64_t word;
            memcpy(&word, &wide, 8);
            store32(at + (big ? 0 : 4), (uint32_t)(word >> 32), big);
            store32(at + (big ? 4 : 0), (uint32_t)word, big);
        }
    }
}

/* `frames` of a mix, of 1 to 8 channels, as the sum of parts, each of one channel or as many. Returns 0; 1 where a part has
 * samples that are no numbers, wherever in it. */
BF_EXPORT int bf_render(const bf_part *parts, int32_t part_count, int format, int channels, int64_t frames, uint8_t *raw) {
    double total[SAMPLES];
    int32_t found[SAMPLES];
    const int64_t most = SAMPLES / CHANNELS * CHANNELS / channels;
    for (int32_t i = 0; i < part_count; i++) {
        const bf_part *part = &parts[i];
        const int width = bf_width(part->format);
        const int64_t size = part->frames * part->channels;
        for (int64_t at = 0; width >= 4 && at < size; at += SAMPLES)
            if (read_stem(part->data + at * width, size - at < SAMPLES ? size - at : SAMPLES, part->format, found))
                return 1;
    }
    for (int64_t at = 0; at < frames; at += most) {
        const int64_t count = frames - at < most ? frames - at : most;
        memset(total, 0, sizeof *total * (size_t)(count * channels));
        for (int32_t i = 0; i < part_count; i++) {
            const bf_part *part = &parts[i];
            const int64_t end = part->begin + part->frames;
            const int64_t low = part->begin > at ? part->begin : at, high = end < at + count ? end : at + count;
            if (low >= high)
                continue;
            const int64_t place = (low - part->begin) * part->channels;
            read_stem(part->data + place * bf_width(part->format), (high - low) * part->channels, part->format, found);
            add_part(total + (low - at) * channels, found, high - low, part, channels);
        }
        uint8_t *out = raw + at * channels * bf_width(format);
        if (format >= BF_F32LE) {
            write_floats(total, count * channels, format, out);
        } else {
            round_levels(total, count * channels, bf_bits(format), found);
            bf_write_samples(found, count * channels, format, out);
        }
    }
    return 0;
}
