/** The control socket: how pinholectl and the agent speak, and both ends of that speech. */
@NullMarked
package org.pinholed.agent.control;

import org.jspecify.annotations.NullMarked;
