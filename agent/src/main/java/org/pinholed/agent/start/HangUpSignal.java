package org.pinholed.agent.start;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;

/**
 * SIGHUP, by {@code sun.misc.Signal} of the module jdk.unsupported, which runs the action on a
 * thread of its own. It is called by reflection, because javac warns of every direct use and no
 * annotation silences it. (jnr-posix has signals too, but runs Java inside the native handler, on
 * whatever thread the signal interrupts.)
 */
public final class HangUpSignal {
  private HangUpSignal() {}

  /**
   * Runs something at each SIGHUP from now on. A process that was started with SIGHUP ignored, as
   * by nohup(1), goes on to ignore it.
   *
   * @param action runs on a thread of its own
   * @throws ReflectiveOperationException if this virtual machine has no such signals
   */
  public static void handle(Runnable action) throws ReflectiveOperationException {
    Class<?> signal = Class.forName("sun.misc.Signal");
    Class<?> handler = Class.forName("sun.misc.SignalHandler");
    InvocationHandler onCall =
        (proxy, method, arguments) ->
            switch (method.getName()) {
              case "handle" -> {
                action.run();
                yield null;
              }
              case "equals" -> proxy == arguments[0];
              case "hashCode" -> System.identityHashCode(proxy);
              default -> "SIGHUP handler";
            };
    Object proxy =
        Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, onCall);
    signal
        .getMethod("handle", signal, handler)
        .invoke(null, signal.getConstructor(String.class).newInstance("HUP"), proxy);
  }
}
