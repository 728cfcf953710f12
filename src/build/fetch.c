#include "build/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { PROBE_CONNECT_S = 3, PROBE_S = 5, CONNECT_S = 10, STALLED_S = 30, FILE_S = 600 };

#define FILE_LIMIT (512LL * 1024 * 1024)

struct sink {
  struct str *text; /* or: */
  FILE *file;
  EVP_MD_CTX *digest;
  size_t limit;
};

static size_t on_data(char *data, size_t size, size_t count, void *arg) {
  struct sink *sink = arg;
  size_t len = size * count;
  if (sink->text) {
    if (sink->text->len + len > sink->limit) return 0;
    str_add_bytes(sink->text, data, len);
  } else if (sink->file) {
    if (fwrite(data, 1, len, sink->file) != len) return 0;
    EVP_DigestUpdate(sink->digest, data, len);
  }
  return len;
}

static CURL *new_handle(const struct builder_config *config, const char *url, struct sink *sink, char *error) {
  CURL *curl = curl_easy_init();
  *error = '\0';
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "tramway");
  if (!str_empty(config->ca_bundle)) curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca_bundle);
  const char *proxy = str_starts(url, "https:") ? config->https_proxy : config->http_proxy;
  curl_easy_setopt(curl, CURLOPT_PROXY, proxy ? proxy : ""); /* "": none, whatever the environment says */
  if (!str_empty(config->no_proxy)) curl_easy_setopt(curl, CURLOPT_NOPROXY, config->no_proxy);
  return curl;
}

/* Performs and frees. */
static err *perform(CURL *curl, const char *url, const char *error) {
  CURLcode code = curl_easy_perform(curl);
  curl_easy_cleanup(curl);
  if (code == CURLE_OK) return NULL;
  return err_new(ERR_IO, "%s: %s", url, *error ? error : curl_easy_strerror(code));
}

err *fetch_probe(const struct builder_config *config, const char *url) {
  char error[CURL_ERROR_SIZE];
  struct sink sink = {0};
  CURL *curl = new_handle(config, url, &sink, error);
  curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)PROBE_CONNECT_S);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)PROBE_S);
  return perform(curl, url, error);
}

static void set_patience(CURL *curl) {
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALLED_S);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)FILE_S);
}

err *fetch_text(const struct builder_config *config, const char *url, const char *accept, size_t limit,
                struct str *ret_text) {
  char error[CURL_ERROR_SIZE];
  auto_str text = STR_EMPTY;
  struct sink sink = {.text = &text, .limit = limit};
  CURL *curl = new_handle(config, url, &sink, error);
  set_patience(curl);
  struct curl_slist *headers = NULL;
  if (accept) {
    auto_free char *header = str_format("Accept: %s", accept);
    headers = curl_slist_append(NULL, header);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  }
  err *e = perform(curl, url, error);
  curl_slist_free_all(headers);
  if (e) return e;
  str_add_bytes(ret_text, str_text(&text), text.len);
  return NULL;
}

static err *check_integrity(EVP_MD_CTX *digest, const char *integrity, const char *url) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  char base64[128] = "sha512-";
  EVP_DigestFinal_ex(digest, sum, &len);
  EVP_EncodeBlock((unsigned char *)base64 + strlen("sha512-"), sum, (int)len);
  if (str_eq(base64, integrity)) return NULL;
  return err_new(ERR_CORRUPT, "%s: its SHA-512 is not what the registry announced", url);
}

err *fetch_file(const struct builder_config *config, const char *url, const char *integrity,
                const char *path) {
  char error[CURL_ERROR_SIZE];
  struct sink sink = {.file = fopen(path, "wbe"), .digest = EVP_MD_CTX_new()};
  err *e = sink.file ? NULL : err_errno(errno, "writing '%s'", path);
  if (!e) {
    EVP_DigestInit_ex(sink.digest, EVP_sha512(), NULL);
    CURL *curl = new_handle(config, url, &sink, error);
    set_patience(curl);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)FILE_LIMIT);
    e = perform(curl, url, error);
  }
  if (sink.file && fclose(sink.file) != 0 && !e) e = err_errno(errno, "writing '%s'", path);
  if (!e) e = check_integrity(sink.digest, integrity, url);
  EVP_MD_CTX_free(sink.digest);
  if (e) unlink(path);
  return e;
}
