/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 and HMAC against the vectors of the standards, base64 against those
 * of RFC 4648.
 */
#include "base/base64.h"
#include "base/mem.h"
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
check_hex(const unsigned char *sum, const char *hex)
{
	char text[2 * SHA256_SIZE + 1];

	for (size_t i = 0; i < SHA256_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", sum[i]);
	assert_string_equal(text, hex);
}

/* One character many times. */
static struct text
repeated(char c, size_t count, struct str *out)
{
	str_clear(out);
	memset(str_reserve(out, count), c, count);
	out->len = count;
	return str_text(out);
}

static void
the_sums_are_those_of_the_standard(void **state)
{
	/* NIST's examples for FIPS 180-4, and what pads to one block and two */
	static const struct {
		const char *text;
		const char *sum;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb924"
		      "27ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223"
			 "b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1" },
		{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		    "cf5b16a778af8380036ce59e7b049237"
		    "0b249b11e8f07a51afac45037afee9d1" },
	};
	unsigned char sum[SHA256_SIZE];
	struct str million = { 0 };
	struct sha256 s;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		sha256_begin(&s);
		sha256_add(&s, text_of(cases[i].text));
		sha256_end(&s, sum);
		check_hex(sum, cases[i].sum);
	}
	sha256_begin(&s);
	sha256_add(&s, repeated('a', 1000000, &million));
	sha256_end(&s, sum);
	check_hex(sum, "cdc76e5c9914fb9281a1c7e284d73e67"
		       "f1809a48a497200e046d39ccc7112cd0");
	str_free(&million);
}

static void
pieces_of_any_length_add_up_to_the_same(void **state)
{
	unsigned char whole[SHA256_SIZE], pieces[SHA256_SIZE];
	struct str data = { 0 };
	struct sha256 s;

	(void)state;
	for (size_t len = 0; len <= 200; len++) {
		struct text text = repeated('x', len, &data);

		sha256_begin(&s);
		sha256_add(&s, text);
		sha256_end(&s, whole);
		for (size_t piece = 1; piece <= 70; piece += 23) {
			sha256_begin(&s);
			for (size_t at = 0; at < len; at += piece)
				sha256_add(&s,
				    (struct text){ text.data + at,
					len - at < piece ? len - at : piece });
			sha256_end(&s, pieces);
			assert_memory_equal(whole, pieces, SHA256_SIZE);
		}
	}
	str_free(&data);
}

static void
check_hmac(struct text key, struct text data, const char *hex)
{
	unsigned char sum[SHA256_SIZE];
	struct hmac h;

	hmac_begin(&h, key);
	hmac_add(&h, data);
	hmac_end(&h, sum);
	check_hex(sum, hex);
}

static void
keyed_sums_are_those_of_rfc_4231(void **state)
{
	struct str key = { 0 }, data = { 0 };

	(void)state;
	check_hmac(repeated('\x0b', 20, &key), TEXT("Hi There"),
	    "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7");
	check_hmac(TEXT("Jefe"), TEXT("what do ya want for nothing?"),
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	check_hmac(repeated('\xaa', 20, &key), repeated('\xdd', 50, &data),
	    "773ea91e36800e46854db8ebd09181a7"
	    "2959098b3ef8c122d9635514ced565fe");
	check_hmac(TEXT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
			"\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"),
	    repeated('\xcd', 50, &data),
	    "82558a389a443c0ea4cc819899f2083a"
	    "85f0faa3e578f8077a2e3ff46729665b");
	check_hmac(repeated('\xaa', 131, &key),
	    TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
	    "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
	check_hmac(repeated('\xaa', 131, &key),
	    TEXT("This is a test using a larger than block-size key and a "
		 "larger than block-size data. The key needs to be hashed "
		 "before being used by the HMAC algorithm."),
	    "9b09ffa71b942fcb27635fbcd5b0e944"
	    "bfdc63644f0713938a7f51535c3a35e2");
	str_free(&key);
	str_free(&data);
}

static const struct {
	const char *data, *text;
} base64s[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xff\xfe\xfb", "//77" },
};

static void
base64_is_written_and_read(void **state)
{
	struct str out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof base64s / sizeof *base64s; i++) {
		struct text unpadded = { base64s[i].text,
			strcspn(base64s[i].text, "=") };

		str_clear(&out);
		base64_add(text_of(base64s[i].data), &out);
		assert_true(text_is(str_text(&out), base64s[i].text));
		str_clear(&out);
		assert_true(base64_read(text_of(base64s[i].text), &out));
		assert_true(text_is(str_text(&out), base64s[i].data));
		str_clear(&out);
		assert_true(base64_read(unpadded, &out));
		assert_true(text_is(str_text(&out), base64s[i].data));
	}
	str_free(&out);
}

static void
what_is_no_base64_is_not_read(void **state)
{
	static const char *const bad[] = { "Z", "Zg=", "Zg===", "=",
		"====", "Zm9v=", "Zm9vZ", "Zm 9", "Zm9\n", "Zm-_",
		"Zh==", "Zm9=", "Z=g=", "Zg==Zg==",
		"\xc3\xa4"
		"aa" };
	struct str out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (base64_read(text_of(bad[i]), &out))
			fail_msg("'%s' was read", bad[i]);
	assert_false(base64_read((struct text){ "Zg\0=", 4 }, &out));
	str_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sums_are_those_of_the_standard),
		cmocka_unit_test(pieces_of_any_length_add_up_to_the_same),
		cmocka_unit_test(keyed_sums_are_those_of_rfc_4231),
		cmocka_unit_test(base64_is_written_and_read),
		cmocka_unit_test(what_is_no_base64_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
