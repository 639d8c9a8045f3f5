/**
 * The C library calls that the kernel bindings need, and the layouts of the structures they take.
 */
@NullMarked
package org.pinholed.kernel.libc;

import org.jspecify.annotations.NullMarked;
