/** The kernel's table of connections: look up, change, delete, and hear of new and ended ones. */
@NullMarked
package org.pinholed.kernel.conntrack;

import org.jspecify.annotations.NullMarked;
