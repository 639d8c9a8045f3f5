/** Pinholes as elements of nftables maps, and the diversion of control packets to the queue. */
@NullMarked
package org.pinholed.agent.pinhole.nftables;

import org.jspecify.annotations.NullMarked;
