/** Tests of flow traces. */
@NullMarked
package org.pinholed.agent.trace;

import org.jspecify.annotations.NullMarked;
