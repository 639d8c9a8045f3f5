/** Tests of the agent as a whole. */
@NullMarked
package org.pinholed.agent;

import org.jspecify.annotations.NullMarked;
