package org.pinholed.agent.control;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One JSON object of the control protocol: named values in the order in which they came.
 *
 * <p>A value is a {@link String}, {@link Long}, {@link Double}, {@link Boolean}, {@link List},
 * {@code JsonFields} or {@link #NULL}. Not thread-safe.
 */
public final class JsonFields {
  /** The JSON {@code null}; a field that is not there at all is another thing in a listing. */
  public static final Object NULL =
      new Object() {
        @Override
        public String toString() {
          return "null";
        }
      };

  private final Map<String, Object> values = new LinkedHashMap<>();

  /**
   * Sets a field.
   *
   * @param name its name
   * @param value its value; null leaves the field away
   * @return this
   */
  public JsonFields with(String name, @Nullable Object value) {
    if (value != null) {
      values.put(name, value);
    }
    return this;
  }

  /**
   * All names.
   *
   * @return in the order in which they came
   */
  public Set<String> names() {
    return values.keySet();
  }

  /**
   * A value as it is.
   *
   * @param name its name
   * @return the value, {@link #NULL} included, or null if there is no such field
   */
  public @Nullable Object value(String name) {
    return values.get(name);
  }

  /**
   * A text.
   *
   * @param name its name
   * @return the text, numbers and booleans as text too; empty if absent or null
   */
  public String text(String name) {
    Object value = values.get(name);
    return value == null || value == NULL ? "" : value.toString();
  }

  /**
   * A whole number.
   *
   * @param name its name
   * @return the number; 0 if absent or no number
   */
  public long number(String name) {
    return values.get(name) instanceof Number number ? number.longValue() : 0;
  }

  /**
   * A truth value.
   *
   * @param name its name
   * @return true only if the field is there and true
   */
  public boolean flag(String name) {
    return Boolean.TRUE.equals(values.get(name));
  }

  /**
   * A list.
   *
   * @param name its name
   * @return the list; empty if absent or no list
   */
  public List<?> list(String name) {
    return values.get(name) instanceof List<?> list ? list : List.of();
  }

  /**
   * An object.
   *
   * @param name its name
   * @return the object; one without fields if absent or no object
   */
  public JsonFields object(String name) {
    return values.get(name) instanceof JsonFields fields ? fields : new JsonFields();
  }

  @Override
  public String toString() {
    return ControlJson.line(this);
  }
}
