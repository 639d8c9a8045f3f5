/** Flow traces for the operator, without cost while nobody looks. */
@NullMarked
package org.pinholed.agent.trace;

import org.jspecify.annotations.NullMarked;
