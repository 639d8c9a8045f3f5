/** What is said to a service manager such as systemd, and what it gives to a new process. */
@NullMarked
package org.pinholed.agent.service;

import org.jspecify.annotations.NullMarked;
