package org.pinholed.agent.event;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.view.EndpointRow;

/**
 * Writes events as lines of JSON (docs/events.md): plain ASCII, one object a line, what is empty
 * left out.
 */
final class EventJson {
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          // Text from the wire must not smuggle terminal controls or odd separators into a log.
          .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
          .build();

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  private EventJson() {}

  static void write(AgentEvent event, ByteArrayOutputStream out) throws IOException {
    try (JsonGenerator json = FACTORY.createGenerator(out)) {
      json.writeStartObject();
      json.writeStringField("time", time(event.epochMicros()));
      json.writeStringField("event", event.kind().word());
      text(json, "helper", event.helper());
      if (!event.serial().isEmpty()) {
        // Policy 0 of a parent says that no policy put its id there; that is worth a field.
        json.writeNumberField("policyId", event.policyId());
        json.writeStringField("serial", event.serial());
      }
      text(json, "childSerial", event.childSerial());
      if (event.expectationId() != 0) {
        json.writeNumberField("expectationId", event.expectationId());
      }
      endpoint(json, "client", event.client());
      endpoint(json, "server", event.server());
      endpoint(json, "source", event.source());
      endpoint(json, "destination", event.destination());
      traffic(json, event);
      text(json, "label", event.label());
      text(json, "reason", event.reason());
      text(json, "detail", event.detail());
      if (event.more() != 0) {
        json.writeNumberField("more", event.more());
      }
      json.writeEndObject();
    }
    out.write('\n');
  }

  static void writeLost(long epochMicros, long lost, ByteArrayOutputStream out) throws IOException {
    try (JsonGenerator json = FACTORY.createGenerator(out)) {
      json.writeStartObject();
      json.writeStringField("time", time(epochMicros));
      json.writeStringField("event", "eventsLost");
      json.writeNumberField("lost", lost);
      json.writeEndObject();
    }
    out.write('\n');
  }

  private static String time(long epochMicros) {
    return TIME.format(
        Instant.ofEpochSecond(
            Math.floorDiv(epochMicros, 1_000_000L), Math.floorMod(epochMicros, 1_000_000L) * 1000));
  }

  private static void traffic(JsonGenerator json, AgentEvent event) throws IOException {
    ChildTraffic traffic = event.traffic();
    if (traffic == null) {
      return;
    }
    text(json, "transport", traffic.transport());
    endpoint(json, "translatedSource", traffic.translatedSource());
    endpoint(json, "translatedDestination", traffic.translatedDestination());
    if (event.kind() != AgentEvent.Kind.CHILD_ENDED) {
      return;
    }
    if (traffic.beganMicros() != 0) {
      json.writeStringField("began", time(traffic.beganMicros()));
    }
    if (traffic.lastedMillis() >= 0) {
      json.writeNumberField("lastedMillis", traffic.lastedMillis());
    }
    if (traffic.sent() == null || traffic.received() == null) {
      json.writeBooleanField("counted", false);
    } else {
      count(json, "sent", traffic.sent());
      count(json, "received", traffic.received());
    }
  }

  private static void count(JsonGenerator json, String field, ChildTraffic.Count value)
      throws IOException {
    json.writeObjectFieldStart(field);
    json.writeNumberField("packets", value.packets());
    json.writeNumberField("bytes", value.bytes());
    json.writeEndObject();
  }

  private static void text(JsonGenerator json, String field, @Nullable String value)
      throws IOException {
    if (value != null && !value.isEmpty()) {
      json.writeStringField(field, value);
    }
  }

  private static void endpoint(JsonGenerator json, String field, @Nullable EndpointRow value)
      throws IOException {
    if (value != null) {
      json.writeObjectFieldStart(field);
      json.writeStringField("address", value.address());
      json.writeNumberField("port", value.port());
      json.writeEndObject();
    }
  }
}
