/*
 * What both programs say FTP with: sockets that wait for at most three seconds, lines, and a data connection as a 227 names it.
 */
#ifndef FTP_PEER_H
#define FTP_PEER_H
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONTROL_PORT = 21, LINE = 256, TIMEOUT_MS = 3000 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in address(const char *text, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
    fprintf(stderr, "%s is no IPv4 address\n", text);
    exit(2);
  }
  return a;
}

static void set_option(int fd, int level, int option, int value) {
  if (setsockopt(fd, level, option, &value, sizeof value) < 0) fail("setsockopt");
}

/* Closes with a reset: no TIME_WAIT, so that a run cannot exhaust the ports. */
static void drop(int fd) {
  struct linger at_once = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
}

static void say(int fd, const char *text) {
  if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
    fail("send");
}

/* Where connections come from: any address and port unless a program says more. */
static struct sockaddr_in here = {.sin_family = AF_INET};

static int connect_to(struct sockaddr_in where) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket");
  set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (here.sin_addr.s_addr && bind(fd, (struct sockaddr *)&here, sizeof here) < 0) fail("bind");
  struct timeval patience = {TIMEOUT_MS / 1000, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (connect(fd, (struct sockaddr *)&where, sizeof where) < 0) {
    close(fd);
    return -1;
  }
  return fd;
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
  int fd = connect_to(where);
  if (fd < 0) return 0;
  char byte;
  int came = recv(fd, &byte, 1, 0) == 1;
  drop(fd);
  return came;
}

#endif
