/** The one clock of the agent. */
@NullMarked
package org.pinholed.agent.time;

import org.jspecify.annotations.NullMarked;
