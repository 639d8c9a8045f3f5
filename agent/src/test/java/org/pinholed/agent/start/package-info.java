/** Tests of the whole agent in a network namespace. */
@NullMarked
package org.pinholed.agent.start;

import org.jspecify.annotations.NullMarked;
