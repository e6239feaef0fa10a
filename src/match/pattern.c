/* SPDX-License-Identifier: MIT */
/*
 * The one door to PCRE2.
 */
#include "match/pattern.h"

#include "base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/*
 * A tenth of PCRE2's default of ten million, and less again: `(a+)+$` on forty
 * characters needs 100 ms to hit that, 1 ms to hit this.
 */
#define MATCH_LIMIT 100000
#define DEPTH_LIMIT 10000
#define HEAP_LIMIT_KIB 8192
#define CALLOUTS_MAX 2000000 /* of one search, some 50 ms */
#define JIT_STACK_START (32 * 1024)
#define JIT_STACK_MAX (1024 * 1024)

struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	char **names;
	uint32_t *numbers; /* of the group of each name */
	size_t count;
	bool jit;
	uint64_t failures;
	struct text text; /* owned */
};

void
captures_add(struct captures *cs, const char *name, struct text value)
{
	cs->v[cs->count++] = (struct capture){ .name = name, .value = value };
}

struct text
captures_get(const struct captures *cs, const char *name)
{
	for (size_t i = 0; i < cs->count; i++)
		if (strcmp(cs->v[i].name, name) == 0)
			return cs->v[i].value;
	return (struct text){ NULL, 0 };
}

void
captures_offer(struct captures *cs, const struct capture *more)
{
	size_t k = 0;

	while (k < cs->count && strcmp(cs->v[k].name, more->name) != 0)
		k++;
	if (k == cs->count && k < CAPTURES_MAX)
		cs->v[cs->count++] = *more;
}

void
captures_merge(struct captures *cs, const struct captures *more)
{
	for (size_t i = 0; i < more->count; i++)
		captures_offer(cs, &more->v[i]);
}

/* The name table: entries of a fixed size, a group number of two bytes, then
 * the name (pcre2api(3), PCRE2_INFO_NAMETABLE). */
static void
read_names(struct pattern *p)
{
	uint32_t count = 0, size = 0;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
	p->count = count;
	p->names = mem_new(count, sizeof *p->names);
	p->numbers = mem_new(count, sizeof *p->numbers);
	for (uint32_t i = 0; i < count; i++) {
		PCRE2_SPTR entry = table + (size_t)i * size;

		p->numbers[i] = (uint32_t)entry[0] << 8 | entry[1];
		p->names[i] = mem_text((const char *)entry + 2);
	}
}

/* (*NO_JIT) at a pattern's start leaves it uncompiled, and is no error. */
static bool
compile_jit(pcre2_code *code)
{
	size_t size = 0;

	if (pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0)
		pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &size);
	return size > 0;
}

static pcre2_code *
compile(struct text text, uint32_t options, size_t *offset, struct err *err)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code;
	PCRE2_UCHAR words[256];
	uint32_t names = 0;
	int number = 0;

	*offset = 0;
	mem_check(context);
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_max_pattern_length(context, PATTERN_SIZE_MAX);
	pcre2_set_parens_nest_limit(context, 100);
	/* \C would match half a character, and captures must stay UTF-8. */
	code =
	    pcre2_compile((PCRE2_SPTR)(text.len > 0 ? text.data : ""), text.len,
		PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | options,
		&number, offset, context);
	pcre2_compile_context_free(context);
	if (code == NULL) {
		pcre2_get_error_message(number, words, sizeof words);
		err_set(err, "%s", (const char *)words);
		return NULL;
	}
	pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &names);
	if (names > PATTERN_NAMES_MAX) {
		err_set(err, "more than %d named captures", PATTERN_NAMES_MAX);
		*offset = 0;
		pcre2_code_free(code);
		return NULL;
	}
	return code;
}

struct pattern *
pattern_compile(struct text text, size_t *offset, struct err *err)
{
	size_t at = 0;
	pcre2_code *code = compile(text, 0, &at, err);
	struct pattern *p;

	if (code == NULL) {
		if (offset != NULL)
			*offset = at;
		return NULL;
	}
	p = mem_new(1, sizeof *p);
	p->code = code;
	p->jit = compile_jit(code);
	p->data = mem_check(pcre2_match_data_create_from_pattern(code, NULL));
	p->context = mem_check(pcre2_match_context_create(NULL));
	pcre2_set_match_limit(p->context, MATCH_LIMIT);
	pcre2_set_depth_limit(p->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(p->context, HEAP_LIMIT_KIB);
	read_names(p);
	p->text = (struct text){ mem_copy(text.data, text.len), text.len };
	return p;
}

void
pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++)
		free(p->names[i]);
	free(p->names);
	free(p->numbers);
	free((char *)p->text.data);
	pcre2_jit_stack_free(p->stack);
	pcre2_match_context_free(p->context);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	free(p);
}

static int
run(struct pattern *p, struct text subject, uint32_t options)
{
	PCRE2_SPTR data = (PCRE2_SPTR)(subject.len > 0 ? subject.data : "");

	/* What pcre2_match() looks into before it calls the same takes longer
	 * than most patterns on most lines. */
	if (p->jit && options == 0)
		return pcre2_jit_match(
		    p->code, data, subject.len, 0, 0, p->data, p->context);
	return pcre2_match(p->code, data, subject.len, 0,
	    PCRE2_NO_UTF_CHECK | options, p->data, p->context);
}

/* The 32 KiB of the machine stack that JIT takes by itself are enough for most;
 * then a stack of its own, and where that overflows the interpreter. */
static int
search(struct pattern *p, struct text subject)
{
	int rc = run(p, subject, 0);

	if (rc == PCRE2_ERROR_JIT_STACKLIMIT && p->stack == NULL) {
		p->stack = pcre2_jit_stack_create(
		    JIT_STACK_START, JIT_STACK_MAX, NULL);
		if (p->stack != NULL) {
			pcre2_jit_stack_assign(p->context, NULL, p->stack);
			rc = run(p, subject, 0);
		}
	}
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = run(p, subject, PCRE2_NO_JIT);
	return rc;
}

static void
read_captures(
    const struct pattern *p, struct text subject, struct captures *out)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(p->data);
	uint32_t groups = pcre2_get_ovector_count(p->data);

	out->count = 0;
	for (size_t i = 0; i < p->count && out->count < CAPTURES_MAX; i++) {
		uint32_t n = p->numbers[i];
		struct text value = { "", 0 };

		if (n < groups && ends[2 * n] != PCRE2_UNSET &&
		    ends[2 * n + 1] > ends[2 * n])
			value = (struct text){ subject.data + ends[2 * n],
				ends[2 * n + 1] - ends[2 * n] };
		/* With (?J) one name has several groups: that which took part
		 * counts. */
		if (out->count > 0 &&
		    strcmp(out->v[out->count - 1].name, p->names[i]) == 0) {
			if (out->v[out->count - 1].value.len == 0)
				out->v[out->count - 1].value = value;
		} else {
			captures_offer(
			    out, &(struct capture){
				     .name = p->names[i], .value = value });
		}
	}
}

enum match_result
pattern_match(struct pattern *p, struct text subject, struct captures *captures,
    struct text *span)
{
	int rc = search(p, subject);
	const PCRE2_SIZE *ends;

	if (rc == PCRE2_ERROR_NOMATCH)
		return MATCH_NO;
	if (rc < 0) {
		p->failures++;
		return MATCH_FAILED;
	}
	ends = pcre2_get_ovector_pointer(p->data);
	if (captures != NULL)
		read_captures(p, subject, captures);
	if (span != NULL)
		/* \K in a lookahead can put the start behind the end. */
		*span = ends[0] <= ends[1]
		            ? (struct text){ subject.data + ends[0],
				      ends[1] - ends[0] }
		            : (struct text){ subject.data + ends[1], 0 };
	return MATCH_YES;
}

/* Asked before each item of the pattern, and at its end (pcre2callout(3)). */
struct reaching {
	struct reach *reach;
	uint64_t callouts;
};

static int
on_item(pcre2_callout_block *block, void *ctx)
{
	struct reaching *r = ctx;
	struct reach *best = r->reach;
	size_t len = block->current_position - block->start_match;

	if (++r->callouts > CALLOUTS_MAX)
		return PCRE2_ERROR_CALLOUT;
	/* \K, or a look behind, may be in front of the start. */
	if (block->current_position < block->start_match)
		return 0;
	/* Of one stretch the last item that was tried behind it. */
	if (len < best->end - best->start ||
	    (len == best->end - best->start &&
		(block->start_match != best->start ||
		    block->pattern_position < best->want)))
		return 0;
	*best = (struct reach){ .start = block->start_match,
		.end = block->current_position,
		.want = block->pattern_position,
		.want_len = block->next_item_length };
	return 0;
}

bool
pattern_reach(const struct pattern *p, struct text subject, struct reach *out)
{
	const PCRE2_SPTR data =
	    (PCRE2_SPTR)(subject.len > 0 ? subject.data : "");
	pcre2_match_context *context =
	    mem_check(pcre2_match_context_create(NULL));
	struct reaching r = { .reach = out };
	struct err err;
	size_t offset;
	/* What PCRE2 would leave out because it cannot lead to a match is what
	 * is asked for here. */
	pcre2_code *code = compile(p->text,
	    PCRE2_AUTO_CALLOUT | PCRE2_NO_START_OPTIMIZE |
		PCRE2_NO_AUTO_POSSESS | PCRE2_NO_DOTSTAR_ANCHOR,
	    &offset, &err);
	pcre2_match_data *found;
	int rc;

	*out = (struct reach){ 0 };
	if (code == NULL) { /* with callouts it is too large */
		pcre2_match_context_free(context);
		return false;
	}
	found = mem_check(pcre2_match_data_create_from_pattern(code, NULL));
	pcre2_set_match_limit(context, MATCH_LIMIT);
	pcre2_set_depth_limit(context, DEPTH_LIMIT);
	pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
	pcre2_set_callout(context, on_item, &r);
	rc = pcre2_match(
	    code, data, subject.len, 0, PCRE2_NO_UTF_CHECK, found, context);
	pcre2_match_data_free(found);
	pcre2_match_context_free(context);
	pcre2_code_free(code);
	/* At the end of some patterns PCRE2 tells of an item that is none. */
	if (out->want > p->text.len)
		out->want = p->text.len;
	if (out->want_len > p->text.len - out->want)
		out->want_len = p->text.len - out->want;
	return rc >= 0 || rc == PCRE2_ERROR_NOMATCH;
}

struct text
pattern_text(const struct pattern *p)
{
	return p->text;
}

size_t
pattern_names(const struct pattern *p)
{
	return p->count;
}

const char *
pattern_name(const struct pattern *p, size_t i)
{
	return p->names[i];
}

bool
pattern_matches_empty(struct pattern *p)
{
	return search(p, (struct text){ "", 0 }) >= 0;
}

uint64_t
pattern_failures(const struct pattern *p)
{
	return p->failures;
}

bool
pattern_is_jit(const struct pattern *p)
{
	return p->jit;
}

enum match_result
patterns_match(const struct patterns *ps, struct text subject,
    struct captures *captures, struct text *span)
{
	enum match_result result = MATCH_NO;

	for (size_t i = 0; i < ps->count; i++) {
		enum match_result one =
		    pattern_match(ps->v[i], subject, captures, span);

		if (one == MATCH_YES)
			return MATCH_YES;
		if (one == MATCH_FAILED)
			result = MATCH_FAILED;
	}
	return result;
}

void
patterns_free(struct patterns *ps)
{
	for (size_t i = 0; i < ps->count; i++)
		pattern_free(ps->v[i]);
	free(ps->v);
	*ps = (struct patterns){ 0 };
}
