/* bench_fill.c: makes a big data directory without a server. */
#include "bench.h"

#include "../line.h"
#include "../name.h"
#include "../util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_BYTES ((size_t)1024 * 1024)       /* written at a time */

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) == -1 && errno != EEXIST)
		die(EXIT_IO, "%s:", path);
}

static void write_buf(int fd, struct buf *b)
{
	if (b->err)
		die(EXIT_FAILED, "out of memory");
	for (size_t done = 0; done < b->n; ) {
		ssize_t n = write(fd, b->p + done, b->n - done);

		if (n == -1)
			die(EXIT_IO, "write:");
		done += (size_t)n;
	}
	buf_clear(b);
}

/* The lines that the server would have written. */
static void write_lines(int fd, uint64_t lines)
{
	static struct buf id, out;
	struct line l = { .ms = INT64_C(1700000000000), .user = STR("ana"),
	    .message = STR("Bom dia a todos, alguém sabe a que horas "
	    "começa a reunião?"), .stamp = STR("1700000000.123") };

	for (l.seq = 1; l.seq <= lines; l.seq++, l.ms++) {
		buf_clear(&id);
		buf_puts(&id, "fill-");
		buf_u64(&id, l.seq);
		l.id = buf_str(&id);
		line_encode(&out, &l);
		if (out.n >= WRITE_BYTES)
			write_buf(fd, &out);
	}
	write_buf(fd, &out);
}

static void fill_log(const char *dir, struct str topic, uint64_t lines)
{
	static struct buf path;
	int fd;

	buf_clear(&path);
	buf_printf(&path, "%s/channels/", dir);
	name_to_file(&path, topic);
	buf_putc(&path, '\0');
	if (path.err)
		die(EXIT_FAILED, "out of memory");
	fd = open(path.p, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd == -1)
		die(EXIT_IO, "%s:", path.p);
	write_lines(fd, lines);
	if (close(fd) == -1)
		die(EXIT_IO, "%s:", path.p);
}

static void make_dirs(const char *dir)
{
	struct buf channels = { 0 };

	buf_printf(&channels, "%s/channels", dir);
	buf_putc(&channels, '\0');
	if (channels.err)
		die(EXIT_FAILED, "out of memory");
	make_dir(dir);
	make_dir(channels.p);
	buf_free(&channels);
}

/* DIRECTORY: the logs of t0, t1 ... DIRECTORY TOPIC: the log of TOPIC. */
void bench_fill(char **operand)
{
	struct buf topic = { 0 };

	make_dirs(operand[0]);
	if (operand[1] != NULL) {
		fill_log(operand[0], str_of(operand[1]), bench.count);
		return;
	}
	for (uint64_t i = 0; i < bench.topics; i++) {
		buf_clear(&topic);
		buf_printf(&topic, "t%" PRIu64, i);
		fill_log(operand[0], buf_str(&topic), bench.count);
	}
	buf_free(&topic);
}
