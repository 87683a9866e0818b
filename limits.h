/* limits.h: every limit that a peer, a user or another file can run into.
 *
 * Each has its unit, its reason, and a _Static_assert for what must move
 * with it. Constants that only tune one file stay in that file. */
#ifndef LIMITS_H
#define LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* The number itself as text, for messages: LIMIT_TEXT(NAME_BYTES_MAX). */
#define LIMIT_TEXT(n)  LIMIT_TEXT_(n)
#define LIMIT_TEXT_(n) #n

#define MIB ((size_t)1024 * 1024)

/* Control characters grow sixfold, to \uXXXX, both in JSON and in a log. */
#define ESCAPED_MAX 6

/* ---- the protocol: PROTOCOL.md has the same numbers ---- */

/* Bytes of a user's or channel's name, which becomes a file name. */
#define NAME_BYTES_MAX 64
/* Every byte percent-encoded, then ".log.damaged-" or ".log.dropped-" and a
 * time. NAME_MAX, which POSIX lets a system leave undefined, is 255 wherever
 * this runs. */
_Static_assert(3 * NAME_BYTES_MAX + sizeof ".log.damaged-" + 24 <= 255,
    "the name of a file that is set aside must fit");

/* Bytes of a message. */
#define MESSAGE_BYTES_MAX 32768

/* Printable ASCII characters of a request's id. */
#define ID_BYTES_MAX 64

/* Bytes of a client's timestamp; a longer one is not a time and is left out. */
#define STAMP_BYTES_MAX 256

/* KiB of a request's body. The server refuses a longer one. */
#define REQUEST_KIB_MAX   256
#define REQUEST_BYTES_MAX ((size_t)REQUEST_KIB_MAX * 1024)
_Static_assert(REQUEST_BYTES_MAX > (size_t)ESCAPED_MAX * MESSAGE_BYTES_MAX,
    "a message must fit into a request, even all escaped");

/* Bytes of any frame that the front and the proxy take: a request that is
 * too long still gets its one error reply. A longer frame costs its sender
 * the connection. */
#define FRAME_BYTES_MAX MIB
_Static_assert(FRAME_BYTES_MAX > REQUEST_BYTES_MAX, "see above");

/* Bytes of a reply, and of what is listed in it: messages or names. What does
 * not fit is asked for with another request. */
#define REPLY_BYTES_MAX MIB
#define PAGE_BYTES_MAX  (REPLY_BYTES_MAX - 4096)
_Static_assert((size_t)ESCAPED_MAX * MESSAGE_BYTES_MAX < PAGE_BYTES_MAX / 2,
    "a page must have room for any message");
_Static_assert((size_t)ESCAPED_MAX * NAME_BYTES_MAX < PAGE_BYTES_MAX / 4,
    "and for any name, even twice");

/* Messages in a history reply: at most, and when the request has no limit. */
#define HISTORY_MAX     1000
#define HISTORY_DEFAULT 50
/* Names in a list, if so many fit. */
#define LIST_MAX 100000
/* Messages that our own clients ask for at a time. */
#define HISTORY_PAGE 500
_Static_assert(HISTORY_PAGE <= HISTORY_MAX, "the server would refuse it");

/* ---- times: a request is answered within ANSWER_MS, whatever dies ---- */

#define ANSWER_MS 5000

/* After this long without an answer from a server the broker answers the
 * request itself; the rest of ANSWER_MS is for the way back. */
#define REQUEST_WAIT_MS 4500
_Static_assert(REQUEST_WAIT_MS < ANSWER_MS, "the promise");

/* Broker and servers send each other a heartbeat this often... */
#define HEARTBEAT_MS 1000
/* ...and a peer that is silent for this long counts as dead. A sync may delay
 * one heartbeat, but not two in a row. */
#define DEAD_MS 3000
_Static_assert(DEAD_MS >= 3 * HEARTBEAT_MS, "one heartbeat may be late");
_Static_assert(DEAD_MS + HEARTBEAT_MS < REQUEST_WAIT_MS,
    "a dead server's requests must reach another one in time");

/* A server that has not looked at its socket for this long finds requests in it
 * that the broker has answered, or that another server has stored. */
#define AWAY_MS ANSWER_MS
_Static_assert(AWAY_MS > REQUEST_WAIT_MS, "by then the broker has given up");

/* When the broker refuses what a client has sent, it goes on for so long: what
 * is under way was sent before the client heard, and would be stored before
 * what is sent again. */
#define REFUSE_ON_MS 200
/* So our clients wait a little longer before they send it again. */
#define UNAVAILABLE_MS 250
_Static_assert(UNAVAILABLE_MS > REFUSE_ON_MS, "it would be refused again");

/* Our clients send a request again after this long without a reply. A live
 * broker would have answered: so nothing is sent twice to one that is only
 * slow, which could put the repeated request ahead of others. */
#define RESEND_MS 6000
_Static_assert(RESEND_MS > ANSWER_MS, "a reply may be on its way");

/* Seconds that the client waits for a reply (-t): long enough for a second
 * try. */
#define CLIENT_WAIT_S 10
_Static_assert(CLIENT_WAIT_S * 1000 > RESEND_MS, "see above");

/* ---- all daemons ---- */

/* Messages taken from one socket in a turn of the loop, before signals and the
 * other sockets get theirs. */
#define TURN_MESSAGES_MAX 1000

/* How long libzmq may go on sending what is queued when a daemon ends. */
#define LINGER_MS 500

/* Connections: to the ports for clients and subscribers, and to those for
 * servers. Each costs a daemon 25 KiB, and some 100 once it was busy. */
#define CONNECTIONS_MAX         3000
#define SERVERS_CONNECTIONS_MAX 1000

/* ---- broker ---- */

/* Requests under way at once, as a power of two: half a second's work of the
 * fastest server, or one each from more clients than there are descriptors. */
#define REQUESTS_BITS 14
#define REQUESTS_MAX  ((uint64_t)1 << REQUESTS_BITS)

/* Bytes of all of them together: 256 of the longest. When they are more, or
 * there are no places, the client with most is cut. */
#define REQUESTS_BYTES_MAX (64 * MIB)

/* Clients with requests under way or unread answers. */
#define REQUESTERS_MAX (4 * REQUESTS_MAX)

/* Frames between a client's address and the body: REQ sends 1 or 2, and
 * each further proxy on the way adds 1. */
#define ENVELOPE_FRAMES_MAX 8
/* Bytes of them together. libzmq's own addresses have 5 bytes, chosen ones at
 * most 255. */
#define ENVELOPE_BYTES_MAX ((size_t)1024)

/* Servers at once. The broker searches them one by one. */
#define SERVERS_MAX 64
_Static_assert(SERVERS_MAX <= SERVERS_CONNECTIONS_MAX / 4,
    "strangers at one address leave room for them at another");

/* Messages that libzmq queues for each client before it reports EAGAIN (out) or
 * stops reading (in). Out, answers: libzmq learns what was read in steps of
 * half of this, so a client with 10 000 requests under way that reads late
 * loses no answer. In, requests: TCP holds the others back. */
#define FRONT_OUT_MAX 20000
#define FRONT_IN_MAX  100
/* The same for each server, in messages of many requests or answers. Credit
 * bounds them long before. */
#define BACK_OUT_MAX 1000
#define BACK_IN_MAX  100

/* Bytes of answers that no client has read yet, with all that libzmq and we
 * keep for them. A client may have one part of UNREAD_PARTS of what the others
 * leave free. What goes over it is dropped; in place of a long answer its
 * client is told to ask again, as long as that fits. Once all have
 * UNREAD_BYTES_CUT the client with most is cut: so there is always room for
 * others. */
#define UNREAD_BYTES_MAX (256 * MIB)
#define UNREAD_BYTES_CUT (UNREAD_BYTES_MAX / 4 * 3)
#define UNREAD_PARTS     8
/* Any client may have this: what those have that were cut counts until libzmq
 * has forgotten it, and a short answer must not be lost for that. */
#define UNREAD_BYTES_LEAST ((size_t)32 * 1024)
_Static_assert(UNREAD_BYTES_LEAST * CONNECTIONS_MAX < UNREAD_BYTES_MAX / 2,
    "all of them together must be little");
_Static_assert((UNREAD_BYTES_MAX - UNREAD_BYTES_CUT) / UNREAD_PARTS >
    2 * REPLY_BYTES_MAX, "any reply must fit into the smallest share");
/* An answer costs this much more than its bytes, and each frame as much as
 * libzmq's zmq_msg_t. */
#define ANSWER_BYTES_EXTRA ((size_t)128)
#define FRAME_BYTES_EXTRA  ((size_t)64)

/* ---- broker and server: one message carries many requests or answers ---- */

/* Requests are sent once they have this many bytes, which the last one may take
 * them over. */
#define BACK_REQUESTS_BYTES     ((size_t)256 * 1024)
#define BACK_REQUESTS_BYTES_MAX (4 * MIB)
_Static_assert(BACK_REQUESTS_BYTES + FRAME_BYTES_MAX < BACK_REQUESTS_BYTES_MAX,
    "a server would drop the connection");

/* Answers too. */
#define BACK_ANSWERS_BYTES     MIB
#define BACK_ANSWERS_BYTES_MAX (REPLY_BYTES_MAX + 2 * MIB)
_Static_assert(BACK_ANSWERS_BYTES + REPLY_BYTES_MAX < BACK_ANSWERS_BYTES_MAX,
    "the broker would drop the connection");

/* Bytes that the system keeps on each side of a connection for answers: a short
 * one waits behind all of them. Left to itself, it takes 3 MiB on each side for
 * long ones: with 2000 of them the p99 of another client's publish was 250 to
 * 800 ms instead of 20 to 35. */
#define BACK_BUFFER_BYTES (128 * 1024)

/* ---- server ---- */

/* Requests that a server takes at a time. */
#define CREDIT 8192
/* Requests of one batch: bounds how long the first one waits for the work on
 * the last one. */
#define BATCH_REQUESTS_MAX 4096
_Static_assert(BATCH_REQUESTS_MAX <= CREDIT,
    "the next batch must collect while this one is synced");
_Static_assert(CREDIT <= REQUESTS_MAX, "the broker never has more");
/* Messages from the broker in one batch; it sends one a turn. */
#define BATCH_MESSAGES_MAX 256
/* Bytes of requests after which no further message is added to a batch. */
#define BATCH_BYTES ((size_t)512 * 1024)

/* Publications that may wait for the proxy: a second's worth; and their bytes,
 * with the places they take in libzmq's queue, two frames each. */
#define PUBLISH_QUEUE_MAX 100000
#define PUBLISH_BYTES_MAX (48 * MIB)
#define PLACE_BYTES       ((size_t)128)
_Static_assert(PUBLISH_QUEUE_MAX * (PLACE_BYTES + 256) < PUBLISH_BYTES_MAX,
    "messages of the usual length are bounded by number");

/* Descriptors for logs: with more active topics, using one costs an open. */
#define LOGS_OPEN_MAX 4096
/* Descriptors kept for everything else. */
#define FILES_SPARE 64

/* Channels that the option -c can create. */
#define CREATE_MAX 64

/* ---- storage ---- */

/* Users, channels, and names of channels that were dropped, together: 25 MB of
 * memory. The server's option -n sets another number, */
#define TOPICS_MAX ((size_t)100000)
/* up to this: 250 MB. */
#define TOPICS_OPTION_MAX 1000000

/* Bytes of a line in a log, its newline included. */
#define LINE_BYTES_MAX ((size_t)256 * 1024)
_Static_assert((size_t)ESCAPED_MAX * (NAME_BYTES_MAX + MESSAGE_BYTES_MAX +
    STAMP_BYTES_MAX + ID_BYTES_MAX) + 128 < LINE_BYTES_MAX,
    "every message must fit into a line");

/* Bytes of the lines in one commit. */
#define COMMIT_BYTES_MAX (12 * MIB)
/* Bytes of a journal record's payload; a longer one counts as damage. */
#define JOURNAL_PAYLOAD_BYTES_MAX (16 * MIB)
_Static_assert(ESCAPED_MAX * (BATCH_BYTES + BACK_REQUESTS_BYTES +
    FRAME_BYTES_MAX) < COMMIT_BYTES_MAX, "a batch must fit into a commit");
_Static_assert(COMMIT_BYTES_MAX + 4 * LINE_BYTES_MAX +
    CREDIT * (size_t)(2 * NAME_BYTES_MAX + 64) < JOURNAL_PAYLOAD_BYTES_MAX,
    "a commit must fit into a record");

/* Bytes of a journal segment: about 5 s of full load between checkpoints. */
#define SEGMENT_BYTES ((uint64_t)32 * 1024 * 1024)
/* Bytes zeroed ahead: metadata is synced once in some 4000 messages. */
#define SEGMENT_AHEAD_BYTES ((uint64_t)1024 * 1024)

/* Bytes kept free on the disk, so that what is in the journal also fits into
 * the logs. */
#define RESERVE_BYTES ((uint64_t)4 * 1024 * 1024)

/* Ids that are remembered: PROTOCOL.md promises the last million. */
#define IDS_MAX ((size_t)1 << 20)
/* They are dropped with their journal segment, when that is this old, or has
 * this many messages or bytes after it. A start reads all of them: the bytes
 * take some 4 s of the processor, whoever filled the journal, and are a
 * thousand for each message. */
#define REMEMBER_MS       (INT64_C(2) * 60 * 1000)
#define REMEMBER_MESSAGES ((uint64_t)1000 * 1000)
#define REMEMBER_BYTES    ((uint64_t)1024 * MIB)
_Static_assert(REMEMBER_MESSAGES <= IDS_MAX, "the ids of a segment must fit");

/* ---- proxy ---- */

/* Bytes of a subscription: a topic, and room for a handshake. A longer one
 * costs its connection. */
#define SUBSCRIPTION_BYTES_MAX ((size_t)256)
_Static_assert(SUBSCRIPTION_BYTES_MAX > NAME_BYTES_MAX + 1, "see above");

/* What one connection may say about subscriptions before it is cut, and has to
 * say what it still wants: a client needs one for each channel and its name. */
#define SUBSCRIPTIONS_MAX 5000

/* libzmq spends 32 bytes on each byte of a topic, and from 100 bytes to 2 KiB
 * on the rest. Counted like this, at most so many bytes are held in all, room
 * for 3000 connections with 25 short ones each, and twice as many for topics
 * chosen to be costly; above that the connection with most is cut. */
#define SUBSCRIPTION_COST(n)    ((size_t)512 + 32 * (n))
#define SUBSCRIPTIONS_BYTES_MAX (64 * MIB)
_Static_assert(SUBSCRIPTIONS_MAX * SUBSCRIPTION_COST(NAME_BYTES_MAX) <
    SUBSCRIPTIONS_BYTES_MAX, "one connection is not cut for what all have");

/* Bytes of a publication's second frame: the longest message, each byte
 * escaped; five times a name; the rest. */
#define PUBLICATION_BYTES_MAX \
	((size_t)ESCAPED_MAX * (MESSAGE_BYTES_MAX + 5 * NAME_BYTES_MAX) + 512)
_Static_assert(PUBLICATION_BYTES_MAX < FRAME_BYTES_MAX,
    "subscribers would drop the connection");

/* Publications that may wait: from each server, and for each subscriber (two
 * thirds of a second of the fastest server). One thread of libzmq reads
 * publishers and writes to subscribers in turn, so a short queue in and a
 * long one out lose nothing while subscribers read: when the first is full,
 * TCP holds the publisher back, which is cheaper than a queue for each
 * subscriber. (With two threads, or a longer queue in, a burst loses up to a
 * fifth.) A subscriber that does not read loses the rest. */
#define PROXY_IN_MAX  250
#define PROXY_OUT_MAX 20000

/* Bytes of all publications that wait for subscribers, and of the places they
 * take in the queues: as if all subscribers had to read them still, since
 * libzmq does not tell. Then subscribers that do not read are cut. */
#define PUBLICATIONS_BYTES_MAX (96 * MIB)
_Static_assert(2 * SUBSCRIPTIONS_BYTES_MAX + PUBLICATIONS_BYTES_MAX <
    256 * MIB, "what DURABILITY.md promises");

#endif
