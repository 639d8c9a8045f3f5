/** What a service manager hears, byte for byte. */
@NullMarked
package org.pinholed.agent.service;

import org.jspecify.annotations.NullMarked;
