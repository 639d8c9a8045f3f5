/**
 * The calls of one flow: which contexts were accepted for which interface, which requests wait for
 * their reply, and what is there of those that come in fragments.
 */
@NullMarked
package org.pinholed.helper.dcerpc.call;

import org.jspecify.annotations.NullMarked;
