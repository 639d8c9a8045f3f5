/** Flyweights over IP packets. */
@NullMarked
package org.pinholed.agent.packet;

import org.jspecify.annotations.NullMarked;
