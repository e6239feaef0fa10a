/* SPDX-License-Identifier: MIT */
/*
 * Faults in rule files: collected, sorted, printed below the line they are in.
 */
#include "conf/diag.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>

#define FAULTS_MAX 1000
#define TEXT_MAX_BYTES 2048
#define MARK_EVERY 64 /* characters */
#define WIDTH_MAX 100 /* characters quoted of a line */
#define WORD_MAX 64   /* bytes; nobody means a longer key */

struct fault {
	struct place at;
	enum diag_severity severity;
	char *text;
};

/* A file with what it takes to go from bytes to characters to lines. */
struct file {
	char *name;
	struct text content; /* owned */
	size_t chars;
	size_t *marks; /* the byte of every MARK_EVERY-th character */
	size_t *lines; /* the character at which each line begins */
	size_t line_count;
};

struct diag {
	struct file *files;
	size_t file_count;
	struct fault *faults;
	size_t fault_count;
	size_t errors, warnings; /* in all, those not kept too */
};

struct diag *
diag_new(void)
{
	return mem_new(1, sizeof(struct diag));
}

void
diag_free(struct diag *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->file_count; i++) {
		free(d->files[i].name);
		free((char *)d->files[i].content.data);
		free(d->files[i].marks);
		free(d->files[i].lines);
	}
	for (size_t i = 0; i < d->fault_count; i++)
		free(d->faults[i].text);
	free(d->files);
	free(d->faults);
	free(d);
}

static struct text
text_from(struct text text, size_t offset)
{
	return (struct text){ text.data + offset, text.len - offset };
}

/* Whether the line ends at byte i: at LF, or at a CR without one behind. */
static bool
is_line_end(struct text text, size_t i)
{
	if (text.data[i] == '\r')
		return i + 1 == text.len || text.data[i + 1] != '\n';
	return text.data[i] == '\n';
}

static void
line_add(struct file *f, size_t *room)
{
	if (f->line_count == *room) {
		*room = *room * 2 + 64;
		f->lines = mem_resize(f->lines, *room, sizeof *f->lines);
	}
	f->lines[f->line_count++] = f->chars;
}

static void
file_index(struct file *f)
{
	size_t room = 0, at = 0;

	f->marks = mem_new(f->content.len / MARK_EVERY + 1, sizeof *f->marks);
	line_add(f, &room);
	while (at < f->content.len) {
		bool ends = is_line_end(f->content, at);

		if (f->chars % MARK_EVERY == 0)
			f->marks[f->chars / MARK_EVERY] = at;
		at += utf8_next(text_from(f->content, at)).len;
		f->chars++;
		if (ends)
			line_add(f, &room);
	}
	if (f->chars % MARK_EVERY == 0)
		f->marks[f->chars / MARK_EVERY] = at;
}

const char *
diag_file(struct diag *d, const char *name, struct text content)
{
	struct file f = { .name = mem_text(name),
		.content = {
		    mem_copy(content.data, content.len), content.len } };

	file_index(&f);
	d->files = mem_resize(d->files, d->file_count + 1, sizeof *d->files);
	d->files[d->file_count++] = f;
	return f.name;
}

/* The index of a file; file_count where it is none of ours. */
static size_t
file_find(const struct diag *d, const char *name)
{
	size_t i = 0;

	while (i < d->file_count && d->files[i].name != name)
		i++;
	return i;
}

/* The byte of a character. */
static size_t
char_to_byte(const struct file *f, size_t index)
{
	size_t at, i;

	if (index >= f->chars)
		return f->content.len;
	at = f->marks[index / MARK_EVERY];
	for (i = index % MARK_EVERY; i > 0; i--)
		at += utf8_next(text_from(f->content, at)).len;
	return at;
}

/* The last of count rising values that is not above limit, by index. */
static size_t
last_within(const size_t *values, size_t count, size_t limit)
{
	size_t low = 0, high = count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (values[middle] <= limit)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The character that a byte belongs to. */
static size_t
byte_to_char(const struct file *f, size_t offset)
{
	size_t mark, at, index;

	if (offset >= f->content.len)
		return f->chars;
	mark = last_within(f->marks, (f->chars - 1) / MARK_EVERY + 1, offset);
	at = f->marks[mark];
	index = mark * MARK_EVERY;
	for (;;) {
		at += utf8_next(text_from(f->content, at)).len;
		if (at > offset)
			return index;
		index++;
	}
}

struct place
diag_place(const struct diag *d, const char *file, size_t offset)
{
	size_t i = file_find(d, file);
	size_t index, line;

	assert(i < d->file_count);
	index = byte_to_char(&d->files[i], offset);
	line = last_within(d->files[i].lines, d->files[i].line_count, index);
	return (struct place){ file, (unsigned)line + 1,
		(unsigned)(index - d->files[i].lines[line]) + 1 };
}

size_t
diag_offset(const struct diag *d, const char *file, size_t index)
{
	size_t i = file_find(d, file);

	assert(i < d->file_count);
	return char_to_byte(&d->files[i], index);
}

static bool
fault_equal(const struct fault *a, const struct fault *b)
{
	return a->at.file == b->at.file && a->at.line == b->at.line &&
	       a->at.column == b->at.column && a->severity == b->severity &&
	       strcmp(a->text, b->text) == 0;
}

/* Takes over the text. */
static void
fault_add(struct diag *d, struct fault fault)
{
	for (size_t i = 0; i < d->fault_count; i++) {
		if (!fault_equal(&d->faults[i], &fault))
			continue;
		free(fault.text);
		return;
	}
	if (fault.severity == DIAG_ERROR)
		d->errors++;
	else
		d->warnings++;
	if (d->fault_count == FAULTS_MAX) {
		free(fault.text);
		return;
	}
	d->faults =
	    mem_resize(d->faults, d->fault_count + 1, sizeof *d->faults);
	d->faults[d->fault_count++] = fault;
}

/* What may stand in one line of a terminal. */
static char *
line_text(struct text text)
{
	struct str out = { 0 };

	utf8_display(utf8_head_bytes(text, TEXT_MAX_BYTES), &out);
	for (size_t i = 0; i < out.len; i++)
		if (out.data[i] == '\n' || out.data[i] == '\t')
			out.data[i] = ' ';
	if (text.len > TEXT_MAX_BYTES)
		str_puts(&out, "...");
	return str_take(&out);
}

static void __attribute__((format(printf, 4, 0)))
fault_format(struct diag *d, struct place at, enum diag_severity severity,
    const char *format, va_list args)
{
	char *raw = NULL;

	if (vasprintf(&raw, format, args) < 0)
		raw = mem_text(format);
	fault_add(d, (struct fault){ at, severity, line_text(text_of(raw)) });
	free(raw);
}

void
diag_error(struct diag *d, struct place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fault_format(d, at, DIAG_ERROR, format, args);
	va_end(args);
}

void
diag_warning(struct diag *d, struct place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fault_format(d, at, DIAG_WARNING, format, args);
	va_end(args);
}

size_t
diag_errors(const struct diag *d)
{
	return d->errors;
}

size_t
diag_warnings(const struct diag *d)
{
	return d->warnings;
}

/* In the order of printing; what was found first is first where equal. */
static int
fault_compare(const void *a, const void *b, void *ctx)
{
	const struct fault *const *x = a, *const *y = b;
	const struct diag *d = ctx;
	size_t file_x = file_find(d, (*x)->at.file);
	size_t file_y = file_find(d, (*y)->at.file);

	if (file_x != file_y)
		return file_x < file_y ? -1 : 1;
	if ((*x)->at.line != (*y)->at.line)
		return (*x)->at.line < (*y)->at.line ? -1 : 1;
	if ((*x)->at.column != (*y)->at.column)
		return (*x)->at.column < (*y)->at.column ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* The faults in the order of printing; the caller frees the array. */
static const struct fault **
faults_sorted(const struct diag *d)
{
	const struct fault **sorted = mem_new(d->fault_count, sizeof *sorted);

	for (size_t i = 0; i < d->fault_count; i++)
		sorted[i] = &d->faults[i];
	qsort_r(
	    sorted, d->fault_count, sizeof *sorted, fault_compare, (void *)d);
	return sorted;
}

/* Columns that a character takes: East Asian ones two, combining ones none. */
static unsigned
char_width(uint32_t code)
{
	static const struct {
		uint32_t from, to;
		unsigned width;
	} widths[] = { { 0x300, 0x36f, 0 }, { 0x1100, 0x115f, 2 },
		{ 0x200b, 0x200d, 0 }, { 0x2e80, 0xa4cf, 2 },
		{ 0xac00, 0xd7a3, 2 }, { 0xf900, 0xfaff, 2 },
		{ 0xfe00, 0xfe0f, 0 }, { 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 }, { 0xffe0, 0xffe6, 2 },
		{ 0x1f300, 0x1f64f, 2 }, { 0x1f900, 0x1f9ff, 2 },
		{ 0x20000, 0x3fffd, 2 } };

	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
		if (code >= widths[i].from && code <= widths[i].to)
			return widths[i].width;
	return 1;
}

/* The part of a line that is shown, in characters of the file. */
struct window {
	size_t from, to;
	size_t caret;
	bool head, tail; /* whether something is left out there */
};

static bool
is_newline(const struct file *f, size_t index)
{
	char c = f->content.data[char_to_byte(f, index)];

	return c == '\n' || c == '\r';
}

static struct window
window_of(const struct file *f, struct place at)
{
	size_t from = f->lines[at.line - 1];
	size_t to = at.line < f->line_count ? f->lines[at.line] : f->chars;
	struct window w = { from, to, from + at.column - 1, false, false };

	while (to > from && is_newline(f, to - 1))
		to--;
	w.to = to;
	if (to - from <= WIDTH_MAX)
		return w;
	if (w.caret > from + WIDTH_MAX / 2)
		w.from = w.caret - WIDTH_MAX / 2;
	if (w.from + WIDTH_MAX > to)
		w.from = to - WIDTH_MAX;
	w.to = w.from + WIDTH_MAX;
	w.head = w.from > from;
	w.tail = w.to < to;
	return w;
}

/* Adds the quoted text and what stands below it, up to the caret. */
static void
window_write(const struct file *f, const struct window *w, struct str *quoted,
    struct str *below)
{
	size_t at = char_to_byte(f, w->from);

	str_puts(quoted, w->head ? "..." : "");
	str_puts(below, w->head ? "   " : "");
	for (size_t i = w->from; i < w->to; i++) {
		struct text rest = text_from(f->content, at);
		struct utf8_char c = utf8_next(rest);
		bool tab = c.code == '\t';

		if (c.valid && (tab || !utf8_is_control(c.code))) {
			str_add(quoted, rest.data, c.len);
		} else {
			str_puts(quoted, "\xef\xbf\xbd");
			c.code = 0xfffd;
		}
		for (unsigned n = char_width(c.code); i < w->caret && n > 0;
		     n--)
			str_putc(below, tab ? '\t' : ' ');
		at += c.len;
	}
	str_puts(quoted, w->tail ? "..." : "");
}

static void
quote_print(const struct file *f, struct place at, FILE *out, bool colour)
{
	struct str quoted = { 0 }, below = { 0 };
	struct window w;

	if (at.line == 0 || at.line > f->line_count)
		return;
	w = window_of(f, at);
	if (w.from == w.to)
		return;
	window_write(f, &w, &quoted, &below);
	fprintf(out, "%4u | %s\n", at.line, quoted.data);
	if (at.column > 0)
		fprintf(out, "     | %s%s^%s\n", below.data ? below.data : "",
		    colour ? "\033[1;32m" : "", colour ? "\033[m" : "");
	str_free(&quoted);
	str_free(&below);
}

static const char *
severity_name(enum diag_severity severity)
{
	return severity == DIAG_ERROR ? "error" : "warning";
}

/* "FILE:LINE:COLUMN: ", as far as it is known. */
static void
place_print(const struct place *at, FILE *out)
{
	char *name;

	if (at->file == NULL)
		return;
	name = line_text(text_of(at->file));
	fprintf(out, "%s:", name);
	if (at->line > 0)
		fprintf(out, "%u:", at->line);
	if (at->line > 0 && at->column > 0)
		fprintf(out, "%u:", at->column);
	fputc(' ', out);
	free(name);
}

static void
fault_print(const struct fault *fault, FILE *out, bool colour)
{
	const char *red =
	    fault->severity == DIAG_ERROR ? "\033[1;31m" : "\033[1;35m";

	if (colour)
		fputs("\033[1m", out);
	place_print(&fault->at, out);
	fprintf(out, "%s%s:%s %s\n", colour ? red : "",
	    severity_name(fault->severity), colour ? "\033[m" : "",
	    fault->text);
}

void
diag_print(const struct diag *d, FILE *out, bool colour)
{
	const struct fault **sorted = faults_sorted(d);
	size_t all = d->errors + d->warnings;

	for (size_t i = 0; i < d->fault_count; i++) {
		size_t file = file_find(d, sorted[i]->at.file);

		fault_print(sorted[i], out, colour);
		if (file < d->file_count)
			quote_print(
			    &d->files[file], sorted[i]->at, out, colour);
	}
	if (all > d->fault_count)
		fprintf(out, "%zu more faults are not shown\n",
		    all - d->fault_count);
	free(sorted);
}

void
diag_print_json(const struct diag *d, FILE *out)
{
	const struct fault **sorted = faults_sorted(d);

	for (size_t i = 0; i < d->fault_count; i++) {
		const struct place *at = &sorted[i]->at;
		char *name = line_text(text_of(at->file));
		json_t *object =
		    json_pack("{s:s, s:I, s:I, s:s, s:s}", "file", name, "line",
			(json_int_t)at->line, "column", (json_int_t)at->column,
			"severity", severity_name(sorted[i]->severity), "text",
			sorted[i]->text);

		json_dumpf(object, out, JSON_COMPACT);
		fputc('\n', out);
		json_decref(object);
		free(name);
	}
	free(sorted);
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static char
small(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c;
}

/*
 * Optimal string alignment: insertions, deletions, changes, and two
 * neighbours that changed places, each counted once.
 */
static unsigned
distance(struct text a, struct text b)
{
	unsigned d[3][WORD_MAX + 1]; /* rows of the table, in turn */

	for (unsigned j = 0; j <= b.len; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *row = d[i % 3], *above = d[(i + 2) % 3];
		const unsigned *above2 = d[(i + 1) % 3];
		char x = small(a.data[i - 1]);

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			char y = small(b.data[j - 1]);

			row[j] = least(above[j - 1] + (x != y),
			    1 + least(above[j], row[j - 1]));
			if (i > 1 && j > 1 && x == small(b.data[j - 2]) &&
			    small(a.data[i - 2]) == y)
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return d[a.len % 3][b.len];
}

const char *
diag_suggest(const char *word, const char *const *candidates, size_t count)
{
	struct text meant = text_of(word);
	const char *best = NULL;
	unsigned nearest = WORD_MAX;

	if (meant.len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct text c = text_of(candidates[i]);
		size_t longer = c.len > meant.len ? c.len : meant.len;
		size_t shorter = c.len > meant.len ? meant.len : c.len;
		unsigned far;

		if (c.len > WORD_MAX || longer - shorter > longer / 3)
			continue;
		far = distance(meant, c);
		if (far > longer / 3 || far >= nearest)
			continue;
		nearest = far;
		best = candidates[i];
	}
	return best;
}
