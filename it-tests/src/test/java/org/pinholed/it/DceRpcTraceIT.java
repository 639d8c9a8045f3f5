package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.RpcDialogue;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcWay;

/** What an operator who follows the calls of a client reads. */
class DceRpcTraceIT {
  @Test
  void trace_tellsWhatWasAskedFor_andWhatTheServerSaid() {
    try (RpcScenario scenario = RpcScenario.start("", "")) {
      int port = scenario.serve(RpcWay.ROUTED, Family.V4);
      RpcInterface service = RpcInterface.own(1);
      String text =
          scenario
              .router()
              .agent()
              .traceOf(
                  135,
                  () -> {
                    try (RpcDialogue mapper = scenario.openMapper(RpcFormat.LITTLE)) {
                      mapper.map(RpcFormat.LITTLE, service, port);
                    }
                  });
      for (String words :
          List.of(
              "understood msg=\"bind\"",
              "message msg=\"ept_map asks for " + service.uuid(),
              "message msg=\"reply to ept_map: tcp/" + port + " " + service.uuid() + " opnum 3")) {
        assertTrue(text.contains(words), words + " is not in\n" + text);
      }
      scenario.router().assertClean();
    }
  }
}
