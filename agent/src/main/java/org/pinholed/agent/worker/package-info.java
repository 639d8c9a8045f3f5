/** The packet path: from the queue through flow, stream and helper to the verdict. */
@NullMarked
package org.pinholed.agent.worker;

import org.jspecify.annotations.NullMarked;
