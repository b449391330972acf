#include "kernels.h"

BF_EXPORT int bf_version(void) { return 4; }
