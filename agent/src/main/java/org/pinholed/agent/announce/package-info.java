/** From what a helper says to expectations and to the one transaction of their pinholes. */
@NullMarked
package org.pinholed.agent.announce;

import org.jspecify.annotations.NullMarked;
