#include "observe/log_show.h"

#include <stdlib.h>

#include "observe/log_files.h"

err *log_show_init(struct log_show *show, const struct log_query *query) {
  TRY(log_files_check_id("deployment", query->deployment_id));
  log_filter *filter;
  TRY(log_filter_parse(query->filter, &filter));
  *show = (struct log_show){.filter = filter,
                            .deployment_id = str_dup(query->deployment_id),
                            .after_ns = query->after_ns,
                            .before_ns = query->before_ns,
                            .redactor = redactor_ref((redactor *)query->redactor)};
  return NULL;
}

void log_show_done(struct log_show *show) {
  log_filter_free(show->filter);
  free(show->deployment_id);
  log_text_done(&show->text);
  redactor_free(show->redactor);
  str_done(&show->redacted);
}

/* Before the line is taken apart; and again, as what was between the characters of a secret may have been
 * dropped from it. */
static void set_text(struct log_show *show, const struct log_record *record) {
  struct str *out = &show->redacted, *message = &show->text.message;
  str_clear(out);
  bool found = redact(show->redactor, record->text, record->len, out);
  log_text_set(&show->text, found ? out->data : record->text, found ? out->len : record->len, record->is_stderr);
  str_clear(out);
  if (!redact(show->redactor, str_text(message), message->len, out)) return;
  struct str swap = *message;
  *message = *out;
  *out = swap;
}

bool log_show_entry(struct log_show *show, const struct log_record *record, const char *instance_id,
                    struct log_entry *ret_entry) {
  if (show->after_ns && record->time_ns <= show->after_ns) return false;
  if (show->before_ns && record->time_ns >= show->before_ns) return false;
  set_text(show, record);
  struct log_entry entry = {.time_ns = record->time_ns,
                            .message = str_text(&show->text.message),
                            .severity = show->text.severity,
                            .instance_id = instance_id,
                            .attributes = str_text(&show->text.attributes)};
  struct log_filter_input input = {.message = entry.message,
                                   .message_len = show->text.message.len,
                                   .severity = entry.severity,
                                   .instance_id = instance_id,
                                   .deployment_id = show->deployment_id,
                                   .attributes = entry.attributes,
                                   .attributes_len = show->text.attributes.len};
  if (!log_filter_matches(show->filter, &input)) return false;
  *ret_entry = entry;
  return true;
}
