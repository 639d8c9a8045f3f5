/*
 * The two ends of an FTP control connection, as bare as possible, to measure what stands between.
 *
 *   ftp_peer server ADDRESS              serves port 21: USER, PASS, QUIT, NOOP, PASV with one byte of
 *                                        data, EPSV with nobody behind its port
 *   ftp_peer client ADDRESS cycle COUNT  PASV, connect, read, close; COUNT times on one control connection
 *   ftp_peer client ADDRESS noop COUNT   NOOP and its reply, COUNT times
 *   ftp_peer client ADDRESS hold COUNT   COUNT control connections that have said USER; prints "held N",
 *                                        keeps them until its standard input ends
 *   ftp_peer client ADDRESS announce COUNT   the same, and each has asked for EPSV
 *   ftp_peer client ADDRESS flood SECONDS    NOOPs on 32 connections, 16 on their way on each; prints
 *                                            replies a second
 *   ftp_peer client ADDRESS gap SECONDS      NOOP and its reply, for so long; prints how many, and
 *                                            the longest wait for a reply in milliseconds
 *
 * cycle and noop print: p50 and p99 in microseconds, operations a second, failures. The data
 * connection goes to the address and port of the 227.
 * IPv4. One thread each; the server never forks, so that it holds thousands of connections.
 */
#define _GNU_SOURCE
#include "ftp_peer.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

/* ---- server ---- */

/* What a descriptor is; for a data listener, which control connection asked for it. */
enum kind { NOTHING, CONTROL_LISTENER, CONTROL, DATA_LISTENER };
struct entry {
  enum kind kind;
  int partner;
  int length;
  char line[LINE];
};

static struct entry *entries;
static int epoll_fd;

static void watch(int fd, enum kind kind, int partner) {
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  entries[fd] = (struct entry){.kind = kind, .partner = partner};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) fail("epoll_ctl");
}

static void forget(int fd) {
  int partner = entries[fd].partner;
  if (partner > 0 && entries[partner].partner == fd) entries[partner].partner = 0;
  if (entries[fd].kind == CONTROL && partner > 0) {
    entries[partner].kind = NOTHING;
    close(partner);
  }
  entries[fd].kind = NOTHING;
  close(fd);
}

static void passive(int control) {
  struct sockaddr_in own;
  socklen_t length = sizeof own;
  if (getsockname(control, (struct sockaddr *)&own, &length) < 0) fail("getsockname");
  own.sin_port = 0;
  int listener = listen_on(&own, 1);
  if (listener < 0 || getsockname(listener, (struct sockaddr *)&own, &length) < 0) fail("listen");
  if (entries[control].partner > 0) forget(entries[control].partner);
  watch(listener, DATA_LISTENER, control);
  entries[control].partner = listener;
  const unsigned char *a = (const unsigned char *)&own.sin_addr;
  int port = ntohs(own.sin_port);
  char reply[LINE];
  snprintf(reply, sizeof reply, "227 Entering Passive Mode (%d,%d,%d,%d,%d,%d).\r\n", a[0], a[1],
           a[2], a[3], port >> 8, port & 255);
  say(control, reply);
}

/* Names a port and does not listen there, so that announcements cost no descriptors. */
static void announce_only(int control) {
  static unsigned turn;
  char reply[LINE];
  snprintf(reply, sizeof reply, "229 Entering Extended Passive Mode (|||%u|)\r\n",
           10000 + turn++ % 50000);
  say(control, reply);
}

static void obey(int fd, const char *line) {
  if (!strncmp(line, "PASV", 4)) passive(fd);
  else if (!strncmp(line, "EPSV", 4)) announce_only(fd);
  else if (!strncmp(line, "NOOP", 4)) say(fd, "200 ok\r\n");
  else if (!strncmp(line, "USER anonymous", 14)) say(fd, "230 in\r\n");
  else if (!strncmp(line, "USER", 4)) say(fd, "331 and the password\r\n");
  else if (!strncmp(line, "PASS", 4)) say(fd, "230 in\r\n");
  else if (!strncmp(line, "QUIT", 4)) {
    say(fd, "221 bye\r\n");
    shutdown(fd, SHUT_WR); /* forgotten when the client closes */
  }
  else say(fd, "502 no\r\n");
}

static void read_control(int fd) {
  struct entry *e = &entries[fd];
  ssize_t n = recv(fd, e->line + e->length, LINE - 1 - e->length, 0);
  if (n <= 0) {
    forget(fd);
    return;
  }
  e->length += n;
  e->line[e->length] = 0;
  char *end;
  while ((end = strchr(e->line, '\n'))) {
    obey(fd, e->line);
    e->length -= end + 1 - e->line;
    memmove(e->line, end + 1, e->length + 1);
  }
  if (e->length == LINE - 1) e->length = 0;
}

static void server(const char *host) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  entries = calloc(files.rlim_cur, sizeof *entries);
  epoll_fd = epoll_create1(0);
  struct sockaddr_in where = address(host, CONTROL_PORT);
  int listener = listen_on(&where, 4096);
  if (!entries || epoll_fd < 0 || listener < 0) fail("server");
  watch(listener, CONTROL_LISTENER, 0);
  for (;;) {
    struct epoll_event ready[64];
    int count = epoll_wait(epoll_fd, ready, 64, -1);
    for (int i = 0; i < count; i++) {
      int fd = ready[i].data.fd, peer;
      switch (entries[fd].kind) {
        case CONTROL_LISTENER:
          if ((peer = accept(fd, 0, 0)) < 0) fail("accept");
          set_option(peer, IPPROTO_TCP, TCP_NODELAY, 1);
          watch(peer, CONTROL, 0);
          say(peer, "220 ready\r\n");
          break;
        case CONTROL:
          read_control(fd);
          break;
        case DATA_LISTENER:
          if ((peer = accept(fd, 0, 0)) >= 0) {
            say(peer, "x");
            close(peer); /* the client has closed by then or will reset */
          }
          forget(fd);
          break;
        case NOTHING:
          break; /* closed by an earlier event of this batch */
      }
    }
  }
}

/* ---- client ---- */

static int measure(struct sockaddr_in where, int is_cycle, int count) {
  char line[LINE];
  double *times = malloc(count * sizeof *times);
  int fd = connect_to(where), good = 0;
  if (fd < 0 || !times) fail("connect");
  read_line(fd, line);
  ask(fd, "USER anonymous\r\n", line); /* nothing opens for who has not logged in */
  double begin = now_us();
  for (int i = 0; i < count; i++) {
    double start = now_us();
    ask(fd, is_cycle ? "PASV\r\n" : "NOOP\r\n", line);
    if (!is_cycle || fetch(line)) times[good++] = now_us() - start;
  }
  return print_times(times, good, count, (now_us() - begin) / 1e6);
}

static int hold(struct sockaddr_in where, int announce, int count) {
  char line[LINE];
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int held = 0;
  for (; held < count; held++) {
    int fd = connect_to(where);
    if (fd < 0) break;
    read_line(fd, line);
    ask(fd, "USER anonymous\r\n", line);
    if (announce) ask(fd, "EPSV\r\n", line);
  }
  printf("held %d\n", held);
  fflush(stdout);
  while (read(0, line, sizeof line) > 0) {
  }
  return held < count;
}

/* As many NOOPs as go: each a segment of its own, so that each is a packet in the queue. */
static int flood(struct sockaddr_in where, int seconds) {
  enum { CONNECTIONS = 32, WINDOW = 16 };
  struct pollfd socks[CONNECTIONS];
  char text[4096];
  long replies = 0;
  for (int i = 0; i < CONNECTIONS; i++) {
    socks[i] = (struct pollfd){.fd = connect_to(where), .events = POLLIN};
    if (socks[i].fd < 0) fail("connect");
    read_line(socks[i].fd, text);
    for (int j = 0; j < WINDOW; j++) say(socks[i].fd, "NOOP\r\n");
  }
  double begin = now_us(), end = begin + seconds * 1e6;
  while (now_us() < end) {
    if (poll(socks, CONNECTIONS, TIMEOUT_MS) <= 0) fail("no reply");
    for (int i = 0; i < CONNECTIONS; i++) {
      if (!socks[i].revents) continue;
      ssize_t n = recv(socks[i].fd, text, sizeof text, 0);
      if (n <= 0) fail("control connection");
      for (ssize_t k = 0; k < n; k++) {
        if (text[k] != '\n') continue;
        replies++;
        say(socks[i].fd, "NOOP\r\n");
      }
    }
  }
  printf("%.0f\n", replies / ((now_us() - begin) / 1e6));
  return 0;
}

static int gap(struct sockaddr_in where, int seconds) {
  char line[LINE];
  int fd = connect_to(where);
  if (fd < 0) fail("connect");
  read_line(fd, line);
  double end = now_us() + seconds * 1e6, longest = 0;
  int count = 0;
  for (; now_us() < end; count++) {
    double start = now_us();
    ask(fd, "NOOP\r\n", line);
    double waited = now_us() - start;
    if (waited > longest) longest = waited;
  }
  printf("%d %.1f\n", count, longest / 1e3);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "server")) server(argv[2]);
  if (argc == 5 && !strcmp(argv[1], "client")) {
    struct sockaddr_in where = address(argv[2], CONTROL_PORT);
    int count = atoi(argv[4]);
    if (count > 0 && !strcmp(argv[3], "cycle")) return measure(where, 1, count);
    if (count > 0 && !strcmp(argv[3], "noop")) return measure(where, 0, count);
    if (count > 0 && !strcmp(argv[3], "hold")) return hold(where, 0, count);
    if (count > 0 && !strcmp(argv[3], "announce")) return hold(where, 1, count);
    if (count > 0 && !strcmp(argv[3], "flood")) return flood(where, count);
    if (count > 0 && !strcmp(argv[3], "gap")) return gap(where, count);
  }
  fprintf(stderr, "usage: ftp_peer server ADDRESS | client ADDRESS cycle|noop|hold|announce COUNT\n"
                  "       ftp_peer client ADDRESS flood|gap SECONDS\n");
  return 2;
}
