/* SPDX-License-Identifier: MIT */
/**
 * What is to take any bytes whatever: each target is run on an input and ends
 * the program where something does not hold.  tests/unit/test_fuzz runs them on
 * random inputs, `make fuzz` with libFuzzer.
 */
#ifndef LOGWATCH_TESTS_FUZZ_TARGETS_H
#define LOGWATCH_TESTS_FUZZ_TARGETS_H

#include "base/str.h"

struct fuzz_target {
	const char *name;
	void (*run)(struct text input);
	const char *const *seeds; /* NULL-ended: inputs to begin with */
};

extern const struct fuzz_target fuzz_targets[];
extern const size_t fuzz_target_count;

#endif
