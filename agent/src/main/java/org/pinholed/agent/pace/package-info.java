/** How often something may happen: trying again after a failure, and lines in the log. */
@NullMarked
package org.pinholed.agent.pace;

import org.jspecify.annotations.NullMarked;
