/*
 * What both programs say FTP with: lines, and a data connection as a 227 names it.
 */
#ifndef FTP_PEER_H
#define FTP_PEER_H
#include "tcp_peer.h"

enum { CONTROL_PORT = 21, LINE = 256 };

static void say(int fd, const char *text) {
  if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
    fail("send");
}

static void read_line(int fd, char *line) {
  int length = 0;
  while (!length || line[length - 1] != '\n') {
    ssize_t n = recv(fd, line + length, LINE - 1 - length, 0);
    if (n <= 0) fail("control connection");
    length += n;
    line[length] = 0;
  }
}

static void ask(int fd, const char *command, char *reply) {
  say(fd, command);
  read_line(fd, reply);
}

/* One data connection as the 227 says; whether its byte came. */
static int fetch(const char *reply) {
  int h[6];
  const char *open = strchr(reply, '(');
  if (!open ||
      sscanf(open, "(%d,%d,%d,%d,%d,%d)", h, h + 1, h + 2, h + 3, h + 4, h + 5) != 6)
    return 0;
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(h[4] * 256 + h[5])};
  where.sin_addr.s_addr = htonl((unsigned)h[0] << 24 | h[1] << 16 | h[2] << 8 | h[3]);
  return read_byte(where);
}

#endif
