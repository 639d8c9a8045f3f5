/** Tests of the netlink codec, and the fake kernel that the tests of the other packages use. */
@NullMarked
package org.pinholed.kernel.netlink;

import org.jspecify.annotations.NullMarked;
