/* Guessing a chunk from others, and what that leaves: the twin of objects/guess.py and objects/rest.py.
 *
 * Sums are carried in double, which holds every partial sum exactly (format.md bounds them by 2^51), so that their order
 * means nothing. Sources are read from their chunks block by block, so that all of it happens in the processor's cache.
 */
#include "prediction.h"

#include <float.h>
#include <string.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 2
#error "rounding needs doubles that are doubles"
#endif

#define CHANNELS 8
#define SOURCES 16
#define FRAMES 1024  /* of a block, at most */
#define SAMPLES 2048 /* of a block, all channels, at most */
#define LAGS 256     /* of terms that are read together */

#define MAGIC 6755399441055744.0 /* 1.5 * 2^52: added to a small number, its lowest bits are that number, rounded */
#define BELOW (0.5 - 1.0 / 131072.0) /* taken off a multiple of 2^-16, the nearest integer is the one below */
#define MOST_PRODUCTS ((int64_t)1 << 28)
#define MOST_WEIGHT ((int64_t)1 << 28)

typedef struct {
    int32_t segment, output, source, channel, lag, weight, slope;
} term;

static inline uint32_t get16(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8; }
static inline uint32_t get32(const uint8_t *at) { return get16(at) | get16(at + 2) << 16; }

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
    if (plan->source_count > SOURCES || plan->channels < 1 || plan->channels > CHANNELS)
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
    int32_t scratch[FRAMES];
    for (int32_t i = 0; i < plan->source_count; i++) {
        const bf_source *source = &plan->sources[i];
        int width = bf_width(source->format);
        if (width < 4)
            continue;
        for (int32_t j = 0; j < source->count; j++) {
            const bf_chunk *chunk = &plan->chunks[source->first + j];
            int64_t count = chunk->frames * source->channels;
            for (int64_t at = 0; at < count; at += FRAMES)
                if (bf_read_samples(chunk->data + at * width, count - at < FRAMES ? count - at : FRAMES, source->format, scratch))
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
        double level = total[i] * unit + above;
        level = level < lowest ? lowest : level;
        level = level > highest ? highest : level;
        level += MAGIC;
        uint64_t word;
        memcpy(&word, &level, 8);
        out[i] = (int32_t)(uint32_t)word;
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

BF_CLONES static void add_wrapped(int32_t *guess, const int32_t *rest, int64_t count, int spare) {
    for (int64_t i = 0; i < count; i++)
        guess[i] = (int32_t)((uint32_t)(guess[i] + rest[i]) << spare) >> spare;
}

/* The same of integers that stand channel after channel. */
BF_CLONES static void add_channels(int32_t *guess, const int32_t *rest, int32_t count, int channels, int spare) {
    if (channels == 2)
        for (int32_t i = 0; i < count; i++) {
            guess[2 * i] = (int32_t)((uint32_t)(guess[2 * i] + rest[i]) << spare) >> spare;
            guess[2 * i + 1] = (int32_t)((uint32_t)(guess[2 * i + 1] + rest[count + i]) << spare) >> spare;
        }
    else
        for (int channel = 0; channel < channels; channel++)
            for (int32_t i = 0; i < count; i++) {
                int32_t *value = guess + i * channels + channel;
                *value = (int32_t)((uint32_t)(*value + rest[channel * count + i]) << spare) >> spare;
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
    int32_t frames[(FRAMES + LAGS) * CHANNELS];
    double total[SAMPLES];
    double channel[FRAMES + LAGS];
    int32_t output[FRAMES];
    int32_t guess[SAMPLES], found[SAMPLES];
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
    int32_t most = SAMPLES / plan->channels < FRAMES ? SAMPLES / plan->channels : FRAMES;
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

/* Symbols. */

#define MOST_DIGIT 7

static int digits_per_byte(int largest) { return largest == 0 ? 1 : largest == 1 ? 5 : largest == 2 ? 3 : 2; }

/* For each byte the digits that it holds, in rows of 8. */
static void fill_digits(int largest, int8_t table[256 * 8]) {
    const int base = 2 * largest + 1, many = digits_per_byte(largest);
    memset(table, 0, 256 * 8);
    for (int byte = 0; byte < 256; byte++)
        for (int place = many - 1, left = byte; place >= 0; place--, left /= base)
            table[8 * byte + place] = (int8_t)(largest ? left % base - largest : (int8_t)byte);
}

/* Integers number `first` to `first + count` of the symbols, but for exceptions. `out` has room for 16 more. */
static void unpack(const uint8_t *content, int64_t size, int many, const int8_t *table, int64_t first, int64_t count, int8_t *out) {
    int64_t at = first / many, skip = first % many, done = 0;
    if (many == 1) {
        memcpy(out, content + first, (size_t)count);
        return;
    }
    for (; skip && done < count && at < size; done++) {
        out[done] = table[8 * content[at] + skip];
        if (++skip == many) {
            skip = 0;
            at++;
        }
    }
    for (; done < count && at < size; at++, done += many)
        memcpy(out + done, table + 8 * content[at], 8);
}

typedef struct {
    const bf_rest *rest;
    int many;
    int8_t table[256 * 8];
    int64_t next[CHANNELS]; /* exception to come, for each channel */
    int8_t digits[FRAMES + 16];
    int32_t values[SAMPLES];
} unpacker;

/* Refuse symbols of `channels` times `frames` integers that say what cannot be. */
static int open_symbols(const bf_rest *rest, int64_t frames, int channels, unpacker *room) {
    const int64_t samples = frames * channels;
    if (rest->largest < 0 || rest->largest > MOST_DIGIT || rest->apart_count > samples)
        return BF_REST_SIZE;
    room->rest = rest;
    room->many = digits_per_byte(rest->largest);
    if (rest->content_size != (samples + room->many - 1) / room->many)
        return BF_REST_SIZE;
    fill_digits(rest->largest, room->table);
    int64_t before = -1;
    int channel = 0;
    for (int64_t i = 0; i < rest->apart_count; i++) {
        int64_t place = get32(rest->apart + 8 * i);
        if (place >= samples)
            return BF_REST_NOWHERE;
        if (place <= before)
            return BF_REST_ORDER;
        while (place >= channel * frames)
            room->next[channel++] = i;
        before = place;
    }
    while (channel < channels)
        room->next[channel++] = rest->apart_count;
    return 0;
}

BF_CLONES static void widen(const int8_t *found, int32_t count, int32_t *out) {
    for (int32_t i = 0; i < count; i++)
        out[i] = found[i];
}

/* At most FRAMES integers of one channel from frame `at` on; blocks of a channel are asked for in order. */
static void read_symbols(unpacker *room, int64_t frames, int channel, int64_t at, int32_t count, int32_t *values) {
    const bf_rest *rest = room->rest;
    const int64_t first = channel * frames + at;
    unpack(rest->content, rest->content_size, room->many, room->table, first, count, room->digits);
    widen(room->digits, count, values);
    int64_t next = room->next[channel];
    for (; next < rest->apart_count; next++) {
        int64_t place = (int64_t)get32(rest->apart + 8 * next) - first;
        if (place >= count)
            break;
        values[place] = (int32_t)get32(rest->apart + 8 * next + 4);
    }
    room->next[channel] = next;
}

/* A chunk's samples as they stand in a file, from the guess and what it leaves, NULL for nothing.
 * Returns 0, or a refusal; `raw` then means nothing. */
BF_EXPORT int bf_rebuild(const bf_prediction *plan, const bf_rest *rest, uint8_t *raw) {
    const int channels = plan->channels, width = bf_width(plan->format), spare = 32 - bf_bits(plan->format);
    unpacker symbols;
    int refused = check(plan);
    if (!refused && rest && !rest->values)
        refused = open_symbols(rest, plan->frames, channels, &symbols);
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
                read_symbols(&symbols, plan->frames, channel, here.at, count, symbols.values + channel * count);
            add_channels(room.guess, symbols.values, count, channels, spare);
        }
        bf_write_samples(room.guess, samples, plan->format, raw + first * width);
    }
    return 0;
}

static inline void put32(uint8_t *at, uint32_t word) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(word >> 8 * i);
}

/* One channel's integers, limited, counted from `low`; says whether any had to be limited. */
BF_CLONES static uint32_t clamp(const int32_t *rest, int64_t count, int channels, int32_t low, int32_t high, uint8_t *out) {
    uint32_t beyond = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t value = rest[i * channels];
        int32_t limited = value < low ? low : value;
        limited = limited > high ? high : limited;
        beyond |= (uint32_t)(limited ^ value);
        out[i] = (uint8_t)(limited - low);
    }
    return beyond;
}

/* Put digits together to bytes at *content, which moves on; those that fill no byte move to the front. Returns how many those are. */
static int64_t join_digits(uint8_t *digits, int64_t count, int many, int base, uint8_t **content) {
    uint8_t *out = *content;
    int64_t at = 0;
    if (many == 1)
        for (; at < count; at++)
            *out++ = (uint8_t)(digits[at] ^ 0x80); /* counted from -128 */
    else if (many == 2)
        for (; at + 2 <= count; at += 2)
            *out++ = (uint8_t)(digits[at] * base + digits[at + 1]);
    else if (many == 3)
        for (; at + 3 <= count; at += 3)
            *out++ = (uint8_t)((digits[at] * 5 + digits[at + 1]) * 5 + digits[at + 2]);
    else
        for (; at + 5 <= count; at += 5)
            *out++ = (uint8_t)((((digits[at] * 3 + digits[at + 1]) * 3 + digits[at + 2]) * 3 + digits[at + 3]) * 3 + digits[at + 4]);
    *content = out;
    memmove(digits, digits + at, (size_t)(count - at));
    return count - at;
}

BF_CLONES static uint32_t differ(const int32_t *values, const int32_t *rest, int32_t count, int channels) {
    uint32_t any = 0;
    for (int32_t i = 0; i < count; i++)
        any |= (uint32_t)(values[i] ^ rest[(int64_t)i * channels]);
    return any;
}

/* How often there is each integer from -128 to 127 among what is left, in places 1 to 256 of `counts`; in 0 and 257
 * those below and above. Of much, one frame in four is looked at; returns how many integers were. */
BF_EXPORT int64_t bf_count(const int32_t *rest, int64_t frames, int channels, int32_t counts[258]) {
    const int64_t each = frames * channels > 1 << 14 ? 4 : 1;
    int32_t part[4][258];
    memset(part, 0, sizeof part);
    int64_t seen = 0;
    for (int64_t n = 0; n < frames; n += each, seen += channels)
        for (int channel = 0; channel < channels; channel++) {
            int32_t value = rest[n * channels + channel];
            value = value < -129 ? -129 : value > 128 ? 128 : value;
            /* Several tables: the same count would else be written and read again at once. */
            part[(n / each + channel) & 3][value + 129]++;
        }
    for (int i = 0; i < 258; i++)
        counts[i] = part[0][i] + part[1][i] + part[2][i] + part[3][i];
    return seen;
}

/* What is left as symbols with digits up to `largest`, 0 for bytes: `content`, of as many bytes as that needs, and
 * exceptions, of which `apart` has room for `most`. Returns how many there are; where that is more, only `content` is whole. */
BF_EXPORT int64_t bf_pack(const int32_t *rest, int64_t frames, int channels, int largest, uint8_t *content, uint8_t *apart, int64_t most) {
    const int many = digits_per_byte(largest), base = 2 * largest + 1;
    const int32_t low = largest ? -largest : -128, high = largest ? largest : 127;
    uint8_t digits[FRAMES + 8];
    int64_t found = 0, held = 0;
    for (int channel = 0; channel < channels; channel++)
        for (int64_t at = 0; at < frames; at += FRAMES) {
            const int64_t count = frames - at < FRAMES ? frames - at : FRAMES;
            if (clamp(rest + at * channels + channel, count, channels, low, high, digits + held))
                for (int64_t i = 0; i < count; i++) {
                    int32_t value = rest[(at + i) * channels + channel];
                    if (value >= low && value <= high)
                        continue;
                    if (found < most) {
                        put32(apart + 8 * found, (uint32_t)(channel * frames + at + i));
                        put32(apart + 8 * found + 4, (uint32_t)value);
                    }
                    found++;
                }
            held = join_digits(digits, held + count, many, base, &content);
        }
    if (held) {
        memset(digits + held, 0, 8);
        join_digits(digits, many, many, base, &content);
    }
    return found;
}

/* Say whether symbols give back what is left: 1 or 0. */
BF_EXPORT int bf_holds(const int32_t *rest, int64_t frames, int channels, const bf_rest *packed) {
    unpacker symbols;
    if (open_symbols(packed, frames, channels, &symbols))
        return 0;
    for (int64_t at = 0; at < frames; at += FRAMES) {
        const int32_t count = (int32_t)(frames - at < FRAMES ? frames - at : FRAMES);
        for (int channel = 0; channel < channels; channel++) {
            read_symbols(&symbols, frames, channel, at, count, symbols.values);
            if (differ(symbols.values, rest + at * channels + channel, count, channels))
                return 0;
        }
    }
    return 1;
}

/* The sum of the squares of what is left, and of the products of neighbouring frames' integers. */
BF_EXPORT void bf_correlate(const int32_t *rest, int64_t frames, int channels, double sums[2]) {
    double power[4] = {0, 0, 0, 0}, cross[4] = {0, 0, 0, 0};
    const int64_t size = frames * channels, pairs = size - channels;
    int64_t i = 0;
    for (; i + 4 <= pairs; i += 4)
        for (int k = 0; k < 4; k++) {
            power[k] += (double)rest[i + k] * rest[i + k];
            cross[k] += (double)rest[i + k] * rest[i + k + channels];
        }
    for (; i < size; i++) {
        power[0] += (double)rest[i] * rest[i];
        if (i < pairs)
            cross[0] += (double)rest[i] * rest[i + channels];
    }
    sums[0] = power[0] + power[1] + power[2] + power[3];
    sums[1] = cross[0] + cross[1] + cross[2] + cross[3];
}

/* The mean second difference of a chunk's samples, of one frame in four where there are many. Returns 0, or BF_NO_INTEGERS. */
BF_EXPORT int bf_measure_roughness(const uint8_t *raw, int64_t frames, int format, int channels, double *mean) {
    const int64_t each = frames > 4096 ? 4 : 1;
    const int width = bf_width(format) * channels;
    const int64_t most = FRAMES * CHANNELS / channels / each * each;
    int32_t found[FRAMES * CHANNELS], last[2 * CHANNELS] = {0};
    int64_t seen = 0, total = 0;
    for (int64_t at = 0; at < frames; at += most) {
        const int64_t count = frames - at < most ? frames - at : most;
        if (bf_read_samples(raw + at * width, count * channels, format, found))
            return BF_NO_INTEGERS;
        for (int64_t n = 0; n < count; n += each, seen++)
            for (int channel = 0; channel < channels; channel++) {
                int64_t value = found[n * channels + channel];
                int64_t bend = value - 2 * (int64_t)last[channel] + last[CHANNELS + channel];
                if (seen >= 2)
                    total += bend < 0 ? -bend : bend;
                last[CHANNELS + channel] = last[channel];
                last[channel] = (int32_t)value;
            }
    }
    *mean = seen > 2 ? (double)total / (double)((seen - 2) * channels) : 0.0;
    return 0;
}
