/*
 * The least that a user-space helper can cost: takes every packet of a queue and accepts it unread.
 *
 *   queue_accept QUEUE     until it is killed; says "ready" when bound
 *
 * Batched like the agent, and with the queue's settings of the agent (no GSO: the kernel writes checksums
 * before it queues): recvmmsg of up to 64 packets, one batch verdict (linux/netfilter/nfnetlink_queue.h).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, MESSAGE = 4096, QUEUE_LENGTH = 4096 };

/* A netlink request under construction. */
struct request {
  struct nlmsghdr header;
  struct nfgenmsg family;
  char attributes[64];
};

static int fd;
static char packets[BATCH][MESSAGE];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct request begin(int type, int queue) {
  struct request r = {
      .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
                 .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type,
                 .nlmsg_flags = NLM_F_REQUEST},
      .family = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(queue)}};
  return r;
}

static void put(struct request *r, int type, const void *value, int length) {
  struct nlattr *a = (struct nlattr *)((char *)r + r->header.nlmsg_len);
  a->nla_type = type;
  a->nla_len = NLA_HDRLEN + length;
  memcpy(a + 1, value, length);
  r->header.nlmsg_len += NLA_ALIGN(a->nla_len);
}

static void transmit(const struct request *r) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (sendto(fd, r, r->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
    fail("sendto");
}

/* Sends a request that is acknowledged, and insists on success. */
static void ask(struct request *r) {
  char answer[MESSAGE];
  r->header.nlmsg_flags |= NLM_F_ACK;
  transmit(r);
  if (recv(fd, answer, sizeof answer, 0) < (int)NLMSG_LENGTH(sizeof(struct nlmsgerr))) fail("recv");
  const struct nlmsgerr *error = NLMSG_DATA((struct nlmsghdr *)answer);
  if (error->error) {
    errno = -error->error;
    fail("queue");
  }
}

/* The packet id of a queued packet, or 0 if this is something else. */
static unsigned packet_id(const char *message, unsigned length) {
  const struct nlmsghdr *h = (const struct nlmsghdr *)message;
  if (length < NLMSG_LENGTH(sizeof(struct nfgenmsg)) || (h->nlmsg_type & 255) != NFQNL_MSG_PACKET)
    return 0;
  unsigned at = NLMSG_LENGTH(sizeof(struct nfgenmsg));
  while (length - at >= NLA_HDRLEN && at < length) {
    const struct nlattr *a = (const struct nlattr *)(message + at);
    if (a->nla_len < NLA_HDRLEN || a->nla_len > length - at) return 0;
    if ((a->nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR)
      return ((const struct nfqnl_msg_packet_hdr *)(a + 1))->packet_id;
    at += NLA_ALIGN(a->nla_len);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: queue_accept QUEUE\n");
    return 2;
  }
  int queue = atoi(argv[1]), buffer = 8 << 20;
  struct sockaddr_nl me = {.nl_family = AF_NETLINK};
  fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me) < 0) fail("netlink socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);

  struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_BIND};
  struct request r = begin(NFQNL_MSG_CONFIG, queue);
  put(&r, NFQA_CFG_CMD, &command, sizeof command);
  ask(&r);
  struct nfqnl_msg_config_params copy = {.copy_range = htonl(0xffff),
                                         .copy_mode = NFQNL_COPY_PACKET};
  unsigned length = htonl(QUEUE_LENGTH), flags = htonl(NFQA_CFG_F_FAIL_OPEN),
           mask = htonl(NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO);
  r = begin(NFQNL_MSG_CONFIG, queue);
  put(&r, NFQA_CFG_PARAMS, &copy, sizeof copy);
  put(&r, NFQA_CFG_QUEUE_MAXLEN, &length, sizeof length);
  put(&r, NFQA_CFG_FLAGS, &flags, sizeof flags);
  put(&r, NFQA_CFG_MASK, &mask, sizeof mask);
  ask(&r);
  puts("ready");
  fflush(stdout);

  struct mmsghdr messages[BATCH] = {0};
  struct iovec slices[BATCH];
  for (int i = 0; i < BATCH; i++) {
    slices[i] = (struct iovec){packets[i], MESSAGE};
    messages[i].msg_hdr.msg_iov = &slices[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (;;) {
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, 0);
    if (count < 0 && errno != EINTR && errno != ENOBUFS) fail("recvmmsg");
    struct nfqnl_msg_verdict_hdr verdict = {.verdict = htonl(NF_ACCEPT)};
    for (int i = 0; i < count; i++) {
      unsigned id = packet_id(packets[i], messages[i].msg_len);
      if (id) verdict.id = id;
    }
    if (!verdict.id) continue;
    /* Accepts everything up to this id. */
    r = begin(NFQNL_MSG_VERDICT_BATCH, queue);
    put(&r, NFQA_VERDICT_HDR, &verdict, sizeof verdict);
    transmit(&r);
  }
}
