package org.pinholed.agent.event;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Map;

/** Writes events as lines of JSON (docs/events.md): plain ASCII, one object a line. */
final class EventJson {
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          // Text from the wire must not smuggle terminal controls or odd separators into a log.
          .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
          .build();

  private EventJson() {}

  static void write(AgentEvent event, ByteArrayOutputStream out) throws IOException {
    write(EventFields.of(event), out);
  }

  static void writeLost(long epochMicros, long lost, ByteArrayOutputStream out) throws IOException {
    write(EventFields.lost(epochMicros, lost), out);
  }

  private static void write(Map<String, Object> fields, ByteArrayOutputStream out)
      throws IOException {
    try (JsonGenerator json = FACTORY.createGenerator(out)) {
      object(json, fields);
    }
    out.write('\n');
  }

  private static void object(JsonGenerator json, Map<?, ?> fields) throws IOException {
    json.writeStartObject();
    for (Map.Entry<?, ?> field : fields.entrySet()) {
      json.writeFieldName(String.valueOf(field.getKey()));
      Object value = field.getValue();
      if (value instanceof Map<?, ?> below) {
        object(json, below);
      } else if (value instanceof Boolean flag) {
        json.writeBoolean(flag);
      } else if (value instanceof Number number) {
        json.writeNumber(number.longValue());
      } else {
        json.writeString(String.valueOf(value));
      }
    }
    json.writeEndObject();
  }
}
