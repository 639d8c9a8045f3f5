/*
 * What the programs over TCP share: sockets that wait for at most three seconds, a data connection of one byte, and how long a cycle took.
 */
#ifndef TCP_PEER_H
#define TCP_PEER_H
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 3000 };

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

/* One data connection; whether its byte came. */
static int read_byte(struct sockaddr_in where) {
  int fd = connect_to(where);
  if (fd < 0) return 0;
  char byte;
  int came = recv(fd, &byte, 1, 0) == 1;
  drop(fd);
  return came;
}

static int listen_on(struct sockaddr_in *where, int backlog) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(fd, (struct sockaddr *)where, sizeof *where) < 0 || listen(fd, backlog) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Of so many tries the good ones: p50 and p99 in microseconds, operations a second, failures. The exit code of the program. */
static int print_times(double *times, int good, int tries, double seconds) {
  if (!good) {
    puts("0 0 0 all");
    return 1;
  }
  qsort(times, good, sizeof *times, ascending);
  printf("%.1f %.1f %.0f %d\n", times[good / 2], times[(int)(good * 0.99)], good / seconds,
         tries - good);
  return good < tries;
}

#endif
