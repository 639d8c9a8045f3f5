/**
 * The netlink wire format and its request/answer discipline, ignorant of what the messages mean.
 */
@NullMarked
package org.pinholed.kernel.netlink;

import org.jspecify.annotations.NullMarked;
