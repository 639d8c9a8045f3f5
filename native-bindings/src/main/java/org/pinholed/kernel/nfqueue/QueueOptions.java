package org.pinholed.kernel.nfqueue;

import java.time.Duration;
import org.pinholed.kernel.netlink.Ranges;

/**
 * How a packet queue is to be opened.
 *
 * @param queueNumber the number that the firewall rule names, 0..65535
 * @param maxLengthPackets how many packets the kernel holds before it drops or lets pass,
 *     1..1048576
 * @param copyRangeBytes how much of each packet is copied, 128..65531 ({@code
 *     NFQNL_MAX_COPY_RANGE}); a packet that is to be changed must be copied in full
 * @param failOpen let packets pass unread when the queue is full, instead of dropping them
 * @param wantConntrack ask for the conntrack entry with each packet; {@link QueueFeatures} tells
 *     whether the kernel does it
 * @param receiveBufferBytes of the socket, 4096 or more; about twice a packet's length is charged
 * @param batchSize how many packets one receive takes, 1..1024
 * @param receiveTimeout how long a receive waits, 1 ms to 1 h
 */
public record QueueOptions(
    int queueNumber,
    int maxLengthPackets,
    int copyRangeBytes,
    boolean failOpen,
    boolean wantConntrack,
    int receiveBufferBytes,
    int batchSize,
    Duration receiveTimeout) {
  /** Refuses what the kernel would not do as asked. */
  public QueueOptions {
    Ranges.require("queueNumber", queueNumber, 0, 65535);
    Ranges.require("maxLengthPackets", maxLengthPackets, 1, 1 << 20);
    Ranges.require("copyRangeBytes", copyRangeBytes, 128, 65531);
    Ranges.require("receiveBufferBytes", receiveBufferBytes, 4096, Integer.MAX_VALUE);
    Ranges.require("batchSize", batchSize, 1, 1024);
    Ranges.requireWait("receiveTimeout", receiveTimeout);
  }
}
