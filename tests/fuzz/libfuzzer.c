/* SPDX-License-Identifier: MIT */
/*
 * For libFuzzer: $FUZZ_TARGET names the target, and $FUZZ_CORPUS the directory
 * that its seeds are put in first.
 */
#include "targets.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *
target(void)
{
	const char *name = getenv("FUZZ_TARGET");

	for (size_t i = 0; name != NULL && i < fuzz_target_count; i++)
		if (strcmp(fuzz_targets[i].name, name) == 0)
			return &fuzz_targets[i];
	fprintf(stderr, "FUZZ_TARGET names none of:");
	for (size_t i = 0; i < fuzz_target_count; i++)
		fprintf(stderr, " %s", fuzz_targets[i].name);
	fputc('\n', stderr);
	exit(2);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *dir = getenv("FUZZ_CORPUS");
	const struct fuzz_target *t = target();

	(void)argc;
	(void)argv;
	for (size_t i = 0; dir != NULL && t->seeds[i] != NULL; i++) {
		char path[4096];
		FILE *f;

		snprintf(path, sizeof path, "%s/seed-%zu", dir, i);
		f = fopen(path, "w");
		if (f == NULL || fputs(t->seeds[i], f) == EOF ||
		    fclose(f) != 0) {
			perror(path);
			exit(2);
		}
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_target *t;

	if (t == NULL)
		t = target();
	t->run((struct text){ (const char *)data, size });
	return 0;
}
