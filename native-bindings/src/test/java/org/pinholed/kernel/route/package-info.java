/** Tests of asking the routing tables. */
@NullMarked
package org.pinholed.kernel.route;

import org.jspecify.annotations.NullMarked;
