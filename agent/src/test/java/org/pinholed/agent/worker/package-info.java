/** Tests of the packet path against a kernel that follows the real protocols in memory. */
@NullMarked
package org.pinholed.agent.worker;

import org.jspecify.annotations.NullMarked;
