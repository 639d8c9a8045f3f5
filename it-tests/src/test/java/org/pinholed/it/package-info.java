/** The scenarios that the agent must pass on the real kernel, with peers that nobody here wrote. */
@NullMarked
package org.pinholed.it;

import org.jspecify.annotations.NullMarked;
