/** Unix sockets that carry file descriptors, which the JDK's own cannot. */
@NullMarked
package org.pinholed.kernel.unix;

import org.jspecify.annotations.NullMarked;
