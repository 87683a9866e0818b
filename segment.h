/* segment.h: the files of the journal, record by record. Only journal.c uses
 * it. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "buf.h"
#include "disk.h"

#define SEGMENT_HEADER_BYTES 40
#define SEGMENT_NAME_BYTES   sizeof "0123456789abcdef.journal"

struct segment {
	uint64_t number, start;
	int64_t ms;             /* when it was begun */
	uint64_t messages;
};

enum record_kind {
	RECORD_BATCH = 'b', RECORD_CHECKPOINT = 'c', RECORD_SEAL = 's'
};

struct record {
	uint64_t at, end;       /* positions */
	uint64_t kind, length, messages, crc;
	struct str payload;     /* the reader's, until it reads again */
};

struct segment_reader {
	struct disk *disk;
	struct buf in;          /* the last record, in clear */
};

/* What the functions that read return. SEGMENT_FAILED sets errno. */
enum { SEGMENT_VALID = 1, SEGMENT_INVALID = 0, SEGMENT_FAILED = -1 };

void segment_name(char name[SEGMENT_NAME_BYTES], uint64_t number);
/* The offset of a position in its segment's file. */
uint64_t segment_offset(const struct segment *s, uint64_t position);

/* Fills in s, whose number is known, from the header. */
int segment_read_header(struct segment_reader *r, int fd, struct segment *s);
/* The same; if the header is damaged but a record follows, from that. */
int segment_read_start(struct segment_reader *r, int fd, struct segment *s);
/* Makes b a header. */
void segment_put_header(struct buf *b, const struct segment *s);

int record_read(struct segment_reader *r, int fd, const struct segment *s,
    uint64_t at, struct record *record);
/* The first valid record after a position that does not have one:
 * SEGMENT_VALID with *at, or SEGMENT_INVALID. */
int record_find(struct segment_reader *r, int fd, const struct segment *s,
    uint64_t from, uint64_t *at);
/* The bytes of the record that was read last, as they are in the file. Its
 * payload is gone then. */
struct str record_raw(struct segment_reader *r);
/* Makes b a record. */
void record_put(struct buf *b, uint64_t at, enum record_kind kind,
    struct str payload, uint64_t messages);
uint64_t record_bytes(size_t payload);

#endif
