/** Tests of the conntrack bindings, against exact bytes and against the kernel. */
@NullMarked
package org.pinholed.kernel.conntrack;

import org.jspecify.annotations.NullMarked;
