/** Parent flows: how they begin, who finds them by packet, what is known of them, how they end. */
@NullMarked
package org.pinholed.agent.flow;

import org.jspecify.annotations.NullMarked;
