/**
 * DCE-RPC (C706, MS-RPCE, MS-DCOM): reads what the endpoint mapper and DCOM activation announce,
 * and opens it.
 */
@NullMarked
package org.pinholed.helper.dcerpc;

import org.jspecify.annotations.NullMarked;
