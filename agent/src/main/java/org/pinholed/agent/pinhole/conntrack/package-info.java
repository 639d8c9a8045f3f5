/** Expectations of the kernel beside pinholes. */
@NullMarked
package org.pinholed.agent.pinhole.conntrack;

import org.jspecify.annotations.NullMarked;
