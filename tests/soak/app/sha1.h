/* SHA-1 (RFC 3174) of a short text, and base64, for the WebSocket handshake of a program without libraries. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint32_t rotate(uint32_t value, unsigned bits) {
  return value << bits | value >> (32 - bits);
}

static void sha1_block(const unsigned char *block, uint32_t h[5]) {
  uint32_t w[80], v[5];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 | (uint32_t)block[i * 4 + 2] << 8 |
           block[i * 4 + 3];
  for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  memcpy(v, h, sizeof v);
  for (int i = 0; i < 80; i++) {
    uint32_t f = i < 20   ? (v[1] & v[2]) | (~v[1] & v[3])
                 : i < 40 ? v[1] ^ v[2] ^ v[3]
                 : i < 60 ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
                          : v[1] ^ v[2] ^ v[3];
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t next = rotate(v[0], 5) + f + v[4] + w[i] + k[i / 20];
    v[4] = v[3], v[3] = v[2], v[2] = rotate(v[1], 30), v[1] = v[0], v[0] = next;
  }
  for (int i = 0; i < 5; i++) h[i] += v[i];
}

/* `len` is at most 183. */
static void sha1(const char *text, size_t len, unsigned char digest[20]) {
  unsigned char padded[192] = {0};
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  size_t whole = (len + 8) / 64 * 64 + 64;
  memcpy(padded, text, len);
  padded[len] = 0x80;
  padded[whole - 2] = (unsigned char)(len * 8 >> 8);
  padded[whole - 1] = (unsigned char)(len * 8);
  for (size_t at = 0; at < whole; at += 64) sha1_block(padded + at, h);
  for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

static void base64(const unsigned char *data, size_t len, char *text) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < len; i += 3) {
    uint32_t bits = (uint32_t)data[i] << 16 | (i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0) |
                    (i + 2 < len ? data[i + 2] : 0);
    *text++ = letters[bits >> 18 & 63];
    *text++ = letters[bits >> 12 & 63];
    *text++ = i + 1 < len ? letters[bits >> 6 & 63] : '=';
    *text++ = i + 2 < len ? letters[bits & 63] : '=';
  }
  *text = '\0';
}
