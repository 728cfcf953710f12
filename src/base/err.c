#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct err {
  enum err_code code;
  char *message;
};

/* clang-format off */
static const struct {
  const char *name;
  int http_status;
  int exit_status;
} codes[] = {
  [ERR_INVALID]   = { "INVALID",   400, 2 },
  [ERR_NOT_FOUND] = { "NOT_FOUND", 404, 3 },
  [ERR_CONFLICT]  = { "CONFLICT",  409, 4 },
  [ERR_DENIED]    = { "DENIED",    403, 5 },
  [ERR_BUSY]      = { "BUSY",      503, 6 },
  [ERR_LIMIT]     = { "LIMIT",     413, 7 },
  [ERR_IO]        = { "IO",        500, 8 },
  [ERR_CORRUPT]   = { "CORRUPT",   500, 9 },
};
/* clang-format on */

static err *err_make(enum err_code code, char *message) {
  err *e = mem_alloc(sizeof *e);
  e->code = code;
  e->message = message;
  return e;
}

err *err_new(enum err_code code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *message = str_vformat(format, args);
  va_end(args);
  return err_make(code, message);
}

static enum err_code code_from_errno(int number) {
  switch (number) {
  case ENOENT:
  case ESRCH: return ERR_NOT_FOUND;
  case EEXIST:
  case ENOTEMPTY: return ERR_CONFLICT;
  case EACCES:
  case EPERM: return ERR_DENIED;
  case EBUSY:
  case EAGAIN:
  case ETIMEDOUT: return ERR_BUSY;
  case EFBIG:
  case EMFILE:
  case ENFILE:
  case ENOSPC:
  case EDQUOT: return ERR_LIMIT;
  default: return ERR_IO;
  }
}

err *err_errno(int number, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  return err_make(code_from_errno(number), str_format("%s: %s", text, strerror(number)));
}

err *err_wrap(err *e, const char *format, ...) {
  if (!e) return NULL;
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  char *message = str_format("%s: %s", text, e->message);
  free(e->message);
  e->message = message;
  return e;
}

err *err_recode(err *e, enum err_code code) {
  if (e) e->code = code;
  return e;
}

err *err_dup(const err *e) {
  return e ? err_make(e->code, str_dup(e->message)) : NULL;
}

enum err_code err_code_of(const err *e) {
  return e->code;
}

const char *err_message(const err *e) {
  return e->message;
}

void err_free(err *e) {
  if (!e) return;
  free(e->message);
  free(e);
}

void err_ignore(err *e) {
  err_free(e);
}

const char *err_code_name(enum err_code code) {
  return codes[code].name;
}

int err_code_http_status(enum err_code code) {
  return codes[code].http_status;
}

int err_code_exit_status(enum err_code code) {
  return codes[code].exit_status;
}
