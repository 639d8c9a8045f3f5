/** The sockets of this machine: ask the kernel which ports something listens on. */
@NullMarked
package org.pinholed.kernel.socket;

import org.jspecify.annotations.NullMarked;
