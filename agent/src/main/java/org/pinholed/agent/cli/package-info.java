/** pinholectl: what an operator types, and how the agent's answers look on a terminal. */
@NullMarked
package org.pinholed.agent.cli;

import org.jspecify.annotations.NullMarked;
