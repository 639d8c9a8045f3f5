/** Tests of asking which sockets there are. */
@NullMarked
package org.pinholed.kernel.socket;

import org.jspecify.annotations.NullMarked;
