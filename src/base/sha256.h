/* SPDX-License-Identifier: MIT */
/**
 * SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104), for signatures.  What it
 * takes in is public or leaves this machine: it takes no care to hide itself
 * from who measures its time.
 */
#ifndef LOGWATCH_BASE_SHA256_H
#define LOGWATCH_BASE_SHA256_H

#include "base/str.h"

#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_BLOCK 64

struct sha256 {
	uint32_t state[8];
	uint64_t len; /* bytes so far; those of the last block wait in it */
	unsigned char block[SHA256_BLOCK];
};

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, struct text data);
void sha256_end(struct sha256 *s, unsigned char out[static SHA256_SIZE]);

struct hmac {
	struct sha256 inner, outer;
};

/** key  of any length */
void hmac_begin(struct hmac *h, struct text key);
void hmac_add(struct hmac *h, struct text data);
void hmac_end(struct hmac *h, unsigned char out[static SHA256_SIZE]);

#endif
