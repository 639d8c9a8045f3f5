/** Tests of the packet flyweight, and packets for other tests. */
@NullMarked
package org.pinholed.agent.packet;

import org.jspecify.annotations.NullMarked;
