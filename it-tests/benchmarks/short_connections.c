/*
 * Very many short FTP control connections to what ftp_peer serves, good and bad ones mixed, to see what stays behind in a
 * router.
 *
 *   short_connections ADDRESS COUNT FIRST SILENT   COUNT connections, from eight addresses side by side: FIRST, which is an
 *                                                  IPv4 address, and the seven after it. What comes back to the address
 *                                                  SILENT must be dropped on this host: connections from there stay half open
 *
 * Prints how many connections came to an end as they should, how many did not, and the processor time of all of them in
 * microseconds. A mix of twenty is repeated; it is the same in each run.
 */
#define _GNU_SOURCE
#include "ftp_peer.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { PROCESSES = 8, MIX = 20 };

/* What a connection does before its end, and how it ends. */
enum begin { SYN_ONLY, CLOSED_AT_ONCE, GREETED, LOGGED_IN, ANNOUNCED, PORT_REFUSED, FETCHED };
enum end { QUIT, FIN, RST };
static const struct {
  enum begin begin;
  enum end end;
} mix[MIX] = {
    {FETCHED, QUIT},       {FETCHED, QUIT},   {LOGGED_IN, QUIT}, {FETCHED, QUIT},   {GREETED, RST},
    {FETCHED, QUIT},       {LOGGED_IN, QUIT}, {ANNOUNCED, QUIT}, {FETCHED, RST},    {SYN_ONLY, FIN},
    {FETCHED, QUIT},       {LOGGED_IN, QUIT}, {ANNOUNCED, RST},  {FETCHED, FIN},    {GREETED, FIN},
    {CLOSED_AT_ONCE, FIN}, {FETCHED, QUIT},   {LOGGED_IN, FIN},  {PORT_REFUSED, QUIT}, {ANNOUNCED, FIN},
};

/* A SYN, and the socket is gone before an answer can come. */
static int half_open(struct sockaddr_in where, struct in_addr silent) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("socket");
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = silent};
  set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind");
  int sent = connect(fd, (struct sockaddr *)&where, sizeof where) == 0 || errno == EINPROGRESS;
  close(fd);
  return sent;
}

/* Whether it went as the mix says. */
static int one(struct sockaddr_in where, struct in_addr silent, enum begin begin, enum end end) {
  char line[LINE];
  if (begin == SYN_ONLY) return half_open(where, silent);
  int fd = connect_to(where), good = 1;
  if (fd < 0) return 0;
  if (begin >= GREETED) read_line(fd, line);
  if (begin >= LOGGED_IN) {
    ask(fd, "USER me\r\n", line);
    ask(fd, "PASS secret\r\n", line);
    good = !strncmp(line, "230", 3);
  }
  if (begin == PORT_REFUSED) {
    ask(fd, "PORT 198,51,100,2,200,1\r\n", line);
    good = good && !strncmp(line, "502", 3);
  }
  if (begin == ANNOUNCED || begin == FETCHED) ask(fd, "PASV\r\n", line);
  if (begin == FETCHED) good = good && fetch(line);
  if (end == QUIT) {
    ask(fd, "QUIT\r\n", line);
    good = good && !strncmp(line, "221", 3) && recv(fd, line, 1, 0) == 0;
  }
  if (end == RST) drop(fd);
  else close(fd);
  return good;
}

int main(int argc, char **argv) {
  struct in_addr silent;
  if (argc != 5 || atoi(argv[2]) <= 0 || inet_pton(AF_INET, argv[4], &silent) != 1) {
    fprintf(stderr, "usage: short_connections ADDRESS COUNT FIRST SILENT\n");
    return 2;
  }
  struct sockaddr_in where = address(argv[1], CONTROL_PORT);
  int count = atoi(argv[2]);
  long *good = mmap(0, PROCESSES * sizeof *good, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (good == MAP_FAILED) fail("mmap");
  here = address(argv[3], 0);
  uint32_t first = ntohl(here.sin_addr.s_addr);
  for (int process = 0; process < PROCESSES; process++) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child) continue;
    here.sin_addr.s_addr = htonl(first + process);
    for (int i = process; i < count; i += PROCESSES) {
      int kind = i / PROCESSES % MIX;
      good[process] += one(where, silent, mix[kind].begin, mix[kind].end);
    }
    _exit(0);
  }
  int status, broken = 0;
  while (wait(&status) > 0) broken |= status;
  long sum = 0;
  for (int process = 0; process < PROCESSES; process++) sum += good[process];
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  printf("%ld %ld %.0f\n", sum, count - sum,
         (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  return broken || sum < count;
}
