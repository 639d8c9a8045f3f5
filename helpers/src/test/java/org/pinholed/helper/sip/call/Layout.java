package org.pinholed.helper.sip.call;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What objects take of the heap: 64-bit HotSpot with compressed pointers, 12 bytes of header. */
final class Layout {
  private static final int HEADER = 12;
  private static final int ARRAY_HEADER = 16;
  private static final int REFERENCE = 4;

  /** The object, its holder; of IPv6 another holder and the bytes. Names are never kept. */
  private static final int IPV4_ADDRESS = 24 + 32;

  private static final int IPV6_ADDRESS = IPV4_ADDRESS + 32 + 32;

  private final Set<Object> counted = Collections.newSetFromMap(new IdentityHashMap<>());

  private Layout() {}

  static long of(Object root) {
    return new Layout().count(root);
  }

  private long count(@Nullable Object object) {
    if (object == null || object instanceof Enum || !counted.add(object)) {
      return 0;
    }
    if (object instanceof InetAddress) {
      return object instanceof Inet6Address ? IPV6_ADDRESS : IPV4_ADDRESS;
    }
    if (object instanceof List<?> list) {
      // the list, its array, and what is in it
      long bytes = round(HEADER + 2 * REFERENCE) + round(ARRAY_HEADER + REFERENCE * list.size());
      for (Object one : list) {
        bytes += count(one);
      }
      return bytes;
    }
    Class<?> type = object.getClass();
    if (type.isArray()) {
      int length = Array.getLength(object);
      int width = width(type.getComponentType());
      long bytes = round(ARRAY_HEADER + (long) width * length);
      for (int at = 0; !type.getComponentType().isPrimitive() && at < length; at++) {
        bytes += count(Array.get(object, at));
      }
      return bytes;
    }
    long own = HEADER;
    long others = 0;
    for (Field field : type.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers())) {
        continue;
      }
      own += width(field.getType());
      if (!field.getType().isPrimitive()) {
        try {
          field.setAccessible(true);
          others += count(field.get(object));
        } catch (IllegalAccessException e) {
          throw new AssertionError(e);
        }
      }
    }
    return round(own) + others;
  }

  private static int width(Class<?> type) {
    if (type == long.class || type == double.class) {
      return Long.BYTES;
    }
    return type == boolean.class || type == byte.class ? 1 : REFERENCE;
  }

  private static long round(long bytes) {
    return (bytes + 7) / 8 * 8;
  }
}
