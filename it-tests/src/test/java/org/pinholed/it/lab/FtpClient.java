package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The real FTP clients, each told to use one mode and to show the commands that it sends. */
public enum FtpClient {
  /** curl: its own choice of modes is complete over IPv4. */
  CURL,
  /** lftp. */
  LFTP,
  /** tnftp, the client of NetBSD, driven by commands on its standard input. */
  TNFTP,
  /** wget: downloads only. */
  WGET,
  /** Python's ftplib. */
  FTPLIB;

  private static final Pattern MODE_COMMAND =
      Pattern.compile("(?m)^(?:>|-{2,3}>|\\*cmd\\*)\\s+'?(PASV|EPSV|PORT|EPRT)\\b");
  private static final AtomicInteger COUNTER = new AtomicInteger();

  /**
   * What a client did.
   *
   * @param result the process' end; its output is the dialogue
   * @param modes the modes that it asked for, as the dialogue shows
   * @param intact whether the file arrived and is the same, byte for byte
   */
  public record Transfer(CommandResult result, Set<DataMode> modes, boolean intact) {}

  /**
   * Why this client cannot be made to do such a transfer, or empty if it can.
   *
   * @param upload whether it is to send a file
   */
  public Optional<String> cannot(DataMode mode, Family family, boolean upload) {
    if (!mode.fits(family)) {
      return Optional.of(
          "RFC 959: " + mode + " carries four address octets and so no " + family + " address");
    }
    if (this == WGET && upload) {
      return Optional.of("wget does not upload");
    }
    if (this == WGET && family == Family.V4 && (mode == DataMode.EPSV || mode == DataMode.EPRT)) {
      return Optional.of("wget sends " + mode + " over IPv6 only, and has no option for it");
    }
    if (this == LFTP && family == Family.V4 && mode == DataMode.EPRT) {
      return Optional.of("lftp sends EPRT over IPv6 only; ftp:prefer-epsv is about EPSV alone");
    }
    return Optional.empty();
  }

  /** Downloads a file and compares it. The client gives up, or is killed, after the timeout. */
  public Transfer download(
      Lab lab, FtpServerProcess server, DataMode mode, Family family, Duration timeout) {
    return download(lab, server, family.server(), mode, timeout);
  }

  /** The same from a server that is dialed under another address. */
  public Transfer download(
      Lab lab, FtpServerProcess server, String host, DataMode mode, Duration timeout) {
    Path local = lab.workFolder().resolve("down-" + COUNTER.incrementAndGet() + ".bin");
    CommandResult result = run(lab, host, mode, false, local, FtpServerProcess.FILE, timeout);
    return finished(result, local, server.file(FtpServerProcess.FILE), local);
  }

  /** Uploads a file and compares what the server has. */
  public Transfer upload(
      Lab lab, FtpServerProcess server, DataMode mode, Family family, Duration timeout) {
    return upload(lab, server, family.server(), mode, timeout);
  }

  /** The same to a server that is dialed under another address. */
  public Transfer upload(
      Lab lab, FtpServerProcess server, String host, DataMode mode, Duration timeout) {
    String name = "up-" + COUNTER.incrementAndGet() + ".bin";
    Path local = server.file(FtpServerProcess.FILE);
    CommandResult result = run(lab, host, mode, true, local, "upload/" + name, timeout);
    return finished(result, local, server.uploaded(name), server.uploaded(name));
  }

  private static Transfer finished(CommandResult result, Path a, Path b, Path copy) {
    EnumSet<DataMode> modes = EnumSet.noneOf(DataMode.class);
    Matcher matcher = MODE_COMMAND.matcher(result.output());
    while (matcher.find()) {
      modes.add(DataMode.valueOf(matcher.group(1)));
    }
    try {
      boolean intact = Files.exists(a) && Files.exists(b) && Files.mismatch(a, b) == -1;
      Files.deleteIfExists(copy);
      return new Transfer(result, modes, intact);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private CommandResult run(
      Lab lab,
      String host,
      DataMode mode,
      boolean upload,
      Path local,
      String remote,
      Duration timeout) {
    String seconds = Long.toString(Patience.of(timeout).toSeconds());
    // What a client's own timeout does not end is killed a little later.
    Duration patience = timeout.plusSeconds(1);
    String input = "";
    List<String> command = new ArrayList<>();
    switch (this) {
      case CURL -> {
        command.addAll(List.of("curl", "-sS", "-v", "-m", seconds));
        command.addAll(curlMode(mode));
        command.addAll(List.of(upload ? "-T" : "-o", local.toString()));
        command.add("ftp://" + Family.inUrl(host) + "/" + remote);
      }
      case LFTP -> {
        String settings =
            "set net:timeout %s; set net:max-retries 1; set cmd:fail-exit yes; ".formatted(seconds)
                + "set ftp:passive-mode %s; ".formatted(mode.isPassive() ? "yes" : "no")
                + "set ftp:prefer-epsv %s; ".formatted(mode == DataMode.EPSV ? "yes" : "no");
        String verb =
            upload
                ? "put %s -o %s".formatted(local, remote)
                : "get %s -o %s".formatted(remote, local);
        String script = settings + "open ftp://" + Family.inUrl(host) + "; " + verb;
        command.addAll(List.of("lftp", "-d", "-c", script));
      }
      case TNFTP -> {
        command.addAll(List.of("tnftp", "-d", "-n", "-v", mode.isPassive() ? "-p" : "-A"));
        boolean old = mode == DataMode.PASV || mode == DataMode.PORT;
        input =
            "open %s\nuser anonymous lab@example.org\n%sbinary\n%s %s %s\nbye\n"
                .formatted(
                    host,
                    old ? "epsv4\n" : "",
                    upload ? "put" : "get",
                    upload ? local : remote,
                    upload ? remote : local);
      }
      case WGET -> {
        command.addAll(List.of("wget", "-d", "-t", "1", "-T", seconds, "-O", local.toString()));
        if (!mode.isPassive()) {
          command.add("--no-passive-ftp");
        }
        command.add("ftp://" + Family.inUrl(host) + "/" + remote);
      }
      case FTPLIB ->
          command.addAll(
              List.of(
                  "/usr/bin/python3",
                  lab.resource("ftplib_client.py").toString(),
                  upload ? "put" : "get",
                  host,
                  mode.name(),
                  local.toString(),
                  remote,
                  seconds));
    }
    return lab.runWithInput(Lab.Host.CLIENT, patience, input, command.toArray(String[]::new));
  }

  private static List<String> curlMode(DataMode mode) {
    return switch (mode) {
      case PASV -> List.of("--disable-epsv");
      case EPSV -> List.of();
      case PORT -> List.of("--ftp-port", "-", "--disable-eprt");
      case EPRT -> List.of("--ftp-port", "-");
    };
  }
}
