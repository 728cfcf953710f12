/* Reads one log file forward, record by record: a record is a line, or several when the first ones
 * were partial ("P"), joined per stream.  Used by queries and followers.
 *
 *     struct log_reader r;
 *     log_reader_init(&r, offset);
 *     r.fd = fd;                                 borrowed
 *     while (log_reader_next(&r, &record)) …     until the file's end, or r.end
 *
 * A reader may be kept while its file grows: it holds a position and what is unfinished, and reads
 * on when asked again.  log_reader_rest frees its buffer meanwhile. */
#ifndef TRAMWAY_OBSERVE_LOG_READER_H
#define TRAMWAY_OBSERVE_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* How far before a place in the file a reader must begin to know what is unfinished there and which
 * times were moved on: longer than a shown line, and than what conmon stamps with one time. */
enum { LOG_READER_WARM_UP = 128 * 1024 };

struct log_record {
  int64_t time_ns; /* strictly increasing within the file: equal times are moved on by 1 ns */
  bool is_stderr;
  const char *text; /* until the next call; a little more than LOG_TEXT_MAX at most */
  size_t len;
  int64_t offset; /* of the line that ended it: its identity in the file */
};

struct log_reader {
  int fd;
  int64_t offset; /* of the next line */
  int64_t end;    /* lines that begin here or behind are not read */
  int64_t last_ns;
  bool skip_line; /* the line at `offset` began earlier: not read */
  struct str partial[2], joined; /* unfinished text by stream; the text of the last record */
  char *buffer;                  /* buffer[at] is the byte at `offset` */
  size_t at, len;
};

/* Starts at `offset`, which may be in the middle of a line; that one is left out. */
void log_reader_init(struct log_reader *r, int64_t offset);
void log_reader_done(struct log_reader *r);
bool log_reader_next(struct log_reader *r, struct log_record *ret_record);

/* What is unfinished at the end, as records ("Password: " of a program that waits); once each. */
bool log_reader_unfinished(struct log_reader *r, struct log_record *ret_record);

/* Frees the buffer; the next call reads again. */
void log_reader_rest(struct log_reader *r);

/* Where reading begins: 0, or the first line behind what was given back to the disk (log_keep.h). */
int64_t log_reader_begin(int fd);

/* An offset at or before the first line that is not older than `time_ns`, and near it: times in a
 * file are taken to be in order. */
int64_t log_reader_find_time(int fd, int64_t size, int64_t time_ns);

#endif
