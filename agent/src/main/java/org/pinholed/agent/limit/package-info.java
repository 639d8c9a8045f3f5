/** How what strangers make the agent keep is bounded and shared among client addresses. */
@NullMarked
package org.pinholed.agent.limit;

import org.jspecify.annotations.NullMarked;
