/*
 * SIP calls in one flow of datagrams, to be measured behind a router.
 *
 *   sip_peer server ADDRESS                            answers INVITE and BYE on port 5060 with 200, until it is killed
 *   sip_peer client ADDRESS RATE CALLS HOLD_MS         makes CALLS calls, RATE of them a second, each of which lives HOLD_MS
 *
 * The client says: calls lost, how many lived at once at most, and of the time from INVITE to 200 the p50 and the p99
 * in microseconds. While it measures nothing is sent again: a call whose INVITE is not answered while it lives, or whose
 * BYE is not answered within 2 s, is lost. Afterwards lost calls are ended as a phone ends them: INVITE, ACK and BYE are
 * sent again until each has its answer, so that no call is left which one of the two ends has and the other one has not.
 * Each call offers and answers one audio stream on ports of its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { PORT = 5060, CLIENT_PORT = 5062, FIRST_MEDIA = 10000, PAIRS = 20000, SIZE = 4096, PATIENCE_NS = 2000000000, AGAIN_NS = 500000000, GAP_NS = 2000000, TIMES = 20 };

struct call {
  long invited, answered, done;
  char to[128];
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static struct sockaddr_in address(const char *text, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
    fprintf(stderr, "no address: %s\n", text);
    exit(2);
  }
  return a;
}

static int bound(const char *text, int port) {
  struct sockaddr_in me = address(text, port);
  int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 16 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me) != 0) fail("bind");
  return fd;
}

static int description(char *out, const char *host, int pair) {
  return sprintf(out,
                 "v=0\r\no=- 3394 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\n"
                 "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n",
                 host, host, FIRST_MEDIA + 2 * pair);
}

/* Copies the lines of a header from a request to an answer. */
static char *copied(char *out, const char *request, const char *name) {
  size_t length = strlen(name);
  for (const char *line = request; line && *line != '\r'; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
    if (strncmp(line, name, length) == 0) {
      const char *end = strchr(line, '\n');
      out = mempcpy(out, line, end + 1 - line);
    }
  return out;
}

static _Noreturn void serve(const char *host) {
  static char in[SIZE], out[SIZE], body[512];
  int fd = bound(host, PORT);
  for (;;) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t size = recvfrom(fd, in, SIZE - 1, 0, (struct sockaddr *)&from, &length);
    if (size <= 0 || strncmp(in, "ACK", 3) == 0) continue;
    in[size] = 0;
    int invite = strncmp(in, "INVITE", 6) == 0;
    /* A copy of an INVITE gets the same answer. */
    const char *id = strstr(in, "Call-ID: bench-");
    int number = id ? atoi(id + 15) : 0;
    char *at = stpcpy(out, "SIP/2.0 200 OK\r\n");
    at = copied(at, in, "Via:");
    at = copied(at, in, "From:");
    at = copied(at, in, "To:");
    if (invite) at += sprintf(at - 2, ";tag=t%d\r\n", number) - 2;
    at = copied(at, in, "Call-ID:");
    at = copied(at, in, "CSeq:");
    at += sprintf(at, "Contact: <sip:bob@%s:%d>\r\n", host, PORT);
    int described = invite ? description(body, host, number % PAIRS) : 0;
    if (invite) at = stpcpy(at, "Content-Type: application/sdp\r\n");
    at += sprintf(at, "Content-Length: %d\r\n\r\n%.*s", described, described, body);
    sendto(fd, out, at - out, 0, (struct sockaddr *)&from, length);
  }
}

static void request(int fd, const char *host, const char *server, const char *method, int number, int cseq, const char *to) {
  static char out[SIZE], body[512];
  int invite = strcmp(method, "INVITE") == 0, described = invite ? description(body, host, number % PAIRS) : 0;
  int size = sprintf(out,
                     "%s sip:bob@%s:%d SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s%d;rport\r\nMax-Forwards: 70\r\n"
                     "From: <sip:alice@example.org>;tag=f%d\r\nTo: %s\r\nCall-ID: bench-%d@example.org\r\n"
                     "CSeq: %d %s\r\nContact: <sip:alice@%s:%d>\r\nUser-Agent: bench\r\n%sContent-Length: %d\r\n\r\n%.*s",
                     method, server, PORT, host, CLIENT_PORT, method, number, number, to, number, cseq,
                     method, host, CLIENT_PORT, invite ? "Content-Type: application/sdp\r\n" : "", described, described, body);
  if (send(fd, out, size, 0) != size) fail("send");
}

/* Reads an answer; the number of its call and whether it is to a BYE, or -1. */
static int answer(const char *in, int base, int calls, int *bye, const char **to) {
  const char *id = strstr(in, "Call-ID: bench-"), *cseq = strstr(in, "CSeq: ");
  int number = id ? atoi(id + 15) - base : -1;
  *to = strstr(in, "\r\nTo: ");
  if (number < 0 || number >= calls || !cseq || !*to || strncmp(in, "SIP/2.0 200", 11) != 0) return -1;
  *to += 6;
  *bye = cseq[6] == '2';
  return number;
}

static void answered(struct call *call, const char *to, long came) {
  call->answered = came;
  snprintf(call->to, sizeof call->to, "%.*s", (int)strcspn(to, "\r"), to);
}

/* Reads what came, at most until a time; how many of the calls ended. */
static int read_ends(int fd, const char *host, const char *server, struct call *all, int calls, int base, long until) {
  static char in[SIZE];
  int ended = 0;
  for (long t = now(); t < until; t = now()) {
    struct timespec wait = {0, until - t};
    struct pollfd poll = {fd, POLLIN, 0};
    if (ppoll(&poll, 1, &wait, NULL) <= 0) break;
    ssize_t size = recv(fd, in, SIZE - 1, MSG_DONTWAIT);
    if (size <= 0) continue;
    in[size] = 0;
    const char *to;
    int bye, number = answer(in, base, calls, &bye, &to);
    if (number < 0 || all[number].done) continue;
    if (bye) {
      all[number].done = now();
      ended++;
    } else {
      if (!all[number].answered) answered(&all[number], to, now());
      request(fd, host, server, "ACK", base + number, 1, all[number].to);
      request(fd, host, server, "BYE", base + number, 2, all[number].to);
    }
  }
  return ended;
}

/* Ends what was lost, not faster than a slow machine can read it. */
static void end_lost(int fd, const char *host, const char *server, struct call *all, int calls, int base, int lost) {
  for (int times = 0; lost && times < TIMES; times++) {
    for (int i = 0; i < calls; i++) {
      if (all[i].done) continue;
      if (all[i].answered)
        request(fd, host, server, "BYE", base + i, 2, all[i].to);
      else
        request(fd, host, server, "INVITE", base + i, 1, "<sip:bob@example.org>");
      lost -= read_ends(fd, host, server, all, calls, base, now() + GAP_NS);
    }
    lost -= read_ends(fd, host, server, all, calls, base, now() + AGAIN_NS);
  }
  if (lost) fprintf(stderr, "%d calls were not ended\n", lost);
}

static int ascending(const void *a, const void *b) {
  long x = *(const long *)a, y = *(const long *)b;
  return x < y ? -1 : x > y;
}

static void call_all(const char *server, long rate, int calls, long hold) {
  static char in[SIZE], host[INET_ADDRSTRLEN];
  struct sockaddr_in there = address(server, PORT), here;
  socklen_t length = sizeof here;
  int fd = bound("0.0.0.0", CLIENT_PORT);
  if (connect(fd, (struct sockaddr *)&there, sizeof there) != 0) fail("connect");
  getsockname(fd, (struct sockaddr *)&here, &length);
  inet_ntop(AF_INET, &here.sin_addr, host, sizeof host);
  struct call *all = calloc(calls, sizeof *all);
  /* Calls end in the order in which they began: next is to be invited, first is to be ended. */
  int next = 0, first = 0, alive = 0, most = 0, byes = 0, ended = 0;
  /* Runs with the same numbers must not be copies of each other. */
  int base = (int)(time(NULL) % 100000) * 10000;
  long begin = now(), end = 0;
  while (next < calls || first < calls || now() < end) {
    long t = now();
    while (next < calls && begin + next * 1000000000L / rate <= t) {
      all[next].invited = now();
      request(fd, host, server, "INVITE", base + next, 1, "<sip:bob@example.org>");
      next++;
      if (++alive > most) most = alive;
      t = now();
    }
    while (first < next && all[first].invited + hold <= t) {
      if (all[first].answered) {
        request(fd, host, server, "BYE", base + first, 2, all[first].to);
        byes++;
        end = now() + PATIENCE_NS;
      }
      alive--;
      first++;
    }
    long due = next < calls ? begin + next * 1000000000L / rate : t + 100000000;
    if (first < next && all[first].invited + hold < due) due = all[first].invited + hold;
    struct timespec wait = {0, due > t ? (due - t < 100000000 ? due - t : 100000000) : 0};
    struct pollfd poll = {fd, POLLIN, 0};
    if (ppoll(&poll, 1, &wait, NULL) <= 0) continue;
    ssize_t size;
    while ((size = recv(fd, in, SIZE - 1, MSG_DONTWAIT)) > 0) {
      long came = now();
      in[size] = 0;
      const char *to;
      int bye, number = answer(in, base, next, &bye, &to);
      if (number < 0) continue;
      struct call *call = &all[number];
      if (bye) {
        ended += !call->done;
        call->done = came;
        if (first == calls && ended == byes) end = 0; /* nothing else is to come */
      } else if (!call->answered) {
        answered(call, to, came);
        request(fd, host, server, "ACK", number + base, 1, call->to);
      }
    }
  }
  long *times = calloc(calls, sizeof *times);
  int count = 0, lost = 0;
  for (int i = 0; i < calls; i++) {
    if (all[i].answered) times[count++] = all[i].answered - all[i].invited;
    lost += !all[i].done;
  }
  qsort(times, count, sizeof *times, ascending);
  end_lost(fd, host, server, all, calls, base, lost);
  printf("%d %d %.1f %.1f\n", lost, most, count ? times[count / 2] / 1e3 : 0.0, count ? times[count * 99 / 100] / 1e3 : 0.0);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "server") == 0) serve(argv[2]);
  if (argc == 6 && strcmp(argv[1], "client") == 0) {
    call_all(argv[2], atol(argv[3]), atoi(argv[4]), atol(argv[5]) * 1000000L);
    return 0;
  }
  fprintf(stderr, "usage: sip_peer server ADDRESS | client ADDRESS RATE CALLS HOLD_MS\n");
  return 2;
}
