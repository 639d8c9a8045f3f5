/** Tests of the packet queue, against a fake transport and against the kernel. */
@NullMarked
package org.pinholed.kernel.nfqueue;

import org.jspecify.annotations.NullMarked;
