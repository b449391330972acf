/* What fits share: sounds as they are given, and least squares. */
#include "squares.h"

#include <math.h>
#include <string.h>

/* Of features that say the same, none is preferred, and what they say together is well determined. */
#define RIDGE 1e-12
#define LEAST_PIVOT 1e-14
#define TWO_PI_E 17.079468445347132

double bf_count_bits(double power) {
    double bits = 0.5 * log2(TWO_PI_E * (power + 1.0 / 12));
    return bits > 0 ? bits : 0;
}

int bf_spread(int64_t frames, int count, int64_t length, int64_t *starts) {
    starts[0] = 0;
    if (frames <= length || count == 1)
        return 1;
    int found = 0;
    for (int step = 0; step < count; step++) {
        int64_t at = llrint((double)step * (double)(frames - length) / (count - 1));
        if (!found || at != starts[found - 1])
            starts[found++] = at;
    }
    return found;
}

int bf_is_sound(const struct bf_sound *sound, int32_t channels) {
    if (!bf_width(sound->format) || (sound->channels != 1 && sound->channels != channels))
        return 0;
    for (int32_t chunk = 0; chunk < sound->count; chunk++)
        if (sound->lengths[chunk] % (bf_width(sound->format) * sound->channels))
            return 0;
    return 1;
}

int bf_read_frames(const struct bf_sound *sound, int64_t first, int64_t length, int32_t *out) {
    int64_t width = (int64_t)bf_width(sound->format) * sound->channels, begin = 0;
    memset(out, 0, (size_t)(length * sound->channels) * sizeof *out);
    for (int32_t number = 0; number < sound->count && begin < first + length; number++) {
        int64_t end = begin + sound->lengths[number] / width;
        int64_t low = first > begin ? first : begin;
        int64_t high = first + length < end ? first + length : end;
        if (low < high) {
            const uint8_t *raw = sound->chunks[number] + (low - begin) * width;
            int32_t *target = out + (low - first) * sound->channels;
            if (bf_read_samples(raw, (high - low) * sound->channels, sound->format, target))
                return 1;
        }
        begin = end;
    }
    return 0;
}

void bf_part_channels(const int32_t *frames, int64_t length, int32_t channels, int32_t *planes, int64_t row, int64_t at,
                      int32_t outputs) {
    for (int32_t output = 0; output < outputs; output++) {
        const int32_t *from = frames + (channels == 1 ? 0 : output);
        int32_t *to = planes + output * row + at;
        for (int64_t n = 0; n < length; n++)
            to[n] = from[n * channels];
    }
}

BF_CLONES int64_t bf_multiply(const int32_t *a, const int32_t *b, int64_t length) {
    int64_t total = 0;
    for (int64_t n = 0; n < length; n++)
        total += (int64_t)a[n] * b[n];
    return total;
}

BF_CLONES void bf_add_energies(const int32_t *x, int64_t length, double *energies) {
    int64_t plain = 0, steps = 0, bends = 0;
    for (int64_t n = 0; n < length; n++)
        plain += (int64_t)x[n] * x[n];
    for (int64_t n = 1; n < length; n++) {
        int32_t step = x[n] - x[n - 1];
        steps += (int64_t)step * step;
    }
    for (int64_t n = 2; n < length; n++) {
        int32_t bend = x[n] - 2 * x[n - 1] + x[n - 2];
        bends += (int64_t)bend * bend;
    }
    energies[0] += (double)plain;
    energies[1] += (double)steps;
    energies[2] += (double)bends;
}

double bf_bits_of(const double *energies, int64_t rows, int64_t length) {
    double least = HUGE_VAL;
    for (int order = 0; order < 3 && order < length; order++) {
        double bits = bf_count_bits(energies[order] / (double)(rows * (length - order)));
        least = bits < least ? bits : least;
    }
    return least < HUGE_VAL ? least : 0;
}

double bf_solve(const double *products, int size, const int *kept, int count, int wanted, double *solution,
                double *worth) {
    double lower[MOST_UNKNOWNS][MOST_UNKNOWNS], scale[MOST_UNKNOWNS], moment[MOST_UNKNOWNS], unit[MOST_UNKNOWNS];
    for (int i = 0; i < count; i++) {
        double energy = products[kept[i] * size + kept[i]];
        scale[i] = energy > 0 ? sqrt(energy) : 1.0;
        moment[i] = products[kept[i] * size + wanted] / scale[i];
    }
    for (int i = 0; i < count; i++)
        for (int j = 0; j <= i; j++) {
            double sum = products[kept[i] * size + kept[j]] / scale[i] / scale[j] + (i == j ? RIDGE : 0);
            for (int k = 0; k < j; k++)
                sum -= lower[i][k] * lower[j][k];
            lower[i][j] = i == j ? sqrt(sum > LEAST_PIVOT ? sum : LEAST_PIVOT) : sum / lower[j][j];
        }
    for (int i = 0; i < count; i++) {
        unit[i] = moment[i];
        for (int k = 0; k < i; k++)
            unit[i] -= lower[i][k] * unit[k];
        unit[i] /= lower[i][i];
    }
    for (int i = count - 1; i >= 0; i--) {
        for (int k = i + 1; k < count; k++)
            unit[i] -= lower[k][i] * unit[k];
        unit[i] /= lower[i][i];
    }
    double explained = 0;
    for (int i = 0; i < count; i++) {
        explained += moment[i] * unit[i] + RIDGE * unit[i] * unit[i];
        solution[i] = unit[i] / scale[i];
    }
    for (int i = 0; worth && i < count; i++) {
        /* Without unknown i, the energy that is left grows by its square over the inverse's diagonal. */
        double column[MOST_UNKNOWNS], inverse = 0;
        for (int row = i; row < count; row++) {
            column[row] = row == i;
            for (int k = i; k < row; k++)
                column[row] -= lower[row][k] * column[k];
            column[row] /= lower[row][row];
            inverse += column[row] * column[row];
        }
        worth[i] = unit[i] * unit[i] / inverse;
    }
    return explained;
}
