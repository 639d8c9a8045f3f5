/** Packets that the kernel hands to user space, and verdicts on them ({@code nfnetlink_queue}). */
@NullMarked
package org.pinholed.kernel.nfqueue;

import org.jspecify.annotations.NullMarked;
