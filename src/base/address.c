#include "base/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/str.h"

int address_family(const char *text) {
  uint8_t bytes[16];
  if (inet_pton(AF_INET, text, bytes) == 1) return AF_INET;
  return inet_pton(AF_INET6, text, bytes) == 1 ? AF_INET6 : 0;
}

bool address_parse(const char *text, struct address *ret_address) {
  struct address a = {.family = AF_INET};
  const char *colon = strrchr(text, ':');
  long long port;
  if (!colon || !str_to_int(colon + 1, 1, 65535, &port) || !isdigit((unsigned char)colon[1]))
    return false;
  const char *start = text, *end = colon;
  if (*text == '[') {
    a.family = AF_INET6;
    start++;
    end--;
    if (end < start || *end != ']') return false;
  }
  size_t len = (size_t)(end - start);
  if (len >= sizeof a.host) return false;
  memcpy(a.host, start, len);
  if (address_family(a.host) != a.family) return false;
  a.port = (uint16_t)port;
  *ret_address = a;
  return true;
}

static bool bits_behind_are_zero(const struct address_net *net, int total) {
  for (int bit = net->prefix; bit < total; bit++)
    if (net->bytes[bit / 8] & (0x80 >> bit % 8)) return false;
  return true;
}

bool address_parse_net(const char *text, struct address_net *ret_net) {
  struct address_net net = {0};
  char host[INET6_ADDRSTRLEN] = "";
  const char *slash = strchr(text, '/');
  if (!slash || (size_t)(slash - text) >= sizeof host) return false;
  memcpy(host, text, (size_t)(slash - text));
  net.family = address_family(host);
  int total = net.family == AF_INET ? 32 : 128;
  long long prefix;
  if (!net.family || !isdigit((unsigned char)slash[1]) || !str_to_int(slash + 1, 0, total, &prefix))
    return false;
  net.prefix = (int)prefix;
  inet_pton(net.family, host, net.bytes);
  if (!bits_behind_are_zero(&net, total)) return false;
  *ret_net = net;
  return true;
}

void address_net_unmap(struct address_net *net) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  if (net->family != AF_INET6 || net->prefix < 96 || memcmp(net->bytes, mapped, sizeof mapped) != 0) return;
  struct address_net v4 = {.family = AF_INET, .prefix = net->prefix - 96};
  memcpy(v4.bytes, net->bytes + sizeof mapped, 4);
  *net = v4;
}

bool address_nets_overlap(const struct address_net *a, const struct address_net *b) {
  if (a->family != b->family) return false;
  int prefix = a->prefix < b->prefix ? a->prefix : b->prefix;
  for (int bit = 0; bit < prefix; bit++)
    if ((a->bytes[bit / 8] ^ b->bytes[bit / 8]) & (0x80 >> bit % 8)) return false;
  return true;
}

static bool is_label(const char *label, size_t len) {
  if (len < 1 || len > 63 || label[0] == '-' || label[len - 1] == '-') return false;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)label[i];
    bool underscore_first = c == '_' && i == 0 && len > 1;
    if (c >= 0x80 || (!isalnum(c) && c != '-' && !underscore_first)) return false;
  }
  return true;
}

bool address_is_host_name(const char *text) {
  if (strlen(text) > 253) return false;
  for (;;) {
    size_t len = strcspn(text, ".");
    if (!is_label(text, len)) return false;
    if (!text[len]) return true;
    text += len + 1;
  }
}
