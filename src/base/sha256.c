/* SPDX-License-Identifier: MIT */
#include "base/sha256.h"

#include <string.h>

/* FIPS 180-4, section 4.2.2: the fractional parts of cube roots of primes. */
static const uint32_t constants[64] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf,
	0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
	0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
	0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
	0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
	0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
	0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c,
	0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee,
	0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2 };

static uint32_t
rotate(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static uint32_t
word_read(const unsigned char *data)
{
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 |
	       (uint32_t)data[2] << 8 | data[3];
}

static void
word_write(uint32_t word, unsigned char *out)
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(word >> (24 - 8 * i));
}

/* Section 6.2.2, step 1: the message schedule. */
static void
schedule(const unsigned char *block, uint32_t w[static 64])
{
	for (size_t i = 0; i < 16; i++)
		w[i] = word_read(block + 4 * i);
	for (size_t i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10) + w[i - 7] +
		       (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 16];
	}
}

/* Steps 2 to 4, with the letters of the standard. */
static void
block_take(uint32_t state[static 8], const unsigned char *block)
{
	uint32_t w[64] = { 0 };
	uint32_t v[8];

	schedule(block, w);
	memcpy(v, state, sizeof v);
	for (size_t i = 0; i < 64; i++) {
		uint32_t a = v[0], b = v[1], c = v[2];
		uint32_t e = v[4], f = v[5], g = v[6];
		uint32_t t1 = v[7] +
		              (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
		              ((e & f) ^ (~e & g)) + constants[i] + w[i];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
		              ((a & b) ^ (a & c) ^ (b & c));

		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (size_t i = 0; i < 8; i++)
		state[i] += v[i];
}

void
sha256_begin(struct sha256 *s)
{
	*s = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372,
				  0xa54ff53a, 0x510e527f, 0x9b05688c,
				  0x1f83d9ab, 0x5be0cd19 } };
}

void
sha256_add(struct sha256 *s, struct text data)
{
	while (data.len > 0) {
		size_t used = s->len % SHA256_BLOCK;
		size_t n = SHA256_BLOCK - used;

		if (n > data.len)
			n = data.len;
		memcpy(s->block + used, data.data, n);
		if (used + n == SHA256_BLOCK)
			block_take(s->state, s->block);
		s->len += n;
		data.data += n;
		data.len -= n;
	}
}

void
sha256_end(struct sha256 *s, unsigned char out[static SHA256_SIZE])
{
	static const char padding[SHA256_BLOCK] = { '\x80' };
	uint64_t bits = s->len * 8;
	unsigned char length[8];

	word_write((uint32_t)(bits >> 32), length);
	word_write((uint32_t)bits, length + 4);
	/* to 8 bytes before the end of a block */
	sha256_add(
	    s, (struct text){ padding,
		   SHA256_BLOCK - (s->len + sizeof length) % SHA256_BLOCK });
	sha256_add(s, (struct text){ (const char *)length, sizeof length });
	for (size_t i = 0; i < 8; i++)
		word_write(s->state[i], out + 4 * i);
}

/* Begins a sum with the key, each byte of it changed as RFC 2104 says. */
static void
keyed_begin(struct sha256 *s, const unsigned char *key, unsigned char change)
{
	unsigned char block[SHA256_BLOCK];

	for (size_t i = 0; i < sizeof block; i++)
		block[i] = key[i] ^ change;
	sha256_begin(s);
	sha256_add(s, (struct text){ (const char *)block, sizeof block });
}

void
hmac_begin(struct hmac *h, struct text key)
{
	unsigned char block[SHA256_BLOCK] = { 0 };

	if (key.len > sizeof block) {
		sha256_begin(&h->inner);
		sha256_add(&h->inner, key);
		sha256_end(&h->inner, block);
	} else if (key.len > 0) {
		memcpy(block, key.data, key.len);
	}
	keyed_begin(&h->inner, block, 0x36);
	keyed_begin(&h->outer, block, 0x5c);
}

void
hmac_add(struct hmac *h, struct text data)
{
	sha256_add(&h->inner, data);
}

void
hmac_end(struct hmac *h, unsigned char out[static SHA256_SIZE])
{
	sha256_end(&h->inner, out);
	sha256_add(&h->outer, (struct text){ (const char *)out, SHA256_SIZE });
	sha256_end(&h->outer, out);
}
