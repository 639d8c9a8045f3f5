/** Captures as files: pcap and pcapng, the link layers in them, and IP fragments. No protocol. */
@NullMarked
package org.pinholed.agent.replay.capture;

import org.jspecify.annotations.NullMarked;
