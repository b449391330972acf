/* Doubles to integers, to the nearest, halves to even: by an addition, which vectorises where rint() does not. */
#ifndef BEATFLOW_ROUNDING_H
#define BEATFLOW_ROUNDING_H

#include <stdint.h>
#include <string.h>

#define MAGIC 6755399441055744.0 /* 1.5 * 2^52: added to a small number, its lowest bits are that number, rounded */

/* A level within [lowest, highest], rounded. */
static inline int32_t limit_and_round(double level, double lowest, double highest) {
    level = level < lowest ? lowest : level;
    level = level > highest ? highest : level;
    level += MAGIC;
    uint64_t word;
    memcpy(&word, &level, 8);
    return (int32_t)(uint32_t)word;
}

#endif
