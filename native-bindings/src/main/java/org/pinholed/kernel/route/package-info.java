/** The kernel's routing tables: ask them by which devices an address is reached. */
@NullMarked
package org.pinholed.kernel.route;

import org.jspecify.annotations.NullMarked;
