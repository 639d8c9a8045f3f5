package org.pinholed.agent.control;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.DurationParser;
import org.pinholed.agent.config.HelperEntry;

/**
 * Turns records and plain values into JSON and JSON into {@link JsonFields}.
 *
 * <p>Written on Jackson's stream classes alone: data binding would cost a short-lived command more
 * time than all the rest of it. What is written is pure ASCII, so that no byte of a stranger can
 * move a terminal's cursor. Thread-safe.
 */
public final class ControlJson {
  private static final int NESTING_MAX = 32;
  private static final int NUMBER_CHARS_MAX = 32;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(NESTING_MAX)
                  .maxNumberLength(NUMBER_CHARS_MAX)
                  .build())
          .build();

  private ControlJson() {}

  /**
   * Reads one JSON object.
   *
   * @param bytes where it is
   * @param offset index of its first byte
   * @param length its bytes
   * @return the object
   * @throws IOException if the bytes are anything but one JSON object, nested at most 32 deep
   */
  public static JsonFields read(byte[] bytes, int offset, int length) throws IOException {
    try (JsonParser parser = FACTORY.createParser(bytes, offset, length)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("not a JSON object");
      }
      JsonFields fields = object(parser);
      if (parser.nextToken() != null) {
        throw new IOException("more than one JSON object");
      }
      return fields;
    }
  }

  /**
   * Reads one JSON value of any kind, for example what another program printed.
   *
   * @param text the value
   * @return a value as {@link JsonFields} holds them
   * @throws IOException if the text is anything but one JSON value
   */
  public static Object readValue(String text) throws IOException {
    try (JsonParser parser = FACTORY.createParser(text)) {
      if (parser.nextToken() == null) {
        throw new IOException("no value");
      }
      Object value = value(parser);
      if (parser.nextToken() != null) {
        throw new IOException("more than one value");
      }
      return value;
    }
  }

  /**
   * Writes one value without a line feed in it.
   *
   * @param value a record, {@link JsonFields}, map, list, string, number, boolean or null
   * @return the JSON text, ASCII only
   */
  public static String line(@Nullable Object value) {
    StringWriter out = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(out)) {
      write(generator, value);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a StringWriter does not fail
    }
    return out.toString();
  }

  private static JsonFields object(JsonParser parser) throws IOException {
    JsonFields fields = new JsonFields();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      if (fields.value(name) != null) {
        throw new IOException("field " + name + " is there twice");
      }
      fields.with(name, value(parser));
    }
    return fields;
  }

  private static Object value(JsonParser parser) throws IOException {
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw new IOException("ends too early");
    }
    return switch (token) {
      case START_OBJECT -> object(parser);
      case START_ARRAY -> array(parser);
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT -> parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> JsonFields.NULL;
      default -> throw new IOException("ends too early");
    };
  }

  private static List<Object> array(JsonParser parser) throws IOException {
    List<Object> list = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      list.add(value(parser));
    }
    return list;
  }

  private static void write(JsonGenerator out, @Nullable Object value) throws IOException {
    if (value == null || value == JsonFields.NULL) {
      out.writeNull();
    } else if (value instanceof JsonFields fields) {
      out.writeStartObject();
      for (String name : fields.names()) {
        out.writeFieldName(name);
        write(out, fields.value(name));
      }
      out.writeEndObject();
    } else if (value instanceof HelperEntry entry) {
      write(out, helper(entry));
    } else if (value instanceof Record row) {
      writeRecord(out, row);
    } else if (value instanceof Map<?, ?> map) {
      out.writeStartObject();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.writeFieldName(String.valueOf(entry.getKey()));
        write(out, entry.getValue());
      }
      out.writeEndObject();
    } else if (value instanceof Iterable<?> list) {
      out.writeStartArray();
      for (Object element : list) {
        write(out, element);
      }
      out.writeEndArray();
    } else if (value instanceof Boolean flag) {
      out.writeBoolean(flag);
    } else if (value instanceof Double || value instanceof Float) {
      writeFraction(out, ((Number) value).doubleValue());
    } else if (value instanceof Number number) {
      out.writeNumber(number.longValue());
    } else {
      out.writeString(value.toString());
    }
  }

  private static void writeFraction(JsonGenerator out, double value) throws IOException {
    if (Double.isFinite(value)) {
      out.writeNumber(value);
    } else {
      out.writeNull(); // JSON has no word for NaN
    }
  }

  private static void writeRecord(JsonGenerator out, Record row) throws IOException {
    out.writeStartObject();
    for (RecordComponent component : row.getClass().getRecordComponents()) {
      out.writeFieldName(component.getName());
      try {
        write(out, component.getAccessor().invoke(row));
      } catch (ReflectiveOperationException e) {
        throw new IOException("cannot read " + component, e);
      }
    }
    out.writeEndObject();
  }

  // A helper as the configuration file writes it: {@code 30s} or {@code parent}.
  private static JsonFields helper(HelperEntry entry) {
    return new JsonFields()
        .with("id", entry.id())
        .with("name", entry.name())
        .with("protocol", entry.transport().toString().toLowerCase(Locale.ROOT))
        .with("port", entry.port())
        .with("enabled", entry.enabled())
        .with("mode", entry.mode().name().toLowerCase(Locale.ROOT))
        .with("timeout", DurationParser.formatTimeout(entry.timeout()))
        .with("options", entry.options());
  }
}
