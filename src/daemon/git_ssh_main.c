/* tramway-git-ssh: what stands between OpenSSH's server and tramd (daemon/sshd.h).  It decides nothing: it asks
 * tramd at its socket, as the user that sshd runs it as, whom tramd knows by the kernel's word.
 *
 *     tramway-git-ssh keys FINGERPRINT SOCKET      AuthorizedKeysCommand: the line of that key, if it is known
 *     tramway-git-ssh -c "push KEY-ID SOCKET"      that user's login shell, with the only command there is
 *
 * A push over SSH becomes one over HTTP: what the repository has, then the commands and the pack as they come,
 * then the answer.  No shell is started, and what the client asked for (SSH_ORIGINAL_COMMAND) is only parsed. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/pkt_line.h"

enum { REFS_MAX = 16 * 1024 * 1024, HEAD_MAX = 1024 * 1024, TEXT_MAX = 65536 };

struct answer {
  struct str text;
  long status;
  bool streams; /* a good one goes to standard output as it comes */
  CURL *curl;
};

struct upload {
  struct str head; /* the commands, while they are not whole */
  bool knows_end;  /* they are, and no pack follows */
  bool ended;
};

static int fail(const char *what) {
  fprintf(stderr, "tramway: %s\n", what);
  return 1;
}

static size_t on_answer(char *data, size_t size, size_t count, void *arg) {
  struct answer *a = arg;
  size_t len = size * count;
  curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &a->status);
  if (a->streams && a->status == 200) {
    if (fwrite(data, 1, len, stdout) != len || fflush(stdout) != 0) return 0;
    return len;
  }
  if (a->text.len + len > REFS_MAX) return 0;
  str_add_bytes(&a->text, data, len);
  return len;
}

/* All that is pushed is deleted: no pack follows, and the client waits for the answer with its end open. */
static void look_at_head(struct upload *u, const char *data, size_t len) {
  struct ref_updates updates = {0};
  if (u->knows_end || u->head.len > HEAD_MAX) return;
  str_add_bytes(&u->head, data, len);
  err *e = ref_updates_read(str_text(&u->head), u->head.len, &updates);
  bool whole = !e, pack_follows = false;
  err_ignore(e);
  for (size_t i = 0; i < updates.len; i++) pack_follows |= strspn(updates.items[i].after, "0") < GIT_SHA_SIZE - 1;
  if (whole && !pack_follows) u->knows_end = true;
  if (whole && pack_follows) str_add_bytes(&u->head, "", 1), u->head.len = HEAD_MAX + 1; /* looked at for good */
  ref_updates_done(&updates);
}

static size_t on_input(char *buffer, size_t size, size_t count, void *arg) {
  struct upload *u = arg;
  if (u->knows_end || u->ended) return 0;
  ssize_t got = read(STDIN_FILENO, buffer, size * count);
  if (got < 0) return CURL_READFUNC_ABORT;
  u->ended = got == 0;
  if (got > 0 && u->head.len <= HEAD_MAX) look_at_head(u, buffer, (size_t)got);
  return (size_t)got;
}

/* One request at tramd's socket; `upload` NULL: GET. */
static bool ask(const char *socket, const char *url, const char *key_id, struct upload *upload, struct answer *a) {
  a->curl = curl_easy_init();
  auto_free char *key = str_format("Tramway-Ssh-Key: %s", key_id);
  struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, key), "Expect:");
  headers = curl_slist_append(headers, "Content-Type: application/x-git-receive-pack-request");
  if (upload) headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
  curl_easy_setopt(a->curl, CURLOPT_URL, url);
  curl_easy_setopt(a->curl, CURLOPT_UNIX_SOCKET_PATH, socket);
  curl_easy_setopt(a->curl, CURLOPT_PROXY, "");
  curl_easy_setopt(a->curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(a->curl, CURLOPT_WRITEFUNCTION, on_answer);
  curl_easy_setopt(a->curl, CURLOPT_WRITEDATA, a);
  if (upload) {
    curl_easy_setopt(a->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(a->curl, CURLOPT_READFUNCTION, on_input);
    curl_easy_setopt(a->curl, CURLOPT_READDATA, upload);
  }
  bool answered = curl_easy_perform(a->curl) == CURLE_OK;
  curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &a->status);
  curl_slist_free_all(headers);
  curl_easy_cleanup(a->curl);
  return answered;
}

/* ---- keys ---- */

static int print_key(const char *fingerprint, const char *socket) {
  struct answer a = {0};
  CURL *curl = curl_easy_init();
  char *coded = curl_easy_escape(curl, fingerprint, 0);
  auto_free char *url = str_format("http://tramway/ssh/key?fingerprint=%s", coded);
  curl_free(coded);
  curl_easy_cleanup(curl);
  if (!ask(socket, url, "", NULL, &a)) return fail("the server does not answer");
  if (a.status != 200) return 0; /* nobody's */
  char *space = strchr(str_text(&a.text), ' '); /* "<id> <public key>" */
  if (!space) return fail("the server's answer is no key");
  printf("restrict,command=\"push %.*s %s\" %s\n", (int)(space - a.text.data), a.text.data, socket, space + 1);
  str_done(&a.text);
  return 0;
}

/* ---- push ---- */

/* "git-receive-pack '/shop/api.git'" → "shop/api.git", each character that is not plain percent-coded; NULL for
 * anything else.  The caller owns it. */
static char *path_asked(const char *command) {
  static const char push[] = "git-receive-pack ";
  if (!command || strlen(command) > 1024 || !str_starts(command, push)) return NULL;
  const char *p = command + strlen(push), *end = p + strlen(p);
  bool quoted = *p == '\'' && end - p >= 2 && end[-1] == '\'';
  if (quoted) p++, end--;
  while (p < end && *p == '/') p++;
  auto_str path = STR_EMPTY;
  for (; p < end; p++) {
    bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-._/", *p);
    if (*p == '\'') return NULL; /* a name that git itself had to quote */
    if (plain)
      str_add_char(&path, *p);
    else
      str_addf(&path, "%%%02X", (unsigned char)*p);
  }
  return path.len ? str_take(&path) : NULL;
}

static int refuse(struct answer *a) {
  auto_free char *text = str_ndup(str_text(&a->text), a->text.len < TEXT_MAX ? a->text.len : TEXT_MAX);
  str_done(&a->text);
  return fail(a->status ? str_trim(text) : "the server does not answer");
}

static int push(const char *key_id, const char *socket) {
  auto_free char *path = path_asked(getenv("SSH_ORIGINAL_COMMAND"));
  if (!path) return fail("there is no shell here: `git push` to <project>.git or <project>/<service>.git is all there is");
  auto_free char *refs = str_format("http://tramway/git/%s/info/refs?service=git-receive-pack", path);
  auto_free char *post = str_format("http://tramway/git/%s/git-receive-pack", path);
  struct answer a = {0}, result = {.streams = true};
  struct upload upload = {0};
  struct pkt_line line;
  if (!ask(socket, refs, key_id, NULL, &a) || a.status != 200) return refuse(&a);
  /* what HTTP puts before it: the service's line, and a flush packet */
  ssize_t first = pkt_line_read(str_text(&a.text), a.text.len, &line);
  if (first <= 0 || (size_t)first + 4 > a.text.len) return fail("the server's answer is none of git's");
  size_t skipped = (size_t)first + 4;
  if (fwrite(a.text.data + skipped, 1, a.text.len - skipped, stdout) != a.text.len - skipped || fflush(stdout) != 0) return 1;
  str_done(&a.text);
  bool answered = ask(socket, post, key_id, &upload, &result);
  str_done(&upload.head);
  if (!answered || result.status != 200) return refuse(&result);
  return 0;
}

int main(int argc, char **argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  if (argc == 4 && str_eq(argv[1], "keys")) return print_key(argv[2], argv[3]);
  if (argc != 3 || !str_eq(argv[1], "-c") || !str_starts(argv[2], "push "))
    return fail("there is no shell here: `git push` is all there is");
  auto_free char *words = str_dup(argv[2] + strlen("push "));
  char *space = strchr(words, ' ');
  if (!space) return fail("the key's line is broken");
  *space = '\0';
  return push(words, space + 1);
}
