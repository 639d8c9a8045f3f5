/** Parent flows and the table of one worker that finds them by packet. */
@NullMarked
package org.pinholed.agent.flow;

import org.jspecify.annotations.NullMarked;
