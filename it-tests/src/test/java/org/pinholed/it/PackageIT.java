package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;
import org.pinholed.it.lab.SystemdService;
import org.pinholed.it.lab.TransferLoad;

/**
 * The Debian package, installed with dpkg on a router under a systemd of its own. Everything that
 * it writes goes into layers that are gone afterwards, and can be listed.
 */
class PackageIT {
  private static final String OWN_LINE = "# a line of the operator's\n";

  private static Path debianPackage() {
    Path folder = Lab.projectRoot().resolve("packages/target");
    try (var files = Files.newDirectoryStream(folder, "pinholed_*.deb")) {
      List<Path> found = new ArrayList<>();
      files.forEach(found::add);
      assertEquals(1, found.size(), () -> found + " in " + folder);
      return found.get(0);
    } catch (IOException e) {
      throw new AssertionError("the packages are not built: mvn -pl packages -am package", e);
    }
  }

  /** The same with a later version. */
  private static Path laterPackage(Lab lab) {
    Path tree = lab.workFolder().resolve("later");
    Path later = lab.workFolder().resolve("later.deb");
    String steps =
        "dpkg-deb -R \"$1\" \"$2\" && sed -i 's/^Version: .*/&+later/' \"$2/DEBIAN/control\""
            + " && dpkg-deb --root-owner-group -Znone -b \"$2\" \"$3\"";
    run(
        lab,
        "sh",
        "-c",
        steps,
        "sh",
        debianPackage().toString(),
        tree.toString(),
        later.toString());
    return later;
  }

  private static void run(Lab lab, String... command) {
    lab.run(Lab.Host.ROUTER, Duration.ofMinutes(2), command).orFail();
  }

  private static void install(SystemdService service, Path file) {
    // Unpacking and making archives of classes take the processor for a while.
    service
        .run(
            Duration.ofMinutes(4),
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "dpkg",
            "-i",
            file.toString())
        .orFail();
  }

  @Test
  void installedUsedAndPurged_leavesNothing() throws IOException {
    try (Lab lab = Lab.create()) {
      RouterFirewall.NFTABLES.install(lab);
      try (SystemdService service = SystemdService.startEmpty(lab)) {
        install(service, debianPackage());
        assertEquals("active", service.property("ActiveState"), service::log);
        assertEquals("enabled", service.property("UnitFileState"));
        // It brings its Java, and its user is not root.
        assertEquals(
            "/usr/lib/pinholed/runtime/bin/java",
            service.run("readlink", "/proc/" + service.mainPid() + "/exe").orFail().strip());
        assertEquals(
            "pinholed",
            service.run("stat", "--format=%U", "/proc/" + service.mainPid()).orFail().strip());
        assertMembersOfTheGroupMayAsk(service);
        assertFalse(service.ctl("firewall", "check").succeeded());
        service.ctl("firewall", "apply").orFail();
        assertEveryCommandRuns(service);
        assertHandAtHand(service);
        assertPinholeOpens(lab);
        service.run("test", "-s", "/usr/share/fish/vendor_completions.d/pinholectl.fish").orFail();

        service.run("dpkg", "--remove", "pinholed").orFail();
        String ruleset = service.run("nft", "list", "ruleset").orFail();
        assertFalse(ruleset.contains("pinholed"), ruleset);
        assertTrue(service.run("test", "-e", "/etc/pinholed/pinholed.yaml").succeeded());
        service.run("dpkg", "--purge", "pinholed").orFail();
        assertFalse(service.run("getent", "passwd", "pinholed").succeeded());
        assertFalse(service.run("getent", "group", "pinholed").succeeded());
        assertEquals(List.of(), leftBehind(service));
      }
    }
  }

  /** Files and folders in the layers that take what is written, but those of dpkg and its like. */
  private static List<String> leftBehind(SystemdService service) {
    String written =
        service
            .run(
                "find",
                "/run/written",
                "/var/log",
                "/run/pinholed",
                "-not",
                "-type",
                "d",
                "-printf",
                "%p %y\n")
            .output();
    TreeSet<String> names = new TreeSet<>();
    written
        .lines()
        .filter(line -> line.startsWith("/"))
        .filter(line -> !line.matches(".*/(passwd|group|shadow|gshadow|subuid|subgid)-? f"))
        .filter(line -> !line.matches("/run/written/var/(lib/dpkg|cache|log|lib/systemd)/.*"))
        .filter(line -> !line.matches("/run/written/var/lib/systemd/.*"))
        .filter(line -> !line.matches("/var/log/(dpkg|alternatives)\\.log f"))
        // The lab's own.
        .filter(line -> !line.contains("/pinholed.service.d/lab.conf "))
        .filter(line -> !line.contains("/systemd-tmpfiles-setup.service "))
        .filter(line -> !line.contains("/usr/sbin/policy-rc.d "))
        .filter(
            line -> !line.matches("/run/written/etc/(machine-id|ld\\.so\\.cache|\\.pwd\\.lock) f"))
        .forEach(names::add);
    return List.copyOf(names);
  }

  private static void assertMembersOfTheGroupMayAsk(SystemdService service) {
    String group = service.run("getent", "group", "pinholed").orFail().split(":", -1)[2];
    for (String groups : List.of("--groups=" + group, "--clear-groups")) {
      CommandResult asked =
          service.run("setpriv", "--reuid=65534", "--regid=65534", groups, "pinholectl", "status");
      assertEquals(groups.startsWith("--groups"), asked.succeeded(), () -> groups + asked.output());
    }
  }

  /** The Java of the package has what each of them needs. */
  private static void assertEveryCommandRuns(SystemdService service) {
    for (String command :
        List.of(
            "status",
            "expectations",
            "sessions",
            "calls",
            "registrations",
            "helpers",
            "stats",
            "audit",
            "reload",
            "completion")) {
      service.ctl(command).orFail();
    }
    String doctor = service.ctl("doctor").output();
    assertFalse(doctor.lines().anyMatch(line -> line.startsWith("fail")), doctor);
    String metrics = service.run("curl", "-sf", "http://127.0.0.1:9765/metrics").orFail();
    assertTrue(metrics.contains("pinholed_build_info"), metrics);
  }

  private static void assertHandAtHand(SystemdService service) {
    for (String page : List.of("pinholed", "pinholectl", "pinholectl-expectations")) {
      String text = service.run("sh", "-c", "man 8 " + page + " | col -b").orFail();
      assertTrue(text.contains(page.replace("-", " ")) || text.contains(page), text);
    }
    service
        .run(
            "bash",
            "-c",
            ". /usr/share/bash-completion/completions/pinholectl; complete -p pinholectl")
        .orFail();
    for (String file : List.of("copyright", "NOTICE", "bom.json", "changelog.gz")) {
      service.run("test", "-s", "/usr/share/doc/pinholed/" + file).orFail();
    }
  }

  private static void assertPinholeOpens(Lab lab) throws IOException {
    try (Peer client = Peer.start(lab, Lab.Host.CLIENT);
        Peer server = Peer.start(lab, Lab.Host.SERVER);
        Listener control = ScriptedSession.controlListener(server, Family.V4);
        ScriptedSession session = ScriptedSession.open(client, server, control, Family.V4)) {
      session.login();
      try (Announcement announced = session.announce(DataMode.PASV)) {
        announced.connect().close();
      }
    }
  }

  @Test
  void upgradedUnderLoad_noTransferFails_andTheConfigurationStays() throws Exception {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      try (SystemdService service = SystemdService.startEmpty(lab)) {
        install(service, debianPackage());
        String conf = "/etc/pinholed/pinholed.yaml";
        String before = service.run("cat", conf).orFail();
        service.writeConfig(before + OWN_LINE);
        String process = service.mainPid();
        TransferLoad load = TransferLoad.start(lab, server, 50, 20);
        Scenario.await(
            Duration.ofSeconds(30),
            () -> service.json("status").path("packets").asLong() >= 500,
            service::log);
        install(service, laterPackage(lab));
        assertNotEquals(process, service.mainPid());
        Scenario.await(
            Duration.ofSeconds(30),
            () -> service.json("status").path("packets").asLong() >= 500,
            service::log);
        JsonNode result = load.stop();
        assertEquals(0, result.path("failed").asInt(), () -> result + service.log());
        assertEquals(0, result.path("broken").asInt(), () -> result + service.log());
        assertTrue(result.path("whole").asInt() > 100, result::toString);
        assertEquals(before + OWN_LINE, service.run("cat", conf).orFail());
        assertTrue(service.run("dpkg-query", "-W", "pinholed").orFail().strip().endsWith("+later"));

        // Stopped by its operator it stays so.
        service.systemctl("stop", "pinholed").orFail();
        install(service, debianPackage());
        assertEquals("inactive", service.property("ActiveState"));
      }
    }
  }
}
