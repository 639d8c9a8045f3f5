package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A phone: baresip without a sound card. It speaks a tone, hears without playing, takes every call
 * and counts packets of RTP. Closing it ends the process. Not thread-safe.
 */
public final class SipPhone implements AutoCloseable {
  /** The first port for media of any phone; each has {@value #MEDIA_PORTS} of its own. */
  public static final int FIRST_MEDIA_PORT = 10000;

  /** The last port for media of any phone. */
  public static final int LAST_MEDIA_PORT = 10999;

  private static final int MEDIA_PORTS = 20;
  private static final int CONTROL_PORT = 4444;
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private static final String CONFIG =
      """
      poll_method epoll
      sip_listen %1$s
      net_interface %2$s
      audio_source ausine,440
      ausrc_srate 48000
      ausrc_channels 2
      auplay_channels 1
      audio_buffer 20-160
      rtp_ports %3$d-%4$d
      rtcp_mux no
      jitter_buffer_delay 5-10
      rtp_stats yes
      module_path /usr/lib/baresip/modules
      module g711.so
      module ice.so
      module srtp.so
      module dtls_srtp.so
      module ausine.so
      module_tmp account.so
      module_app menu.so
      module_app ctrl_tcp.so
      ctrl_tcp_listen %5$s:%6$d
      """;

  private static final Pattern COUNTED =
      Pattern.compile("^packets:\\s+(\\d+)\\s+(\\d+)", Pattern.MULTILINE);

  private static final Pattern RATES =
      Pattern.compile("\r?\\[[0-9:]+\\] audio=\\S+ \\(bit/s\\) *\r?");

  private static final Pattern FROM =
      Pattern.compile("incoming rtp for 'audio' established, receiving from (\\S+)");

  /** What it writes once both sides have agreed on media. */
  private static final Pattern UPDATED = Pattern.compile("stream: update 'audio'");

  /**
   * The packets of RTP of one call.
   *
   * @param sent those that it sent
   * @param received those that came
   */
  public record Counted(int sent, int received) {}

  private final Lab lab;
  private final Lab.Host host;
  private final String own;
  private final String name;
  private final Path log;
  private final Process process;
  private int calls;

  private SipPhone(Lab lab, Lab.Host host, String own, String name, Path log, Process process) {
    this.lab = lab;
    this.host = host;
    this.own = own;
    this.name = name;
    this.log = log;
    this.process = process;
  }

  /**
   * Starts it on port 5060 of an address.
   *
   * @param transport as a URI names it, {@code udp} or {@code tcp}
   * @param registrar the address where it registers, and waits until that is done; null for none
   */
  public static SipPhone start(
      Lab lab,
      Lab.Host host,
      String name,
      String own,
      String transport,
      @Nullable String registrar) {
    return start(lab, host, name, own, transport, registrar, "");
  }

  /**
   * The same with more parameters of its account.
   *
   * @param parameters as in {@code ;medianat=ice}; may be empty
   */
  public static SipPhone start(
      Lab lab,
      Lab.Host host,
      String name,
      String own,
      String transport,
      @Nullable String registrar,
      String parameters) {
    int number = COUNTER.incrementAndGet();
    int firstPort =
        FIRST_MEDIA_PORT
            + MEDIA_PORTS * number % (LAST_MEDIA_PORT - FIRST_MEDIA_PORT + 1 - MEDIA_PORTS);
    Path log = lab.workFolder().resolve("phone-" + number + ".log");
    try {
      Path folder = Files.createDirectories(lab.workFolder().resolve("phone-" + number));
      Files.writeString(
          folder.resolve("config"),
          CONFIG.formatted(
              Family.inUrl(own) + ":" + Service.SIP_PORT,
              own,
              firstPort,
              firstPort + MEDIA_PORTS - 1,
              Family.inUrl(own),
              CONTROL_PORT));
      Files.writeString(
          folder.resolve("accounts"),
          "<sip:%s@%s;transport=%s>;regint=%d;answermode=auto;audio_codecs=PCMU%s\n"
              .formatted(
                  name,
                  Family.inUrl(registrar == null ? own : registrar),
                  transport,
                  registrar == null ? 0 : 3600,
                  parameters));
      Files.writeString(folder.resolve("contacts"), "");
      Process process =
          lab.start(
              host,
              ProcessBuilder.Redirect.to(log.toFile()),
              "baresip",
              own.contains(":") ? "-6" : "-4",
              "-f",
              folder.toString());
      SipPhone phone = new SipPhone(lab, host, own, name, log, process);
      phone.await(registrar == null ? "baresip is ready" : "} 200 OK (");
      return phone;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Calls somebody.
   *
   * @param uri without the transport, which the phone adds
   */
  public void dial(String uri) {
    command("dial", uri);
  }

  /** Ends the call. */
  public void hangUp() {
    command("hangup", "");
  }

  /** Puts the other one on hold by another offer, and waits until that is answered. */
  public void hold() {
    offer("hold");
  }

  /** Speaks again with who is on hold. */
  public void resume() {
    offer("resume");
  }

  private void offer(String word) {
    int before = found(UPDATED).size();
    command(word, "");
    Scenario.await(
        PATIENCE, () -> found(UPDATED).size() > before, () -> name + " " + word + "\n" + text());
  }

  /** Waits until its call is on and media come; from where. */
  public String awaitMedia() {
    calls++;
    Scenario.await(PATIENCE, () -> found(FROM).size() >= calls, () -> name + "\n" + text());
    return found(FROM).get(calls - 1).group(1);
  }

  /** Waits until its call is over; what it has counted. */
  public Counted awaitEnd() {
    Scenario.await(PATIENCE, () -> found(COUNTED).size() >= calls, () -> name + "\n" + text());
    MatchResult counted = found(COUNTED).get(calls - 1);
    return new Counted(Integer.parseInt(counted.group(1)), Integer.parseInt(counted.group(2)));
  }

  private void await(String words) {
    Scenario.await(PATIENCE, () -> text().contains(words), () -> name + "\n" + text());
  }

  private List<MatchResult> found(Pattern pattern) {
    return new ArrayList<>(pattern.matcher(text()).results().toList());
  }

  /** What it wrote, without the rates that it shows all the time. */
  public String text() {
    try {
      return RATES.matcher(Files.readString(log)).replaceAll("");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A netstring with JSON, and the first bytes of the answer, so that it was read. */
  private void command(String word, String parameters) {
    String json = "{\"command\":\"%s\",\"params\":\"%s\"}".formatted(word, parameters);
    String script =
        "exec 3<>/dev/tcp/%s/%d && printf '%%s' '%d:%s,' >&3 && head -c 1 <&3 >/dev/null"
            .formatted(own, CONTROL_PORT, json.length(), json);
    lab.run(host, Lab.SHORT, "bash", "-c", script).orFail();
  }

  @Override
  public void close() {
    lab.kill(process);
  }
}
