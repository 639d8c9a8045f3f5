/** Tests of the nftables backend against the kernel, in network namespaces of their own. */
@NullMarked
package org.pinholed.agent.pinhole.nftables;

import org.jspecify.annotations.NullMarked;
