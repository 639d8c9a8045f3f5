package org.pinholed.agent.operate;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.NumericAddress;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.time.Utc;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.agent.view.StoryRow;
import org.pinholed.helper.text.Network;

/** Tells of control connections that announced nothing, above all of those that are not read. */
final class FlowStory {
  private FlowStory() {}

  /** A control connection that lives, or of which something is remembered. */
  static final class Flow {
    private final @Nullable SessionRow row;
    private final long firstMicros;
    private final List<AgentEvent> events = new ArrayList<>();
    private final EndpointRow client;
    private final EndpointRow server;
    private final String serial;
    private final String helper;
    private final int policyId;

    private Flow(SessionRow row, long nowMicros) {
      this.row = row;
      this.firstMicros = nowMicros - row.ageSeconds() * 1_000_000;
      this.client = row.client();
      this.server = row.server();
      this.serial = row.serial();
      this.helper = row.helper();
      this.policyId = row.policyId();
    }

    private Flow(AgentEvent event, EndpointRow client, EndpointRow server) {
      this.row = null;
      this.firstMicros = event.epochMicros();
      this.client = client;
      this.server = server;
      this.serial = event.serial();
      this.helper = event.helper();
      this.policyId = event.policyId();
    }

    String serial() {
      return serial;
    }

    long lastMicros() {
      return events.isEmpty() ? firstMicros : events.get(events.size() - 1).epochMicros();
    }

    boolean isUnread() {
      return (row != null && row.opaque()) || events.stream().anyMatch(FlowStory::isUnread);
    }

    boolean matches(StoryFilter filter) {
      if (filter.expectationId() != null) {
        return false;
      }
      if (filter.serial() != null) {
        return serial.equals(filter.serial());
      }
      if (filter.address() != null) {
        return isIn(filter.address(), client) || isIn(filter.address(), server);
      }
      if (filter.destination() != null) {
        Network source = filter.source();
        String to = EndpointRow.of(filter.destination()).address();
        return (server.address().equals(to) && (source == null || isIn(source, client)))
            || (client.address().equals(to) && (source == null || isIn(source, server)));
      }
      return true;
    }

    private static boolean isIn(Network network, EndpointRow end) {
      InetAddress address = NumericAddress.parse(end.address());
      return address != null && network.contains(address);
    }
  }

  private static boolean isUnread(AgentEvent event) {
    return switch (event.kind()) {
      case OPAQUE, MALFORMED, PART_OPAQUE, MISROUTED, LIMIT -> true;
      default -> false;
    };
  }

  /** Those that live, and those of which it is remembered why they were not read. */
  static List<Flow> flows(List<SessionRow> parents, List<AgentEvent> events, long nowMicros) {
    Map<String, Flow> flows = new LinkedHashMap<>();
    for (SessionRow row : parents) {
      flows.put(row.serial() + row.client(), new Flow(row, nowMicros));
    }
    for (AgentEvent event : events) {
      if (event.client() != null && event.server() != null && isUnread(event)) {
        EndpointRow client = EndpointRow.of(event.client());
        EndpointRow server = EndpointRow.of(event.server());
        flows
            .computeIfAbsent(event.serial() + client, key -> new Flow(event, client, server))
            .events
            .add(event);
      }
    }
    return new ArrayList<>(flows.values());
  }

  static StoryRow tell(Flow flow) {
    List<StoryRow.Step> steps = new ArrayList<>();
    SessionRow row = flow.row;
    if (row != null) {
      steps.add(
          new StoryRow.Step(
              Utc.text(flow.firstMicros),
              "parent",
              "first seen here, " + flow.client + " > " + flow.server));
    }
    String reason = row == null || row.reason() == null ? "" : row.reason();
    String why = row == null || row.explanation() == null ? "" : row.explanation();
    for (AgentEvent event : flow.events) {
      steps.add(
          new StoryRow.Step(
              Utc.text(event.epochMicros()),
              "unread",
              event.kind().word() + " " + event.reason() + ": " + event.detail()));
      if (reason.isEmpty()) {
        reason = event.reason();
        why = event.detail();
      }
    }
    boolean isUnread = flow.isUnread();
    if (row != null) {
      steps.add(
          new StoryRow.Step(
              null,
              "now",
              row.state()
                  + ", read "
                  + row.bytesFromClient()
                  + " bytes from the client and "
                  + row.bytesFromServer()
                  + " from the server, "
                  + row.packets()
                  + " packets"
                  + (row.misrouted() > 0 ? ", " + row.misrouted() + " of them misrouted" : "")));
    } else {
      steps.add(new StoryRow.Step(null, "now", "the control connection is over"));
    }
    List<String> advice = new ArrayList<>(ReasonAdvice.of(reason, flow.helper));
    if (!isUnread) {
      advice.add(
          "pinholectl trace --parent " + flow.serial + " shows what is read while it is said");
    }
    String notRead = row != null && !row.opaque() ? "not read in part" : "not read";
    return new StoryRow(
        isUnread ? "unread" : "silent",
        isUnread
            ? "the control connection is " + notRead + ", so that nothing opens for it: " + why
            : "the control connection is read and announced nothing that is remembered"
                + (reason.isEmpty() ? "" : "; said last: " + why),
        0,
        flow.helper,
        flow.policyId,
        flow.serial,
        flow.client,
        flow.server,
        "",
        null,
        null,
        null,
        null,
        0,
        reason,
        steps,
        advice);
  }
}
