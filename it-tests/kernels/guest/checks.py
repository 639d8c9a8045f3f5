"""What has to work on every supported kernel. Each check prints a line; the last line is "N of M".

checks.py [NAME ...]: only checks whose names begin so, as in "masquerade" or "vrf".
"""
import json
import os
import re
import shutil
import sys
import time
import traceback

import lab
from lab import CLIENT, ROUTER, SERVER, V4, V6, Session, must

TRANSLATIONS = {'routed': {}, 'masquerade': {'masquerade': True}, 'dnat': {'dnat': True}, 'both': {'masquerade': True, 'dnat': True}}


class Failed(AssertionError):
    """A check's answer is wrong."""


def equal(expected, actual, what=''):
    if expected != actual:
        raise Failed(f'{what} {actual!r} (expected: {expected!r})'.strip())


# ---- FTP under each kind of translation
class Ftp:
    """One kind of translation, one agent; the checks run in order."""

    def __init__(self, kind):
        self.kind = kind
        self.masquerade, self.dnat = (TRANSLATIONS[kind].get(n, False) for n in ('masquerade', 'dnat'))
        lab.build()
        lab.firewall(self.masquerade, self.dnat)
        for host, hidden in (SERVER, self.masquerade), (CLIENT, self.dnat):
            if hidden:  # who is behind the translation is not routed from here
                must('ip route del default; ip -6 route del default', host)
        # What the doctor advises.
        must('sysctl -qw net.ipv4.conf.all.rp_filter=1; nft add table inet reversepath', ROUTER)
        must('nft add chain inet reversepath pre "{ type filter hook prerouting priority raw; }"', ROUTER)
        must('nft add rule inet reversepath pre meta nfproto ipv6 fib saddr . mark . iif oif missing drop', ROUTER)
        self.agent = lab.Agent()

    def dialed(self, family):
        return family.to_client if self.dnat else family.server

    def session(self, family):
        return Session(family, dialed=self.dialed(family))

    def login_opens_nothing(self):
        """No expectation in the kernel, and TCP port 1 of the client stays shut (Linux 7.2 opened it)."""
        for family in V4, V6:
            session = self.session(family)
            with lab.listen(CLIENT, family.client, 1):
                equal(False, lab.reachable(SERVER, family.client, 1), f'{family} port 1 of the client open:')
                # The router drops what comes to its own port 1: who gets through was led on to the client.
                if self.masquerade:
                    equal(False, lab.reachable(SERVER, family.to_server, 1), f'{family} port 1 of the router leads to the client:')
            # Dead ones are listed until their memory is collected; they have no time left.
            left = [line for line in must(f'conntrack -L expect -f {"ipv4" if family is V4 else "ipv6"} 2>/dev/null || true', ROUTER).splitlines()
                    if re.match(r'\d+ ', line)]
            equal([], left, f'{family} expectations in the kernel:')
            session.close()

    def rewritten(self):
        """Every announcement names an address that the other side can reach, round after round in one connection."""
        for family in V4, V6:
            session = self.session(family)
            to_client = self.dialed(family)
            to_server = family.to_server if self.masquerade else family.client
            for _ in range(3):
                for mode in ('PASV', 'EPSV', 'PORT', 'EPRT') if family is V4 else ('EPSV', 'EPRT'):
                    session.transfer(mode, to_client if mode in ('PASV', 'EPSV') else to_server)
            session.exchange('QUIT', '221 bye')
            session.close()

    def clients(self):
        """Real server, real clients."""
        server = lab.start_vsftpd()
        try:
            wrong = lab.failed_transfers(V4, self.dialed(V4)) + lab.failed_transfers(V6, self.dialed(V6))
        finally:
            server.terminate()
            server.wait()
        equal([], wrong)

    def events_told(self):
        """The event log tells of each pinhole: what was created matched, under its policy, and nothing was refused."""
        def told(name):
            return [e for e in lab.events() if e['event'] == name]

        # 18 scripted transfers (4 + 2 modes, three rounds), 7 + 5 of the clients.
        lab.await_that(lambda: len(told('matched')) >= 30, '30 children came')
        equal(len(told('created')), len(told('matched')), 'matched')
        equal({25}, {e['policyId'] for e in told('created')}, 'policy')
        equal([], [e for e in lab.events() if e['event'] in ('refused', 'malformed', 'misrouted', 'eventsLost')], 'events')

    def state_is_sane(self):
        """The agent and its doctor have nothing to complain of; nothing is left; no packet was invalid."""
        lab.await_that(lambda: not lab.ask('expectations'), 'no expectation is left')
        equal([], lab.ask('audit'), 'audit')
        equal(0, lab.invalid_packets(), 'invalid packets')
        # WorkerWatch: an emulated processor that the host does not serve stands still.
        complaints = [line for line in self.agent.said().splitlines() if re.search(r'\b(WARN|ERROR)\b|Exception', line)]
        equal([], [line for line in complaints if ' WorkerWatch - ' not in line], 'log')
        status = lab.ask('status')[0]
        equal('', status.get('lastError') or '', 'last error')
        with open(f'{lab.OUT}/{self.kind}-status.json', 'w') as file:
            json.dump(status, file, indent=1)
        if self.kind == 'both':  # each command starts a virtual machine, which takes its time here
            self.commands_are_sane()

    def commands_are_sane(self):
        """The commands of the operator."""
        for name, *arguments in ('status',), ('audit',), ('doctor', '--json', '--config', lab.WORK + '/agent.yaml'):
            code, output = lab.ctl(name, *arguments)
            with open(f'{lab.OUT}/{name}.txt', 'w') as file:
                file.write(output)
            if name == 'doctor':
                equal([], [line for line in json.loads(output) if line['level'] not in ('ok', 'info')], name)
            equal(0, code, output)


# ---- honest packets are read however the router routes
class Devices:
    """Other devices between router and server, one after the other; each check logs in and opens active and passive connections."""

    def __init__(self):
        lab.build()
        lab.firewall()
        self.agent = lab.Agent()

    def works(self, family, server=None):
        session = Session(family, server=server)
        for mode in ('PASV', 'PORT') if family is V4 else ('EPSV', 'EPRT'):
            session.transfer(mode)
        row = lab.ask('sessions')[-1]
        equal(0, row['misrouted'], f'misrouted, {row}')
        session.close()

    def tunnel(self, families, lay):
        """The server's second address lies behind t0, which lay makes on one host; answers take the same way."""
        for host, here, there in (ROUTER, V4.to_server, V4.server), (SERVER, V4.server, V4.to_server):
            lay(host, here, there)
        for family in families:
            near, far, bits, clients = (('192.0.2.1', '192.0.2.2', 24, '198.51.100.0/24') if family is V4 else
                                        ('2001:db8:3::1', '2001:db8:3::2', 64, '2001:db8:1::/64'))
            for host, address in (ROUTER, near), (SERVER, far):
                must(f'ip addr add {address}/{bits} dev t0' + (' nodad' if family is V6 else '') + '; ip link set t0 up', host)
            must(f'ip route replace {clients} dev t0 src {far}', SERVER)
            self.works(family, far)
        for host in ROUTER, SERVER:
            must('ip link del t0', host)

    def gre(self):
        self.tunnel((V4, V6), lambda host, here, there: must(f'ip link add t0 type gre local {here} remote {there}', host))

    def ipip(self):
        self.tunnel((V4,), lambda host, here, there: must(f'ip link add t0 type ipip local {here} remote {there}', host))

    def sit(self):
        self.tunnel((V6,), lambda host, here, there: must(f'ip link add t0 type sit local {here} remote {there}', host))

    def wireguard(self):
        private = {host: must('wg genkey').strip() for host in (ROUTER, SERVER)}

        def lay(host, here, there):
            public = must('echo ' + private[SERVER if host == ROUTER else ROUTER] + ' | wg pubkey').strip()
            must('ip link add t0 type wireguard', host)
            must(f'wg set t0 private-key <(echo {private[host]}) listen-port 51820 '
                 f'peer {public} allowed-ips 0.0.0.0/0,::/0 endpoint {there}:51820', host)

        self.tunnel((V4, V6), lay)

    def ppp(self):
        """Two pppd over one pseudo-terminal."""
        must('modprobe ppp_async; [ -e /dev/ppp ] || mknod /dev/ppp c 108 0')
        options = 'nodetach noauth local nocrtscts noccp noipdefault ipcp-accept-local ipcp-accept-remote'
        peer = f'ip netns exec {SERVER} pppd {options} notty'
        must(f'pppd {options} linkname lab 192.0.2.1:192.0.2.2 pty "{peer}" >{lab.OUT}/pppd.log 2>&1 </dev/null & echo $! >{lab.WORK}/pppd.pid', ROUTER)
        lab.await_that(lambda: '192.0.2.2' in lab.run('ip -4 addr show dev ppp0', SERVER)[1], 'ppp0 is up')
        must('ip route replace 198.51.100.0/24 dev ppp0 src 192.0.2.2', SERVER)
        self.works(V4, '192.0.2.2')
        must(f'kill $(cat {lab.WORK}/pppd.pid)')

    def vrf_leak(self):
        """The server's link in a VRF, the client's not; routes lead over."""
        must('ip link add blue type vrf table 10; ip link set blue up', ROUTER)
        self.enslave('r1', 2)
        must('ip route add 203.0.113.0/24 dev r1; ip -6 route add 2001:db8:2::/64 dev r1', ROUTER)
        must('ip route add table 10 198.51.100.0/24 dev r0; ip -6 route add table 10 2001:db8:1::/64 dev r0', ROUTER)
        for family in V4, V6:
            self.works(family)
        must('ip link del blue', ROUTER)

    def vrf(self):
        """Both links in one VRF: packets come in by the VRF's device."""
        must('ip link add red type vrf table 20; ip link set red up', ROUTER)
        self.enslave('r0', 1, 'red')
        self.enslave('r1', 2, 'red')
        for family in V4, V6:
            self.works(family)

    def enslave(self, device, network, master='blue'):
        must(f'ip link set {device} master {master}', ROUTER)
        # A device that changes its VRF loses its IPv6 addresses.
        must(f'ip -6 addr replace 2001:db8:{network}::1/64 dev {device} nodad', ROUTER)


FTP_CHECKS = ['login_opens_nothing', 'rewritten', 'clients', 'events_told', 'state_is_sane']
GROUPS = [(kind, lambda kind=kind: Ftp(kind), FTP_CHECKS) for kind in TRANSLATIONS]
GROUPS += [('devices', Devices, ['gre', 'ipip', 'sit', 'wireguard', 'ppp', 'vrf_leak', 'vrf'])]


def is_possible(check):
    """Debian's kernels for virtual machines have no PPP; run.sh SERIES-full shows it."""
    return check != 'ppp' or lab.run('modprobe -n ppp_async')[0] == 0


def main(wanted):
    good = total = 0
    for group, make, checks in GROUPS:
        chosen = [check for check in checks if not wanted or any(f'{group}/{check}'.startswith(word) for word in wanted)]
        begin, place = time.monotonic(), None
        try:
            place = make() if chosen else None
            if chosen:
                print(f'          {group}: ready after {time.monotonic() - begin:.0f} s')
        except Exception:
            traceback.print_exc(limit=-3)
        for check in chosen:
            name, begin = f'{group}/{check}', time.monotonic()
            if not is_possible(check):
                print(f'left out  {name}: this kernel has no such driver')
                continue
            total += 1
            try:
                if not place:
                    raise Failed('no laboratory')
                getattr(place, check)()
                good += 1
                print(f'ok        {name} ({time.monotonic() - begin:.0f} s)')
            except Exception as e:
                print(f'FAILED    {name} ({time.monotonic() - begin:.0f} s): {e}')
                if not isinstance(e, AssertionError):
                    traceback.print_exc(limit=-5)
                lab.write_down(name.replace('/', '-'))
        if place:
            place.agent.stop()
            for file in 'agent.log', 'events.jsonl':
                if os.path.exists(f'{lab.WORK}/{file}'):
                    shutil.copy(f'{lab.WORK}/{file}', f'{lab.OUT}/{group}-{file}')
    print(f'{good} of {total}')


if __name__ == '__main__':
    os.makedirs(lab.OUT, exist_ok=True)
    main(sys.argv[1:])
