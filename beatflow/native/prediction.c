/* Guessing a chunk from others, and taking that off it or adding to it what it leaves: the twin of
 * objects/portable/prediction.py.
 *
 * Sums are carried in double, which holds every partial sum exactly (format.md bounds them by 2^51), so that their order
 * means nothing. Sources are read from their chunks block by block, so that all of it happens in the processor's cache.
 */
#include "prediction.h"
#include "rounding.h"

#include <string.h>

#define SOURCES 16
#define LAGS 256 /* of terms that are read together */

#define BELOW (0.5 - 1.0 / 131072.0) /* taken off a multiple of 2^-16, the nearest integer is the one below */
#define MOST_PRODUCTS ((int64_t)1 << 28)
#define MOST_WEIGHT ((int64_t)1 << 28)

typedef struct {
    int32_t segment, output, source, channel, lag, weight, slope;
} term;

static term get_term(const bf_prediction *plan, int64_t number) {
    const uint8_t *at = plan->terms + 16 * number;
    term found = {(int32_t)get16(at), at[2], at[3], at[4], (int16_t)get16(at + 6), (int32_t)get32(at + 8), (int32_t)get32(at + 12)};
    return found;
}

static int64_t compare_terms(const term *one, const term *other) {
    if (one->segment != other->segment)
        return (int64_t)one->segment - other->segment;
    if (one->output != other->output)
        return one->output - other->output;
    if (one->source != other->source)
        return one->source - other->source;
    if (one->channel != other->channel)
        return one->channel - other->channel;
    return one->lag - other->lag;
}

/* Refuse what a reader refuses, and what could leave the doubles. */
static int check(const bf_prediction *plan) {
    int64_t total = 0, products = 0, next = 0;
    if (plan->source_count > SOURCES || plan->channels < 1 || plan->channels > BF_CHANNELS)
        return BF_NOWHERE;
    for (int32_t i = 0; i < plan->segment_count; i++) {
        uint32_t length = get32(plan->segments + 4 * (size_t)i);
        if (!length)
            return BF_SEGMENTS;
        total += length;
    }
    if (total != plan->frames)
        return BF_SEGMENTS;
    term before = {-1, 0, 0, 0, 0, 0, 0};
    for (int64_t i = 0; i < plan->term_count; i++) {
        term one = get_term(plan, i);
        if (one.segment >= plan->segment_count || one.output >= plan->channels || one.source >= plan->source_count ||
            one.channel >= plan->sources[one.source].channels)
            return BF_NOWHERE;
        if (compare_terms(&before, &one) >= 0)
            return BF_ORDER;
        before = one;
        products += get32(plan->segments + 4 * (size_t)one.segment);
    }
    if (products > MOST_PRODUCTS)
        return BF_TOO_MANY;
    while (next < plan->term_count) {
        term first = get_term(plan, next), one = first;
        int64_t length = get32(plan->segments + 4 * (size_t)first.segment), reach = 0;
        while (one.segment == first.segment && one.output == first.output) {
            int64_t weight = one.weight, slope = one.slope;
            reach += (weight < 0 ? -weight : weight) + ((slope < 0 ? -slope : slope) * length >> 16) + 1;
            if (++next == plan->term_count)
                break;
            one = get_term(plan, next);
        }
        if (reach >= MOST_WEIGHT)
            return BF_TOO_LARGE;
    }
    return 0;
}

/* Say whether all samples of all sources are integers; those of up to three bytes always are. */
static int check_sources(const bf_prediction *plan) {
    int32_t scratch[BF_FRAMES];
    for (int32_t i = 0; i < plan->source_count; i++) {
        const bf_source *source = &plan->sources[i];
        int width = bf_width(source->format);
        if (width < 4)
            continue;
        for (int32_t j = 0; j < source->count; j++) {
            const bf_chunk *chunk = &plan->chunks[source->first + j];
            int64_t count = chunk->frames * source->channels;
            for (int64_t at = 0; at < count; at += BF_FRAMES)
                if (bf_read_samples(chunk->data + at * width, count - at < BF_FRAMES ? count - at : BF_FRAMES, source->format, scratch))
                    return BF_NO_INTEGERS;
        }
    }
    return 0;
}

/* Read frames of a source from frame `first` of its chunks on, interleaved; there is nothing outside of them. */
static void read_frames(const bf_prediction *plan, const bf_source *source, int64_t first, int64_t count, int32_t *out) {
    int width = bf_width(source->format) * source->channels;
    int64_t begin = 0, done = 0;
    if (first < 0) {
        done = -first < count ? -first : count;
        memset(out, 0, sizeof *out * (size_t)(done * source->channels));
    }
    for (int32_t j = 0; j < source->count && done < count; j++) {
        const bf_chunk *chunk = &plan->chunks[source->first + j];
        int64_t at = first + done - begin;
        if (at < chunk->frames) {
            int64_t take = chunk->frames - at < count - done ? chunk->frames - at : count - done;
            bf_read_samples(chunk->data + at * width, take * source->channels, source->format, out + done * source->channels);
            done += take;
        }
        begin += chunk->frames;
    }
    if (done < count)
        memset(out + done * source->channels, 0, sizeof *out * (size_t)((count - done) * source->channels));
}

/* Inner loops. */

BF_CLONES static void add_whole(int32_t *total, const int32_t *found, int64_t count, int32_t factor) {
    if (factor == 1)
        for (int64_t i = 0; i < count; i++)
            total[i] += found[i];
    else
        for (int64_t i = 0; i < count; i++)
            total[i] += factor * found[i];
}

BF_CLONES static void add_gain(double *total, const int32_t *found, int64_t count, double factor, int first) {
    if (first)
        for (int64_t i = 0; i < count; i++)
            total[i] = factor * found[i];
    else
        for (int64_t i = 0; i < count; i++)
            total[i] += factor * found[i];
}

BF_CLONES static void add_tap(double *total, const double *found, int64_t count, double factor) {
    for (int64_t i = 0; i < count; i++)
        total[i] += factor * found[i];
}

/* A weight that changes: weight + floor(slope * n / 2^16), n counted from `at`. All products are whole and below 2^53. */
BF_CLONES static void add_ramp(double *total, const double *found, int32_t count, int64_t at, const term *one, double scale) {
    const double begin = (double)at, slope = one->slope * (1.0 / 65536.0), weight = one->weight;
    for (int32_t i = 0; i < count; i++) {
        double whole = ((begin + i) * slope - BELOW) + MAGIC - MAGIC;
        total[i] += (weight + whole) * scale * found[i];
    }
}

/* Take one channel out of interleaved frames. */
BF_CLONES static void pick(const int32_t *frames, int64_t count, int channels, double *out) {
    if (channels == 1)
        for (int64_t i = 0; i < count; i++)
            out[i] = frames[i];
    else if (channels == 2)
        for (int64_t i = 0; i < count; i++)
            out[i] = frames[2 * i];
    else
        for (int64_t i = 0; i < count; i++)
            out[i] = frames[channels * i];
}

/* Scale sums to units of the last of `bits` bits, halves upwards, and limit them. With `above`, half of what a sum's last bit is
 * worth then, no level is a half, so that rounding to the nearest, which adding MAGIC does, has rounded all halves upwards. */
BF_CLONES static void finish(const double *total, int64_t count, int bits, int32_t *out) {
    const double unit = 1.0 / (double)((int64_t)1 << (48 - bits)), above = unit * 0.5;
    const double lowest = -(double)(1 << (bits - 1)), highest = -lowest - 1.0;
    for (int64_t i = 0; i < count; i++) {
        out[i] = limit_and_round(total[i] * unit + above, lowest, highest);
    }
}

BF_CLONES static void clip(int32_t *values, int64_t count, int32_t highest) {
    for (int64_t i = 0; i < count; i++) {
        int32_t value = values[i];
        value = value < -highest ? -highest : value;
        values[i] = value > highest - 1 ? highest - 1 : value;
    }
}

/* rest = found - guess, reduced to the format's range; says whether anything is left. */
BF_CLONES static uint32_t subtract(const int32_t *found, const int32_t *guess, int64_t count, int spare, int32_t *rest) {
    uint32_t any = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t left = (int32_t)((uint32_t)(found[i] - guess[i]) << spare) >> spare;
        any |= (uint32_t)left;
        rest[i] = left;
    }
    return any;
}

/* What is left may be any integer where a payload says so. */
static inline int32_t wrap(int32_t guess, int32_t rest, int spare) {
    return (int32_t)(((uint32_t)guess + (uint32_t)rest) << spare) >> spare;
}

BF_CLONES static void add_wrapped(int32_t *guess, const int32_t *rest, int64_t count, int spare) {
    for (int64_t i = 0; i < count; i++)
        guess[i] = wrap(guess[i], rest[i], spare);
}

/* The same of integers that stand channel after channel. */
BF_CLONES static void add_channels(int32_t *guess, const int32_t *rest, int64_t count, int channels, int spare) {
    if (channels == 2)
        for (int64_t i = 0; i < count; i++) {
            guess[2 * i] = wrap(guess[2 * i], rest[i], spare);
            guess[2 * i + 1] = wrap(guess[2 * i + 1], rest[count + i], spare);
        }
    else
        for (int channel = 0; channel < channels; channel++)
            for (int64_t i = 0; i < count; i++) {
                int32_t *value = guess + i * channels + channel;
                *value = wrap(*value, rest[channel * count + i], spare);
            }
}

/* Guessing. */

enum mode { WHOLE, GAINS, TERMS };

/* One segment: its terms are `first` to `last`. */
typedef struct {
    int64_t begin;
    int64_t first, last;
    enum mode mode;
    int used[SOURCES];
    int32_t weights[SOURCES];
} segment;

/* Find out whether all channels have the same constant gains and nothing crosses over: whole frames are added then,
 * as integers where nothing is rounded. */
static void choose_mode(const bf_prediction *plan, segment *part) {
    int64_t gains = 0;
    int whole = 1;
    memset(part->used, 0, sizeof part->used);
    part->mode = TERMS;
    for (int64_t i = part->first; i < part->last; i++) {
        term one = get_term(plan, i);
        const bf_source *source = &plan->sources[one.source];
        if (one.output != one.channel || one.lag || one.slope || source->channels != plan->channels)
            return;
        if (part->used[one.source] && part->weights[one.source] != one.weight)
            return;
        gains += !part->used[one.source];
        part->used[one.source] = 1;
        part->weights[one.source] = one.weight;
        whole &= !(one.weight & 0xFFFFFF) && bf_bits(plan->format) >= bf_bits(source->format);
    }
    if (part->last - part->first == gains * plan->channels)
        part->mode = whole ? WHOLE : GAINS;
}

typedef struct {
    int32_t frames[(BF_FRAMES + LAGS) * BF_CHANNELS];
    double total[BF_SAMPLES];
    double channel[BF_FRAMES + LAGS];
    int32_t output[BF_FRAMES];
    int32_t guess[BF_SAMPLES], found[BF_SAMPLES];
} scratch;

/* Add the terms of one channel, from `first` on to the first of another channel; returns that. */
static int64_t add_terms(const bf_prediction *plan, const segment *part, int64_t first, int64_t at, int32_t count, scratch *room) {
    const term head = get_term(plan, first);
    memset(room->total, 0, sizeof *room->total * (size_t)count);
    while (first < part->last) {
        term one = get_term(plan, first);
        if (one.output != head.output)
            break;
        /* Neighbouring lags of one channel are read once. */
        const bf_source *source = &plan->sources[one.source];
        int64_t last = first;
        term other = one;
        while (last + 1 < part->last) {
            term next = get_term(plan, last + 1);
            if (next.output != one.output || next.source != one.source || next.channel != one.channel || next.lag - one.lag > LAGS)
                break;
            other = next;
            last++;
        }
        int32_t span = other.lag - one.lag;
        read_frames(plan, source, source->start + at - other.lag, count + span, room->frames);
        pick(room->frames + one.channel, count + span, source->channels, room->channel);
        double scale = (double)(1 << (24 - bf_bits(source->format)));
        for (; first <= last; first++) {
            one = get_term(plan, first);
            const double *found = room->channel + (other.lag - one.lag);
            if (one.slope)
                add_ramp(room->total, found, count, at - part->begin, &one, scale);
            else
                add_tap(room->total, found, count, one.weight * scale);
        }
    }
    return first;
}

/* Guess `count` frames from frame `at` of the chunk on, which lie in one segment, to room->guess. */
static void guess(const bf_prediction *plan, const segment *part, int64_t at, int32_t count, scratch *room) {
    const int bits = bf_bits(plan->format), channels = plan->channels;
    const int64_t samples = (int64_t)count * channels;
    if (part->mode == TERMS) {
        memset(room->guess, 0, sizeof *room->guess * (size_t)samples);
        for (int64_t next = part->first; next < part->last;) {
            int32_t *out = room->guess + get_term(plan, next).output;
            next = add_terms(plan, part, next, at, count, room);
            finish(room->total, count, bits, room->output);
            for (int32_t i = 0; i < count; i++)
                out[(int64_t)i * channels] = room->output[i];
        }
    } else if (part->mode == WHOLE) {
        memset(room->guess, 0, sizeof *room->guess * (size_t)samples);
        for (int i = 0; i < plan->source_count; i++) {
            if (!part->used[i])
                continue;
            const bf_source *source = &plan->sources[i];
            read_frames(plan, source, source->start + at, count, room->frames);
            add_whole(room->guess, room->frames, samples, part->weights[i] / (1 << 24) * (1 << (bits - bf_bits(source->format))));
        }
        clip(room->guess, samples, (int32_t)1 << (bits - 1));
    } else {
        int first = 1;
        for (int i = 0; i < plan->source_count; i++) {
            if (!part->used[i])
                continue;
            const bf_source *source = &plan->sources[i];
            read_frames(plan, source, source->start + at, count, room->frames);
            add_gain(room->total, room->frames, samples, part->weights[i] * (double)(1 << (24 - bf_bits(source->format))), first);
            first = 0;
        }
        finish(room->total, samples, bits, room->guess);
    }
}

/* Walks through a chunk block by block. */
typedef struct {
    segment part;
    int32_t number;
    int64_t end, at;
} walk;

static walk begin_walk(void) {
    walk found;
    memset(&found, 0, sizeof found);
    found.number = -1;
    return found;
}

/* Move on to the next block; returns how many frames it has, 0 after the last. */
static int32_t step(const bf_prediction *plan, walk *here) {
    if (here->at == here->end) {
        segment *part = &here->part;
        if (here->at == plan->frames)
            return 0;
        here->number++;
        part->begin = here->end;
        here->end += get32(plan->segments + 4 * (size_t)here->number);
        part->first = part->last;
        while (part->last < plan->term_count && get_term(plan, part->last).segment == here->number)
            part->last++;
        choose_mode(plan, part);
    }
    int32_t most = BF_SAMPLES / plan->channels < BF_FRAMES ? BF_SAMPLES / plan->channels : BF_FRAMES;
    return (int32_t)(here->end - here->at < most ? here->end - here->at : most);
}

/* What is left of a chunk, its samples as they stand in a file, when the guess is taken off: rest, (frames, channels).
 * Returns 0 where that is nothing, 1 where it is something, or a refusal. */
BF_EXPORT int bf_subtract(const bf_prediction *plan, const uint8_t *raw, int32_t *rest) {
    int refused = check(plan);
    if (!refused)
        refused = check_sources(plan);
    if (refused)
        return refused;
    const int channels = plan->channels, width = bf_width(plan->format);
    scratch room;
    walk here = begin_walk();
    uint32_t any = 0;
    for (int32_t count; (count = step(plan, &here)); here.at += count) {
        int64_t first = here.at * channels, samples = (int64_t)count * channels;
        guess(plan, &here.part, here.at, count, &room);
        if (bf_read_samples(raw + first * width, samples, plan->format, room.found))
            return BF_NO_INTEGERS;
        any |= subtract(room.found, room.guess, samples, 32 - bf_bits(plan->format), rest + first);
    }
    return any != 0;
}

/* A chunk's samples as they stand in a file, from the guess and what it leaves, NULL for nothing.
 * Returns 0, or a refusal; `raw` then means nothing. */
BF_EXPORT int bf_rebuild(const bf_prediction *plan, const bf_rest *rest, uint8_t *raw) {
    const int channels = plan->channels, width = bf_width(plan->format), spare = 32 - bf_bits(plan->format);
    bf_unpacker symbols;
    int refused = check(plan);
    if (!refused && rest && !rest->values)
        refused = bf_open_symbols(rest, plan->frames, channels, &symbols);
    if (!refused)
        refused = check_sources(plan);
    if (refused)
        return refused;
    scratch room;
    walk here = begin_walk();
    for (int32_t count; (count = step(plan, &here)); here.at += count) {
        int64_t first = here.at * channels, samples = (int64_t)count * channels;
        guess(plan, &here.part, here.at, count, &room);
        if (rest && rest->values) {
            add_wrapped(room.guess, rest->values + first, samples, spare);
        } else if (rest) {
            for (int channel = 0; channel < channels; channel++)
                bf_read_symbols(&symbols, plan->frames, channel, here.at, count, symbols.values + channel * count);
            add_channels(room.guess, symbols.values, count, channels, spare);
        }
        bf_write_samples(room.guess, samples, plan->format, raw + first * width);
    }
    return 0;
}
