/** Tests of how often something may happen. */
@NullMarked
package org.pinholed.agent.pace;

import org.jspecify.annotations.NullMarked;
