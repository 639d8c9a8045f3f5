package org.pinholed.kernel.nfqueue;

/**
 * What this kernel agreed to for a queue.
 *
 * @param failOpen packets pass unread when the queue is full ({@code NFQA_CFG_F_FAIL_OPEN})
 * @param conntrack packets come with their conntrack entry ({@code NFQA_CFG_F_CONNTRACK}; needs a
 *     kernel with {@code CONFIG_NETFILTER_NETLINK_GLUE_CT})
 */
public record QueueFeatures(boolean failOpen, boolean conntrack) {}
