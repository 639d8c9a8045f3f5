/*
 * Datagrams to and fro, to be measured behind a router.
 *
 *   udp_peer server ADDRESS             echoes what comes to port 5959, until it is killed
 *   udp_peer client ADDRESS SECONDS     keeps WINDOW datagrams of each of FLOWS flows on their way; says how many came back
 *
 * A datagram is a comment in the laboratory's own protocol: of no interest. What is lost is sent again after 100 ms without
 * any answer, so that a lost datagram does not end the flow of the others.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { PORT = 5959, FLOWS = 32, WINDOW = 16, BATCH = 64, SIZE = 64, PATIENCE_MS = 100 };

static char bytes[BATCH][2048];
static struct sockaddr_in origins[BATCH];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in address(const char *text) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
    fprintf(stderr, "no address: %s\n", text);
    exit(2);
  }
  return a;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void lay_out(struct mmsghdr *messages, struct iovec *slices, int length, int named) {
  memset(messages, 0, BATCH * sizeof *messages);
  for (int i = 0; i < BATCH; i++) {
    slices[i] = (struct iovec){bytes[i], length};
    messages[i].msg_hdr.msg_iov = &slices[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    if (named) {
      messages[i].msg_hdr.msg_name = &origins[i];
      messages[i].msg_hdr.msg_namelen = sizeof origins[i];
    }
  }
}

static _Noreturn void serve(const char *text) {
  struct sockaddr_in me = address(text);
  int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me) < 0) fail("bind");
  struct mmsghdr messages[BATCH];
  struct iovec slices[BATCH];
  for (;;) {
    lay_out(messages, slices, sizeof bytes[0], 1);
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) slices[i].iov_len = messages[i].msg_len;
    for (int sent = 0; sent < count;) {
      int more = sendmmsg(fd, messages + sent, count - sent, 0);
      sent += more > 0 ? more : 1; /* a send that failed is a lost datagram */
    }
  }
}

static int flood(const char *text, double seconds) {
  struct sockaddr_in to = address(text);
  struct pollfd flows[FLOWS];
  double heard[FLOWS];
  struct mmsghdr messages[BATCH], answers[BATCH];
  struct iovec slices[BATCH], heard_slices[BATCH];
  static char question[SIZE];
  memset(question, 'x', sizeof question);
  question[0] = '#';
  lay_out(messages, slices, SIZE, 0);
  for (int i = 0; i < BATCH; i++) slices[i].iov_base = question;
  lay_out(answers, heard_slices, sizeof bytes[0], 0);
  for (int f = 0; f < FLOWS; f++) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    flows[f] = (struct pollfd){fd, POLLIN, 0};
    heard[f] = 0;
  }
  double begin = now(), end = begin + seconds;
  long back = 0;
  for (double t = begin; t < end; t = now()) {
    for (int f = 0; f < FLOWS; f++) {
      if (t - heard[f] < PATIENCE_MS / 1e3) continue;
      sendmmsg(flows[f].fd, messages, WINDOW, 0);
      heard[f] = t;
    }
    if (poll(flows, FLOWS, 20) <= 0) continue;
    for (int f = 0; f < FLOWS; f++) {
      if (!(flows[f].revents & POLLIN)) continue;
      int count = recvmmsg(flows[f].fd, answers, WINDOW, 0, NULL);
      if (count <= 0) continue;
      back += count;
      heard[f] = t;
      sendmmsg(flows[f].fd, messages, count, 0);
    }
  }
  printf("%ld %.0f\n", back, back / (now() - begin));
  return back > 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "server")) serve(argv[2]);
  if (argc == 4 && !strcmp(argv[1], "client")) return flood(argv[2], atof(argv[3]));
  fprintf(stderr, "usage: udp_peer server ADDRESS | client ADDRESS SECONDS\n");
  return 2;
}
