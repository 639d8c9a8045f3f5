package org.pinholed.agent.event;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.time.Utc;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;

/** An event by the names of its fields (docs/events.md), what is empty left out. */
final class EventFields {
  private EventFields() {}

  /**
   * The fields of one event.
   *
   * @param event any
   * @return texts, numbers, and maps of address and port, in the order of the page
   */
  static Map<String, Object> of(AgentEvent event) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("time", Utc.text(event.epochMicros()));
    fields.put("event", event.kind().word());
    text(fields, "helper", event.helper());
    if (!event.serial().isEmpty()) {
      // Policy 0 of a parent says that no policy put its id there; that is worth a field.
      fields.put("policyId", event.policyId());
      fields.put("serial", event.serial());
    }
    text(fields, "childSerial", event.childSerial());
    if (event.expectationId() != 0) {
      fields.put("expectationId", event.expectationId());
    }
    endpoint(fields, "client", event.client());
    endpoint(fields, "server", event.server());
    endpoint(fields, "source", event.source());
    endpoint(fields, "destination", event.destination());
    traffic(fields, event);
    text(fields, "label", event.label());
    text(fields, "reason", event.reason());
    text(fields, "detail", event.detail());
    if (event.more() != 0) {
      fields.put("more", event.more());
    }
    return fields;
  }

  private static void traffic(Map<String, Object> fields, AgentEvent event) {
    ChildTraffic traffic = event.traffic();
    if (traffic == null) {
      return;
    }
    text(fields, "transport", traffic.transport());
    endpoint(fields, "translatedSource", traffic.translatedSource());
    endpoint(fields, "translatedDestination", traffic.translatedDestination());
    if (event.kind() != AgentEvent.Kind.CHILD_ENDED) {
      return;
    }
    if (traffic.beganMicros() != 0) {
      fields.put("began", Utc.text(traffic.beganMicros()));
    }
    if (traffic.lastedMillis() >= 0) {
      fields.put("lastedMillis", traffic.lastedMillis());
    }
    ChildTraffic.Count sent = traffic.sent();
    ChildTraffic.Count received = traffic.received();
    if (sent == null || received == null) {
      fields.put("counted", false);
    } else {
      fields.put("sent", count(sent));
      fields.put("received", count(received));
    }
  }

  private static Map<String, Object> count(ChildTraffic.Count value) {
    Map<String, Object> count = new LinkedHashMap<>();
    count.put("packets", value.packets());
    count.put("bytes", value.bytes());
    return count;
  }

  static Map<String, Object> lost(long epochMicros, long lost) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("time", Utc.text(epochMicros));
    fields.put("event", "eventsLost");
    fields.put("lost", lost);
    return fields;
  }

  private static void text(Map<String, Object> fields, String field, @Nullable String value) {
    if (value != null && !value.isEmpty()) {
      fields.put(field, value);
    }
  }

  private static void endpoint(Map<String, Object> fields, String field, @Nullable Endpoint value) {
    if (value != null) {
      Map<String, Object> end = new LinkedHashMap<>();
      end.put("address", AddressText.of(value.address()));
      end.put("port", value.port());
      fields.put(field, end);
    }
  }
}
