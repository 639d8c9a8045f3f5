/**
 * The replies of DCOM that announce ports (MS-DCOM 3.1.2.5): of the object resolver, and of
 * activation.
 */
@NullMarked
package org.pinholed.helper.dcerpc.activation;

import org.jspecify.annotations.NullMarked;
