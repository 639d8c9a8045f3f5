/** Tests of the nf_tables bindings: bytes against a scripted socket, and the kernel itself. */
@NullMarked
package org.pinholed.kernel.nftables;

import org.jspecify.annotations.NullMarked;
