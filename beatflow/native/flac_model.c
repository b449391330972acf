/* The numerical half of the FLAC encoder; RFC 9639 names what is computed here.
 *
 * Floating point decides which predictor is taken, never what a stream decodes to: residuals are whole numbers.
 */
#include <math.h>
#include <string.h>

#include "flac_model.h"

enum { LANES = 4, RUN = 256, TILE = 512, LEAST_PRECISION = 11 };

static const uint64_t NARROW = (uint64_t)1 << 31;

static const double SPREAD = 1.5;   /* the mean of folded values, in standard deviations */
static const double LITTLE = 1.002; /* so much longer is no longer */

/* log2 of a positive number, to about 0.01. */
static double quick_log2(double value) {
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

/* Adds the magnitudes of values and of their first to fourth differences, summed in `sum` meanwhile. */
#define DIFFERENCES(name, sum) \
    static inline void name(const int32_t *x, int count, uint64_t sums[FLAC_FIXED + 1]) { \
        sum a = 0, b = 0, c = 0, d = 0, e = 0; \
        for (int n = 0; n < count; n++) { \
            int32_t first = x[n] - x[n - 1], before = x[n - 1] - x[n - 2], earlier = x[n - 2] - x[n - 3]; \
            int32_t second = first - before, second_before = before - earlier; \
            int32_t third = second - second_before; \
            int32_t fourth = third - (second_before - (earlier - (x[n - 3] - x[n - 4]))); \
            a += magnitude(x[n]); \
            b += magnitude(first); \
            c += magnitude(second); \
            d += magnitude(third); \
            e += magnitude(fourth); \
        } \
        sums[0] += a; \
        sums[1] += b; \
        sums[2] += c; \
        sums[3] += d; \
        sums[4] += e; \
    }

/* Values of 17 bits have fourth differences of 21, of which 2^11 fit into 32 bits. */
DIFFERENCES(differences_of_run, uint32_t)
DIFFERENCES(wide_differences, uint64_t)

BF_CLONES static void add_differences(const int32_t *x, int count, int step, int wide, uint64_t *sums) {
    for (int start = FLAC_FIXED; start < count; start += step) {
        int length = count - start < RUN ? count - start : RUN;
        if (wide)
            wide_differences(x + start, length, sums);
        else
            differences_of_run(x + start, length, sums);
    }
}

void bf_flac_outline(const int32_t *x, int count, int wide, flac_outline *found) {
    uint64_t *sums = found->differences;
    memset(found, 0, sizeof *found);
    if (count == FLAC_BLOCK) {
        add_differences(x, count, 2 * RUN, wide, sums);
        for (int order = 0; order <= FLAC_FIXED; order++) sums[order] *= 2;
    }
    if (!sums[1]) {
        memset(sums, 0, sizeof found->differences);
        add_differences(x, count, RUN, wide, sums);
    }
}

void bf_flac_window(int count, flac_window *window) {
    const int rise = count / 4;
    float step = 1.0f / (float)(rise + 1);
    for (int n = 0; n < rise; n++) {
        float t = (float)(n + 1) * step;
        window->rise[n] = window->fall[rise - 1 - n] = t * t * (3.0f - 2.0f * t);
    }
    window->count = count;
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

static inline int between(int low, int value, int high) { return value < low ? low : value > high ? high : value; }

static inline void fade(const int32_t *restrict x, const float *restrict weight, int count, double *restrict out) {
    for (int n = 0; n < count; n++) out[n] = (double)x[n] * weight[n];
}

/* Samples `from` … `to` - 1, as the window leaves them. */
BF_CLONES static void fade_tile(const int32_t *x, const flac_window *window, int from, int to, double *out) {
    const int rise = window->count / 4, fall = window->count - rise;
    const int risen = between(from, rise, to), falling = between(from, fall, to);
    const int32_t *flat = x + risen;
    double *flat_out = out + (risen - from);
    if (risen > from) fade(x + from, window->rise + from, risen - from, out);
    for (int n = 0; n < falling - risen; n++) flat_out[n] = flat[n];
    if (to > falling) fade(x + falling, window->fall + (falling - fall), to - falling, out + (falling - from));
}

/* Add sums of products of samples 0 … 8 apart. `w` has 8 samples before it, zeros up to a multiple of LANES after. */
BF_CLONES static void correlate(const double *w, int count, double *out) {
    lanes sum[FLAC_ORDER + 1];
    memset(sum, 0, sizeof sum);
    for (int n = 0; n < count; n += LANES) {
        const lanes now = LOAD(w + n);
        for (int lag = 0; lag <= FLAC_ORDER; lag++) ADD_PRODUCT(sum[lag], now, LOAD(w + n - lag));
    }
    for (int lag = 0; lag <= FLAC_ORDER; lag++)
        for (int lane = 0; lane < LANES; lane++) out[lag] += LANE(sum[lag], lane);
}

void bf_flac_correlate(const int32_t *x, const flac_window *window, flac_outline *found) {
    if (found->correlated) return;
    /* By tiles that stay in the nearest cache. */
    double tile[FLAC_ORDER + TILE + LANES], *const w = tile + FLAC_ORDER;
    memset(tile, 0, FLAC_ORDER * sizeof *tile);
    for (int from = 0; from < window->count; from += TILE) {
        const int length = window->count - from < TILE ? window->count - from : TILE;
        fade_tile(x, window, from, from + length, w);
        memset(w + length, 0, LANES * sizeof *w);
        correlate(w, length, found->correlation);
        memcpy(tile, tile + TILE, FLAC_ORDER * sizeof *tile);
    }
    found->correlated = 1;
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

/* Coefficients as integers of `precision` bits; what rounding takes from one is given to the next. Returns how much
 * more energy that leaves than the exact ones, or a negative number where there are no such integers. */
static double quantise(
    const double *lpc, int order, int precision, const double *correlation, flac_predictor *found
) {
    double largest = 0.0;
    for (int j = 0; j < order; j++) {
        double size = lpc[j] < 0.0 ? -lpc[j] : lpc[j];
        largest = size > largest ? size : largest;
    }
    if (!(largest > 1e-6 && largest < 1e6)) return -1.0;
    int limit = (1 << (precision - 1)) - 1, shift = 15;
    while (shift > 0 && largest * (double)(1 << shift) > (double)limit) shift--;
    if (largest * (double)(1 << shift) > (double)limit) return -1.0;
    const double unit = 1.0 / (double)(1 << shift);
    double carried = 0.0, off[FLAC_ORDER];
    int any = 0;
    memset(found, 0, sizeof *found);
    for (int j = 0; j < order; j++) {
        double exact = lpc[j] * (double)(1 << shift) + carried;
        int32_t rounded = (int32_t)(exact + (exact < 0.0 ? -0.5 : 0.5));
        rounded = rounded > limit ? limit : rounded < -limit ? -limit : rounded;
        carried = exact - rounded;
        off[j] = rounded * unit - lpc[j];
        found->coefficient[j] = rounded;
        any |= rounded;
    }
    found->order = order;
    found->precision = precision;
    found->shift = shift;
    if (!any) return -1.0;
    double energy = 0.0;
    for (int j = 0; j < order; j++) {
        double row = 0.5 * correlation[0] * off[j];
        for (int i = 0; i < j; i++) row += correlation[j - i] * off[i];
        energy += 2.0 * row * off[j];
    }
    return energy > 0.0 ? energy : 0.0;
}

/* No sum of products is larger. */
static uint64_t largest_sum(const flac_predictor *predictor, uint32_t most) {
    uint64_t total = 0;
    for (int j = 0; j < FLAC_ORDER; j++) total += magnitude(predictor->coefficient[j]);
    return total * most;
}

double bf_flac_code_length(double mean) { return mean <= 1.0 ? 1.0 + mean : 1.415 + quick_log2(mean + 0.5); }

/* Bits of a block whose residual has this energy, but for the rounding that adds 1/12 to each sample's. */
static double cost_of(double energy, int count, int order, int bits, int precision) {
    return bf_flac_code_length(SPREAD * sqrt(energy / count + 1.0 / 12.0)) * (count - order) +
           order * (bits + precision);
}

static int usual_precision(int bits) { return bits <= 9 ? 8 : bits <= 17 ? 14 : 15; }

double bf_flac_promise(const flac_outline *outline, int count, int bits) {
    double lpc[FLAC_ORDER][FLAC_ORDER], error[FLAC_ORDER];
    int orders = solve(outline->correlation, lpc, error);
    double least = cost_of(outline->correlation[0], count, 0, bits, 0);
    for (int order = 1; order <= orders; order++) {
        double cost = cost_of(error[order - 1], count, order, bits, usual_precision(bits));
        least = cost < least ? cost : least;
    }
    return least;
}

void bf_flac_predictor(const flac_outline *outline, int count, int bits, uint32_t most, flac_predictor *found) {
    const double *correlation = outline->correlation;
    double lpc[FLAC_ORDER][FLAC_ORDER], error[FLAC_ORDER];
    int orders = solve(correlation, lpc, error), precision = usual_precision(bits);
    double least = 0.0;
    memset(found, 0, sizeof *found);
    for (int order = 1; order <= orders; order++) {
        flac_predictor predictor;
        double more = quantise(lpc[order - 1], order, precision, correlation, &predictor);
        if (more < 0.0) continue;
        double cost = cost_of(error[order - 1] + more, count, order, bits, precision);
        if (found->order == 0 || cost < least) {
            *found = predictor;
            least = cost;
        }
    }
    /* Sums of 32 bits take a fifth of the time: they are worth a few bits of precision where those are worth little. */
    const int order = found->order;
    while (order && bits <= 17 && largest_sum(found, most) >= NARROW && precision-- > LEAST_PRECISION) {
        flac_predictor predictor;
        double more = quantise(lpc[order - 1], order, precision, correlation, &predictor);
        if (more < 0.0 || cost_of(error[order - 1] + more, count, order, bits, precision) > LITTLE * least) return;
        *found = predictor;
    }
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

uint64_t bf_flac_predict(const int32_t *x, int count, uint32_t most, const flac_predictor *predictor, uint32_t *out) {
    uint64_t bound = largest_sum(predictor, most), left = (bound >> predictor->shift) + most + 1;
    if (left >= (uint64_t)1 << 30) return 0;
    int order = predictor->order;
    if (bound < NARROW)
        predict_in_32_bits(x, count, predictor, out);
    else
        predict_in_64_bits(x, count, predictor, out);
    memset(out, 0, (size_t)order * sizeof *out);
    return 2 * left + 1;
}

BF_CLONES uint64_t bf_flac_difference(const int32_t *x, int count, uint32_t most, int order, uint32_t *out) {
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
    return ((uint64_t)most << (order + 1)) + 1;
}

static inline uint64_t sum_of(const uint32_t *from, int length) {
    uint64_t sum = 0;
    for (int n = 0; n < length; n++) sum += from[n];
    return sum;
}

/* The same where 32 bits hold it: twice as many at once. */
static inline uint32_t small_sum_of(const uint32_t *from, int length) {
    uint32_t sum = 0;
    for (int n = 0; n < length; n++) sum += from[n];
    return sum;
}

static inline uint64_t sums_of_parts(const uint32_t *residual, int length, int parts, int small, uint64_t *sum) {
    uint64_t total = 0;
    for (int part = 0; part < parts; part++) {
        const uint32_t *from = residual + (size_t)part * (size_t)length;
        sum[part] = small ? small_sum_of(from, length) : sum_of(from, length);
        total += sum[part];
    }
    return total;
}

BF_CLONES void bf_flac_parts(const uint32_t *residual, int count, int splits, uint64_t bound, flac_parts *found) {
    const int length = count >> splits, parts = 1 << splits;
    uint64_t total;
    found->splits = splits;
    if (bound * (uint64_t)length > UINT32_MAX)
        total = sums_of_parts(residual, length, parts, 0, found->high[0]);
    else if (length == FLAC_BLOCK / FLAC_PARTS) /* most blocks: a loop of known length */
        total = sums_of_parts(residual, FLAC_BLOCK / FLAC_PARTS, parts, 1, found->high[0]);
    else
        total = sums_of_parts(residual, length, parts, 1, found->high[0]);
    found->low = total < (uint64_t)count * FLAC_LOW_MEAN;
    if (!found->low) return;
    for (int part = 0; part < parts; part++) {
        const uint32_t *from = residual + (size_t)part * (size_t)length;
        uint32_t one = 0, two = 0, three = 0;
        for (int n = 0; n < length; n++) {
            one += from[n] >> 1;
            two += from[n] >> 2;
            three += from[n] >> 3;
        }
        found->high[1][part] = one;
        found->high[2][part] = two;
        found->high[3][part] = three;
    }
}
