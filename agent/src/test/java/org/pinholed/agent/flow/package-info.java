/** Tests of flow keys and of the flow table. */
@NullMarked
package org.pinholed.agent.flow;

import org.jspecify.annotations.NullMarked;
