/* The numerical half of the FLAC encoder; RFC 9639 names what is computed here.
 *
 * Floating point decides which predictor is taken, never what a stream decodes to: residuals are whole numbers.
 */
#include <string.h>

#include "flac_model.h"

enum { LANES = 4, RUN = 1024, LEAST_PRECISION = 11 };

static const uint64_t NARROW = (uint64_t)1 << 31;

double bf_flac_log2(double value) {
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    int exponent = (int)(word >> 52 & 0x7ff) - 1023;
    word = (word & 0xfffffffffffffu) | (uint64_t)1023 << 52;
    double part;
    memcpy(&part, &word, sizeof part);
    /* A parabola through log2 at 1, sqrt(2) and 2. */
    return exponent + (part - 1.0) * (1.0 - 0.344 * (part - 2.0));
}

static inline uint32_t magnitude(int32_t value) { return (uint32_t)(value < 0 ? -value : value); }

static inline uint32_t fold(int32_t value) { return (uint32_t)value << 1 ^ (uint32_t)(value >> 31); }

BF_CLONES void bf_flac_survey(const int32_t *x, int count, uint32_t *changing, uint32_t *used, uint32_t *most) {
    uint32_t differing = 0, any = 0, largest = 0;
    int32_t first = x[0];
    for (int n = 0; n < count; n++) {
        uint32_t size = magnitude(x[n]);
        differing |= (uint32_t)(x[n] ^ first);
        any |= (uint32_t)x[n];
        largest = size > largest ? size : largest;
    }
    *changing = differing;
    *used = any;
    *most = largest;
}

BF_CLONES void bf_flac_middle(const int32_t *left, const int32_t *right, int count, int32_t *middle, int32_t *side) {
    for (int n = 0; n < count; n++) {
        int32_t one = left[n], other = right[n];
        middle[n] = (one + other) >> 1;
        side[n] = one - other;
    }
}

/* Values of 17 bits have fourth differences of 21, of which 2^11 fit into 32 bits. */
static inline void differences_of_run(const int32_t *x, int count, uint64_t sums[FLAC_FIXED + 1]) {
    uint32_t a = 0, b = 0, c = 0, d = 0, e = 0;
    for (int n = 0; n < count; n++) {
        int32_t first = x[n] - x[n - 1], before = x[n - 1] - x[n - 2], earlier = x[n - 2] - x[n - 3];
        int32_t second = first - before, second_before = before - earlier;
        int32_t third = second - second_before;
        int32_t fourth = third - (second_before - (earlier - (x[n - 3] - x[n - 4])));
        a += magnitude(x[n]);
        b += magnitude(first);
        c += magnitude(second);
        d += magnitude(third);
        e += magnitude(fourth);
    }
    sums[0] += a;
    sums[1] += b;
    sums[2] += c;
    sums[3] += d;
    sums[4] += e;
}

static inline void wide_differences(const int32_t *x, int count, uint64_t sums[FLAC_FIXED + 1]) {
    uint64_t a = 0, b = 0, c = 0, d = 0, e = 0;
    for (int n = 0; n < count; n++) {
        int32_t first = x[n] - x[n - 1], before = x[n - 1] - x[n - 2], earlier = x[n - 2] - x[n - 3];
        int32_t second = first - before, second_before = before - earlier;
        int32_t third = second - second_before;
        int32_t fourth = third - (second_before - (earlier - (x[n - 3] - x[n - 4])));
        a += magnitude(x[n]);
        b += magnitude(first);
        c += magnitude(second);
        d += magnitude(third);
        e += magnitude(fourth);
    }
    sums[0] += a;
    sums[1] += b;
    sums[2] += c;
    sums[3] += d;
    sums[4] += e;
}

BF_CLONES void bf_flac_differences(const int32_t *x, int count, int wide, uint64_t sums[FLAC_FIXED + 1]) {
    memset(sums, 0, (FLAC_FIXED + 1) * sizeof *sums);
    if (wide) {
        if (count > FLAC_FIXED) wide_differences(x + FLAC_FIXED, count - FLAC_FIXED, sums);
        return;
    }
    for (int start = FLAC_FIXED; start < count; start += RUN)
        differences_of_run(x + start, count - start < RUN ? count - start : RUN, sums);
}

void bf_flac_window(int count, flac_window *window) {
    float step = 1.0f / (float)(count / 4 + 1);
    for (int n = 0; n < count / 4; n++) {
        float t = (float)(n + 1) * step;
        window->rise[n] = t * t * (3.0f - 2.0f * t);
    }
    window->count = count;
}

BF_CLONES static void fade(const int32_t *x, const flac_window *window, double *out) {
    int count = window->count, rise = count / 4;
    for (int n = 0; n < rise; n++) out[n] = (double)x[n] * window->rise[n];
    for (int n = rise; n < count - rise; n++) out[n] = x[n];
    for (int n = 0; n < rise; n++) out[count - 1 - n] = (double)x[count - 1 - n] * window->rise[n];
}

/* Four numbers that are added and multiplied at once, by the compiler's own means where it has them. */
#if defined(__GNUC__)
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef double loose_lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(8), may_alias));
#define LOAD(from) (*(const loose_lanes *)(from))
#define ADD_PRODUCT(sum, one, other) ((sum) += (one) * (other))
#define LANE(from, lane) ((from)[lane])
#else
typedef struct {
    double of[LANES];
} lanes;
#define LOAD(from) (*(const lanes *)(from))
#define ADD_PRODUCT(sum, one, other) \
    for (int lane = 0; lane < LANES; lane++) (sum).of[lane] += (one).of[lane] * (other).of[lane]
#define LANE(from, lane) ((from).of[lane])
#endif

/* Sums of products of samples 0 … 8 apart. `w` has zeros around it: 8 before, up to a multiple of LANES after. */
BF_CLONES static void correlate(const double *w, int count, double *out) {
    lanes sum[FLAC_ORDER + 1];
    memset(sum, 0, sizeof sum);
    for (int n = 0; n < count; n += LANES) {
        const lanes now = LOAD(w + n);
        for (int lag = 0; lag <= FLAC_ORDER; lag++) ADD_PRODUCT(sum[lag], now, LOAD(w + n - lag));
    }
    for (int lag = 0; lag <= FLAC_ORDER; lag++) {
        out[lag] = 0.0;
        for (int lane = 0; lane < LANES; lane++) out[lag] += LANE(sum[lag], lane);
    }
}

/* Levinson and Durbin's recursion: predictors of all orders and what each leaves. Returns the last order that holds. */
static int solve(const double *correlation, double lpc[FLAC_ORDER][FLAC_ORDER], double error[FLAC_ORDER]) {
    double now[FLAC_ORDER] = {0.0}, left = correlation[0];
    for (int order = 0; order < FLAC_ORDER; order++) {
        if (!(left > 0.0)) return order;
        double sum = correlation[order + 1];
        for (int j = 0; j < order; j++) sum -= now[j] * correlation[order - j];
        double reflection = sum / left;
        for (int j = 0; j < order / 2; j++) {
            double one = now[j], other = now[order - 1 - j];
            now[j] = one - reflection * other;
            now[order - 1 - j] = other - reflection * one;
        }
        if (order & 1) now[order / 2] -= reflection * now[order / 2];
        now[order] = reflection;
        left *= 1.0 - reflection * reflection;
        if (!(left >= 0.0)) return order;
        memcpy(lpc[order], now, sizeof now);
        error[order] = left;
    }
    return FLAC_ORDER;
}

/* Coefficients as integers of `precision` bits; what rounding takes from one is given to the next. */
static int quantise(const double *lpc, int order, int precision, flac_predictor *found) {
    double largest = 0.0;
    for (int j = 0; j < order; j++) {
        double size = lpc[j] < 0.0 ? -lpc[j] : lpc[j];
        largest = size > largest ? size : largest;
    }
    if (!(largest > 1e-6 && largest < 1e6)) return 0;
    int limit = (1 << (precision - 1)) - 1, shift = 15;
    while (shift > 0 && largest * (double)(1 << shift) > (double)limit) shift--;
    if (largest * (double)(1 << shift) > (double)limit) return 0;
    double carried = 0.0;
    int any = 0;
    for (int j = 0; j < order; j++) {
        double exact = lpc[j] * (double)(1 << shift) + carried;
        int32_t rounded = (int32_t)(exact + (exact < 0.0 ? -0.5 : 0.5));
        rounded = rounded > limit ? limit : rounded < -limit ? -limit : rounded;
        carried = exact - rounded;
        found->coefficient[j] = rounded;
        any |= rounded;
    }
    found->order = order;
    found->precision = precision;
    found->shift = shift;
    return any != 0;
}

/* No sum of products is larger. */
static uint64_t largest_sum(const flac_predictor *predictor, uint32_t most) {
    uint64_t total = 0;
    for (int j = 0; j < FLAC_ORDER; j++) total += magnitude(predictor->coefficient[j]);
    return total * most;
}

void bf_flac_predictor(const int32_t *x, int bits, uint32_t most, const flac_window *window, flac_predictor *found) {
    const int count = window->count;
    double windowed[FLAC_PAD + FLAC_BLOCK + LANES];
    double correlation[FLAC_ORDER + 1], lpc[FLAC_ORDER][FLAC_ORDER], error[FLAC_ORDER];
    memset(found, 0, sizeof *found);
    if (count <= 4 * FLAC_ORDER) return;
    memset(windowed, 0, FLAC_PAD * sizeof *windowed);
    fade(x, window, windowed + FLAC_PAD);
    memset(windowed + FLAC_PAD + count, 0, LANES * sizeof *windowed);
    correlate(windowed + FLAC_PAD, count, correlation);
    int orders = solve(correlation, lpc, error), best = 0;
    int precision = bits <= 9 ? 8 : 14;
    double least = 0.0;
    for (int order = 1; order <= orders; order++) {
        double each = 0.5 * bf_flac_log2(0.24 * error[order - 1] / count + 1e-9);
        double cost = (each > 0.0 ? each : 0.0) * (count - order) + order * (bits + precision);
        if (best == 0 || cost < least) {
            best = order;
            least = cost;
        }
    }
    do {
        if (best == 0 || !quantise(lpc[best - 1], best, precision, found)) {
            found->order = 0;
            return;
        }
        /* Sums of 32 bits take a fifth of the time, and a few bits of precision are worth little. */
    } while (bits <= 17 && largest_sum(found, most) >= NARROW && precision-- > LEAST_PRECISION);
}

static inline void predict_narrow(
    const int32_t *x, int count, int taps, const int32_t *coefficient, int shift, uint32_t *out
) {
    for (int n = 0; n < count; n++) {
        int32_t sum = 0;
        for (int j = 0; j < taps; j++) sum += coefficient[j] * x[n - 1 - j];
        out[n] = fold(x[n] - (sum >> shift));
    }
}

BF_CLONES static void predict_in_32_bits(const int32_t *x, int count, const flac_predictor *p, uint32_t *out) {
    if (p->order <= 2)
        predict_narrow(x, count, 2, p->coefficient, p->shift, out);
    else if (p->order <= 4)
        predict_narrow(x, count, 4, p->coefficient, p->shift, out);
    else if (p->order <= 6)
        predict_narrow(x, count, 6, p->coefficient, p->shift, out);
    else
        predict_narrow(x, count, 8, p->coefficient, p->shift, out);
}

/* A shift to the right of signed 64 bits by way of unsigned ones, which vector units have. */
BF_CLONES static void predict_in_64_bits(const int32_t *x, int count, const flac_predictor *p, uint32_t *out) {
    const uint64_t lift = (uint64_t)1 << 62;
    const int shift = p->shift;
    const int32_t back = (int32_t)(uint32_t)(lift >> shift);
    int32_t c[FLAC_ORDER];
    memcpy(c, p->coefficient, sizeof c);
    for (int n = 0; n < count; n++) {
        int64_t sum = (int64_t)lift;
        for (int j = 0; j < FLAC_ORDER; j++) sum += (int64_t)c[j] * x[n - 1 - j];
        out[n] = fold((int32_t)((uint32_t)x[n] - ((uint32_t)((uint64_t)sum >> shift) - (uint32_t)back)));
    }
}

int bf_flac_predict(const int32_t *x, int count, uint32_t most, const flac_predictor *predictor, uint32_t *out) {
    uint64_t bound = largest_sum(predictor, most);
    if ((bound >> predictor->shift) + most >= (uint64_t)1 << 30) return 0;
    int order = predictor->order;
    if (bound < NARROW)
        predict_in_32_bits(x, count, predictor, out);
    else
        predict_in_64_bits(x, count, predictor, out);
    memset(out, 0, (size_t)order * sizeof *out);
    return 1;
}

BF_CLONES void bf_flac_difference(const int32_t *x, int count, int order, uint32_t *out) {
    switch (order) {
    case 0:
        for (int n = 0; n < count; n++) out[n] = fold(x[n]);
        break;
    case 1:
        for (int n = 0; n < count; n++) out[n] = fold(x[n] - x[n - 1]);
        break;
    case 2:
        for (int n = 0; n < count; n++) out[n] = fold(x[n] - 2 * x[n - 1] + x[n - 2]);
        break;
    case 3:
        for (int n = 0; n < count; n++) out[n] = fold(x[n] - 3 * x[n - 1] + 3 * x[n - 2] - x[n - 3]);
        break;
    default:
        for (int n = 0; n < count; n++) out[n] = fold(x[n] - 4 * x[n - 1] + 6 * x[n - 2] - 4 * x[n - 3] + x[n - 4]);
    }
    memset(out, 0, (size_t)order * sizeof *out);
}

BF_CLONES void bf_flac_parts(const uint32_t *residual, int count, int splits, flac_parts *found) {
    int length = count >> splits;
    found->splits = splits;
    for (int part = 0; part < 1 << splits; part++) {
        const uint32_t *from = residual + (size_t)part * length;
        uint64_t sum = 0;
        for (int n = 0; n < length; n++) sum += from[n];
        found->sum[part] = sum;
    }
}
