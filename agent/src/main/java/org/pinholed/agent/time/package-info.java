/** The one clock of the agent, and how its times are written. */
@NullMarked
package org.pinholed.agent.time;

import org.jspecify.annotations.NullMarked;
