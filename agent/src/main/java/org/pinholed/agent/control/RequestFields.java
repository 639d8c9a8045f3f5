package org.pinholed.agent.control;

import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Reads the fields of a request, each with its range. */
final class RequestFields {
  static final String COMMAND = "command";

  private RequestFields() {}

  static void onlyFields(JsonFields request, Set<String> known) throws ControlError {
    for (String name : request.names()) {
      if (!name.equals(COMMAND) && !known.contains(name)) {
        throw bad(
            cut(name)
                + ": not known by "
                + request.text(COMMAND)
                + " (known: "
                + new TreeSet<>(known)
                + ")");
      }
    }
  }

  static @Nullable String textOrNull(JsonFields request, String name) throws ControlError {
    Object value = request.value(name);
    if (value == null || value == JsonFields.NULL) {
      return null;
    }
    if (value instanceof String text && !text.isEmpty()) {
      return text;
    }
    throw bad(name + ": (expected: a text)");
  }

  static @Nullable Integer wholeOrNull(JsonFields request, String name, int min, int max)
      throws ControlError {
    Object value = request.value(name);
    return value == null || value == JsonFields.NULL ? null : whole(request, name, min, max, null);
  }

  static int whole(JsonFields request, String name, int min, int max, @Nullable Integer absent)
      throws ControlError {
    Object value = request.value(name);
    if (value == null && absent != null) {
      return absent;
    }
    if (value instanceof Long number && number >= min && number <= max) {
      return number.intValue();
    }
    throw bad(
        name
            + ": "
            + (value == null ? "missing" : cut(value.toString()))
            + " (expected: "
            + min
            + ".."
            + max
            + ")");
  }

  static long wholeLong(JsonFields request, String name) throws ControlError {
    Object value = request.value(name);
    if (value instanceof Long number && number >= 1) {
      return number;
    }
    throw bad(name + ": " + cut(String.valueOf(value)) + " (expected: a number from 1 on)");
  }

  static ControlError bad(String message) {
    return new ControlError(ControlError.BAD_REQUEST, message);
  }

  static String cut(String text) {
    return text.length() <= 64 ? text : text.substring(0, 64) + "...";
  }
}
