package org.pinholed.agent.pinhole;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nothing of the interface is left out, also what has a default there and comes later. */
class ForwardingBackendTest {
  private final List<String> asked = new ArrayList<>();
  private final InvocationHandler notes =
      (proxy, method, arguments) -> {
        asked.add(method.getName());
        return method.getReturnType() == PinholeBackend.Session.class
            ? fake(PinholeBackend.Session.class)
            : nothing(method.getReturnType());
      };

  private <T> T fake(Class<T> type) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, notes));
  }

  private static @Nullable Object nothing(Class<?> type) {
    if (type == boolean.class) {
      return false;
    }
    if (type == int.class) {
      return 0;
    }
    if (type == long.class) {
      return 0L;
    }
    if (type == String.class) {
      return "";
    }
    if (type == AcceptRuleState.class) {
      return AcceptRuleState.UNKNOWN;
    }
    return type == Map.class ? Map.of() : type.isAssignableFrom(List.class) ? List.of() : null;
  }

  static List<Method> ofBackend() {
    return methodsOf(PinholeBackend.class);
  }

  static List<Method> ofSession() {
    return methodsOf(PinholeBackend.Session.class);
  }

  /** Without static ones: the measuring of coverage adds one of its own to each interface. */
  private static List<Method> methodsOf(Class<?> type) {
    return Arrays.stream(type.getDeclaredMethods())
        .filter(method -> !Modifier.isStatic(method.getModifiers()))
        .toList();
  }

  private void assertForwarded(Object forwarding, Method method) throws Exception {
    asked.clear();
    Object[] arguments =
        Arrays.stream(method.getParameterTypes()).map(ForwardingBackendTest::nothing).toArray();
    method.invoke(forwarding, arguments);
    assertEquals(List.of(method.getName()), asked);
  }

  @ParameterizedTest
  @MethodSource("ofBackend")
  void backend(Method method) throws Exception {
    assertForwarded(new ForwardingBackend(fake(PinholeBackend.class)), method);
  }

  @ParameterizedTest
  @MethodSource("ofSession")
  void session(Method method) throws Exception {
    assertForwarded(
        new ForwardingBackend.ForwardingSession(fake(PinholeBackend.Session.class)), method);
  }
}
