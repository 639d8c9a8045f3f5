package org.pinholed.agent.worker;

import java.util.function.IntPredicate;
import org.pinholed.agent.config.MarkBits;

/**
 * How one worker reads.
 *
 * @param asymmetricRouting whether honest packets may come in by any device
 * @param readsTranslated whether packets come as they leave, so that translated flows can be read
 * @param mine tells by a conntrack id whether the diversion gives its packets to this worker's
 *     queue
 * @param marks the bits of the conntrack mark
 * @param mostHeldPackets how many packets may wait for the ends of messages, 1 or more
 */
public record WorkerOptions(
    boolean asymmetricRouting,
    boolean readsTranslated,
    IntPredicate mine,
    MarkBits marks,
    int mostHeldPackets) {}
