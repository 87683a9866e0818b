/* fuzz_line.c: what is accepted as a line, or as a file name, must be written
 * the same way again. The bytes are tried as they are and with a correct
 * checksum after them. "make fuzz" runs it. */
#include "fuzz.h"
#include "../crc.h"
#include "../line.h"
#include "../name.h"

#include <string.h>

static void check_line(struct str text)
{
	struct buf scratch = { 0 }, again = { 0 };
	struct line l;

	if (line_decode(text, &l, &scratch) == NULL) {
		must(l.seq > 0 && l.seq == line_seq(text) && name_ok(l.user));
		line_encode(&again, &l);
		must(!again.err && again.n == text.n + 1 &&
		    again.p[text.n] == '\n' && memcmp(again.p, text.p,
		    text.n) == 0);
	}
	must(!scratch.err);
	buf_free(&scratch);
	buf_free(&again);
}

static void check_with_checksum(struct str fields)
{
	struct buf text = { 0 };

	buf_str_add(&text, fields);
	buf_printf(&text, "\t%08lx", (unsigned long)crc32c(0, fields.p,
	    fields.n));
	check_line(buf_str(&text));
	buf_free(&text);
}

static void check_file(struct str bytes)
{
	struct buf file = { 0 }, name = { 0 }, again = { 0 };

	buf_str_add(&file, bytes);
	buf_putc(&file, '\0');
	if (name_from_file(&name, file.p) == 0) {
		must(name_ok(buf_str(&name)));
		name_to_file(&again, buf_str(&name));
		must(str_is(buf_str(&again), file.p));
	}
	if (name_ok(bytes)) {
		buf_clear(&name);
		buf_clear(&file);
		name_to_file(&file, bytes);
		buf_putc(&file, '\0');
		must(name_from_file(&name, file.p) == 0 &&
		    str_eq(buf_str(&name), bytes));
	}
	buf_free(&file);
	buf_free(&name);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str s = { (const char *)bytes, n };

	check_line(s);
	check_with_checksum(s);
	check_file(s);
	return 0;
}
