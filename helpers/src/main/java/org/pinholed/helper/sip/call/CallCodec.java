package org.pinholed.helper.sip.call;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.SharedMap;

/**
 * Hands a call over to another process. What does not fit is left out: dialogs that are over first,
 * then early ones, the newest first; a confirmed one is worth most. What is open of them stays, and
 * is closed with the call.
 */
final class CallCodec implements SharedMap.Codec<Call> {
  static final CallCodec CODEC = new CallCodec();

  private static final int TEXT_MAX = 4000;

  private CallCodec() {}

  @Override
  public String write(Call call, long nowNs) {
    List<Dialog> dialogs = new ArrayList<>(call.dialogs());
    String text = write(call, dialogs, nowNs);
    for (Dialog.Phase phase :
        new Dialog.Phase[] {
          Dialog.Phase.ENDED, Dialog.Phase.SUPERSEDED, Dialog.Phase.EARLY, Dialog.Phase.CONFIRMED
        }) {
      for (int at = dialogs.size() - 1; at >= 0 && text.length() > TEXT_MAX; at--) {
        if (dialogs.get(at).phase() == phase) {
          dialogs.remove(at);
          text = write(call, dialogs, nowNs);
        }
      }
    }
    return text.length() > TEXT_MAX ? "" : text; // legs alone: four offers of 64 streams
  }

  @Override
  public int places(Call call) {
    return CallSize.places(call);
  }

  private static String write(Call call, List<Dialog> dialogs, long nowNs) {
    return CallText.Writer.of(
        new Call(call.startNs(), call.caller(), call.keptUntilNs(), call.legs(), dialogs), nowNs);
  }

  @Override
  public @Nullable Call read(String text, long nowNs) {
    return CallText.Reader.of(text, nowNs);
  }
}
