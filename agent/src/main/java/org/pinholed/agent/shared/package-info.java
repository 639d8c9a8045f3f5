/** What all flows of a protocol share, beyond flows and workers. */
@NullMarked
package org.pinholed.agent.shared;

import org.jspecify.annotations.NullMarked;
