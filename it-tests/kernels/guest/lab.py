"""Client, router and server in network namespaces of the guest, the router's firewall, the agent, and FTP peers.

The same addresses as in the scenarios of it-tests:

    client c0 198.51.100.2 ---- r0 .1 router .1 r1 ---- 203.0.113.2 s0 server
              2001:db8:1::2        ::1       ::1        2001:db8:2::2

A processor under emulation is 10 to 20 times slower, and more beside other work: checks wait for what they look for, and long.
"""
import ctypes
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import time

DIST, OUT, WORK = '/job/dist', '/job/out', '/tmp/work'
CONTROL_SOCKET, EVENTS = WORK + '/control.sock', WORK + '/events.jsonl'
CLIENT, ROUTER, SERVER = 'client', 'router', 'server'
PATIENCE = 300
# In a life of a minute compiling costs more than it saves.
JAVA_OPTIONS = '-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=20'
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Family:
    """The addresses of one family."""

    def __init__(self, name, client, server, to_client, to_server):
        self.name, self.client, self.server = name, client, server
        self.to_client, self.to_server = to_client, to_server  # the router's

    def __str__(self):
        return self.name


V4 = Family('IPv4', '198.51.100.2', '203.0.113.2', '198.51.100.1', '203.0.113.1')
V6 = Family('IPv6', '2001:db8:1::2', '2001:db8:2::2', '2001:db8:1::1', '2001:db8:2::1')


# ---- commands
def run(command, host=None, timeout=PATIENCE, text=None):
    """Runs a shell line on a host; its exit code and all that it printed."""
    words = ['bash', '-c', command]
    if host:
        words = ['ip', 'netns', 'exec', host] + words
    process = subprocess.Popen(words, stdin=subprocess.PIPE if text else subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(text.encode() if text else None, timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 124, output.decode('latin1') + ' (timed out)'
    return process.returncode, output.decode('latin1')


def must(command, host=None, **more):
    """Runs a shell line that has to succeed; what it printed."""
    code, output = run(command, host, **more)
    if code:
        raise AssertionError(f'{command}: exit {code}: {output.strip()}')
    return output


def await_that(condition, what, patience=PATIENCE):
    """Waits until something is so."""
    end = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f'not in {patience} s: {what}')
        time.sleep(0.05)
    return value


def write_down(name):
    """Leaves what a failure is explained by in a file of its name."""
    with open(f'{OUT}/{name}.txt', 'w') as file:
        for host in CLIENT, ROUTER, SERVER:
            for command in ('ip -s -d link', 'ip addr', 'ip rule', 'ip route show table all', 'ip -6 route show table all', 'ss -tanp', 'wg show 2>&1',
                            'conntrack -L 2>&1; conntrack -L -f ipv6 2>&1', 'nft list ruleset', 'cat /proc/net/snmp /proc/net/stat/nf_conntrack'):
                file.write(f'==== {host}: {command}\n{run(command, host)[1]}\n')
        file.write(run('dmesg | tail -n 50')[1])
        try:
            for question in 'sessions', 'expectations', 'status':
                file.write(f'==== {question}\n' + ''.join(json.dumps(row) + '\n' for row in ask(question)))
        except OSError as e:
            file.write(f'the agent does not answer: {e}\n')


# ---- the network
def build():
    """Makes the hosts anew, joined and routed, with nothing filtered."""
    for host in CLIENT, ROUTER, SERVER:
        run(f'ip netns del {host}')
        must(f'ip netns add {host}; ip -n {host} link set lo up')
        must('sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0', host)
    must('sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1', ROUTER)
    for host, device, peer in (CLIENT, 'c0', 'r0'), (SERVER, 's0', 'r1'):
        must(f'ip link add {device} netns {host} type veth peer name {peer} netns {ROUTER}')
        must(f'ip -n {host} link set {device} up; ip -n {ROUTER} link set {peer} up')
    for family, bits in (V4, 24), (V6, 64):
        for host, device, address in ((CLIENT, 'c0', family.client), (ROUTER, 'r0', family.to_client),
                                      (ROUTER, 'r1', family.to_server), (SERVER, 's0', family.server)):
            must(f'ip -n {host} addr add {address}/{bits} dev {device}' + (' nodad' if family is V6 else ''))
        must(f'ip -n {CLIENT} route add default via {family.to_client}')
        must(f'ip -n {SERVER} route add default via {family.to_server}')


def firewall(masquerade=False, dnat=False):
    """Drops by default, lets control connections in with policy 25, and children by the mark; counts what is invalid."""
    rules = '''
    table inet filter {
      chain forward {
        type filter hook forward priority filter; policy drop;
        ct state invalid counter drop
        ct state established,related accept
        ct mark and 0x40000000 != 0 accept
        tcp dport 21 ct state new ct mark set 25 accept
      }
      chain input {
        type filter hook input priority filter;
        tcp dport 1 drop
      }
    }
    table inet nat {
      chain pre { type nat hook prerouting priority dstnat; }
      chain post { type nat hook postrouting priority srcnat; }
    }
    '''
    if dnat:
        rules += f'add rule inet nat pre ip daddr {V4.to_client} tcp dport 21 dnat ip to {V4.server}\n'
        rules += f'add rule inet nat pre ip6 daddr {V6.to_client} tcp dport 21 dnat ip6 to {V6.server}\n'
    if masquerade:
        rules += 'add rule inet nat post oifname r1 masquerade\n'
    must('nft -f -', ROUTER, text=rules)


def invalid_packets():
    """How many forwarded packets were invalid for the connection tracking."""
    return int(re.search(r'invalid counter packets (\d+)', must('nft list chain inet filter forward', ROUTER)).group(1))


# ---- the agent
class Agent:
    """The agent on the router."""

    def __init__(self):
        os.makedirs(WORK, exist_ok=True)
        for old in EVENTS, WORK + '/agent.log':
            if os.path.exists(old):
                os.remove(old)
        with open(WORK + '/agent.yaml', 'w') as file:
            file.write(f'control: {{socket: {CONTROL_SOCKET}}}\neventLog: {{file: {EVENTS}}}\n')
        self.log = open(WORK + '/agent.log', 'wb')
        self.process = subprocess.Popen(
            ['ip', 'netns', 'exec', ROUTER, DIST + '/bin/pinholed', '--config', WORK + '/agent.yaml'], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, start_new_session=True, env={**os.environ, 'PINHOLED_JAVA_OPTS': JAVA_OPTIONS})
        try:
            await_that(self.answers, 'the agent is ready')
        except AssertionError as e:
            self.stop()
            raise AssertionError(f'{e}: {self.said()}') from None

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f'the agent ended: {self.process.returncode}')
        try:
            return ask('status')
        except OSError:
            return None

    def said(self):
        self.log.flush()
        with open(WORK + '/agent.log', errors='replace') as file:
            return file.read()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def ask(command, **more):
    """Asks the agent as pinholectl does, without a virtual machine for each question; the rows of its answer."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(PATIENCE)
        control.connect(CONTROL_SOCKET)
        control.sendall((json.dumps({'command': command, **more}) + '\n').encode())
        rows = []
        for line in control.makefile():
            answer = json.loads(line)
            if 'error' in answer:
                raise AssertionError(f'{command}: {answer["error"]}')
            if answer.get('done'):
                break
            rows.append(answer.get('row', answer))
        return rows


def ctl(*arguments):
    """Runs pinholectl on the router; its exit code and output."""
    return run(f'{DIST}/bin/pinholectl --socket {CONTROL_SOCKET} ' + ' '.join(arguments), ROUTER)


def events():
    """All lines of the event log so far."""
    if not os.path.exists(EVENTS):
        return []
    with open(EVENTS) as file:
        return [json.loads(line) for line in file if line.endswith('\n')]


# ---- sockets of the hosts
HOME = os.open('/proc/self/ns/net', os.O_RDONLY)


def within(host, action):
    """Runs something in a host's network namespace; sockets made there stay there."""
    namespace = os.open('/run/netns/' + host, os.O_RDONLY)
    try:
        if libc.setns(namespace, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns')
        return action()
    finally:
        libc.setns(HOME, CLONE_NEWNET)
        os.close(namespace)


def listen(host, address, port=0):
    def make():
        listener = socket.create_server((address, port), family=socket.AF_INET6 if ':' in address else socket.AF_INET)
        listener.settimeout(PATIENCE)
        return listener
    return within(host, make)


def connect(host, address, port, source=None, timeout=PATIENCE):
    connection = within(host, lambda: socket.create_connection((address, port), timeout, (source, 0) if source else None))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(PATIENCE)
    return connection


def reachable(host, address, port, timeout=3):
    try:
        connect(host, address, port, timeout=timeout).close()
        return True
    except OSError:
        return False


class Session:
    """A control connection of which this process has both ends, logged in: each line is said when the check wants it."""

    def __init__(self, family, client=None, server=None, dialed=None, hosts=(CLIENT, SERVER), login=True):
        self.family, self.hosts = family, hosts
        self.client_address, self.server_address = client or family.client, server or family.server
        self.dialed = dialed or self.server_address
        with listen(hosts[1], self.server_address, 21) as listener:
            self.client = connect(hosts[0], self.dialed, 21, self.client_address)
            self.server, _ = listener.accept()
        self.server.settimeout(PATIENCE)
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard = {self.client: self.client.makefile('rb'), self.server: self.server.makefile('rb')}
        if login:
            self.reply('220 ready')
            self.exchange('USER joe', '331 password')
            self.exchange('PASS x', '230 in')

    def say(self, sender, receiver, line):
        sender.sendall(line.encode() + b'\r\n')
        heard = self.heard[receiver].readline()
        if not heard.endswith(b'\r\n'):
            raise AssertionError(f'{line}: heard {heard!r}')
        return heard[:-2].decode()

    def command(self, line):
        """The client says a line; it as the server hears it."""
        return self.say(self.client, self.server, line)

    def reply(self, line):
        """The server says a line; it as the client hears it."""
        return self.say(self.server, self.client, line)

    def exchange(self, command, reply):
        self.command(command)
        self.reply(reply)

    def announce(self, mode):
        """Announces a listener by PASV, EPSV, PORT or EPRT: the listener, and address and port as the other end is told."""
        passive = mode in ('PASV', 'EPSV')
        address = self.server_address if passive else self.client_address
        listener = listen(self.hosts[1] if passive else self.hosts[0], address)
        port = listener.getsockname()[1]
        six = '%s,%d,%d' % (address.replace('.', ','), port >> 8, port & 255)
        if passive:
            self.command(mode)
            told = self.reply(f'227 Passive ({six})' if mode == 'PASV' else f'229 Extended passive (|||{port}|)')
        else:
            told = self.command(f'PORT {six}' if mode == 'PORT' else f'EPRT |{2 if ":" in address else 1}|{address}|{port}|')
            self.reply('200 ok')
        if mode in ('PASV', 'PORT'):
            numbers = re.search(r'(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)', told).groups()
            return listener, '.'.join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])
        named, port = re.search(r'\|([0-9a-f.:]*)\|(\d+)\|', told).groups()
        return listener, named or self.dialed, int(port)

    def transfer(self, mode, named=None, size=20000):
        """One data connection as announced, bytes both ways; named is the address that the other end must be told."""
        listener, address, port = self.announce(mode)
        with listener:
            if named and address != named:
                raise AssertionError(f'{mode}: {address} was told, not {named}')
            dialer, source = (0, self.client_address) if mode in ('PASV', 'EPSV') else (1, self.server_address)
            with connect(self.hosts[dialer], address, port, source) as near, listener.accept()[0] as far:
                far.settimeout(PATIENCE)
                content = os.urandom(size)
                for sender, receiver in (near, far), (far, near):
                    sender.sendall(content)
                    got = b''
                    while len(got) < size:
                        piece = receiver.recv(65536)
                        if not piece:
                            raise AssertionError(f'{mode}: the data connection ended after {len(got)} bytes')
                        got += piece
                    if got != content:
                        raise AssertionError(f'{mode}: other content')

    def close(self):
        for heard in self.heard.values():
            heard.close()
        self.client.close()
        self.server.close()


# ---- real peers
def start_vsftpd():
    """A real server of both families; it listens when this returns."""
    folder = WORK + '/ftp'
    os.makedirs(folder + '/in', exist_ok=True)
    os.chmod(WORK, 0o755)
    os.chmod(folder + '/in', 0o777)
    with open(folder + '/file', 'wb') as file:
        file.write(os.urandom(300000))
    with open(WORK + '/vsftpd.conf', 'w') as file:
        file.write(f'listen=NO\nlisten_ipv6=YES\nbackground=NO\nanonymous_enable=YES\nno_anon_password=YES\nanon_root={folder}\n'
                   'write_enable=YES\nanon_upload_enable=YES\nlocal_enable=NO\nsecure_chroot_dir=/run/vsftpd/empty\nseccomp_sandbox=NO\n'
                   'isolate=NO\nisolate_network=NO\nxferlog_enable=NO\nport_enable=YES\nconnect_from_port_20=NO\n'
                   'pasv_min_port=40000\npasv_max_port=49999\n')
    server = subprocess.Popen(['ip', 'netns', 'exec', SERVER, 'vsftpd', WORK + '/vsftpd.conf'], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True)
    await_that(lambda: reachable(SERVER, '::1', 21), 'vsftpd listens')
    return server


LFTP = 'set net:timeout 60; set net:max-retries 1; set ftp:ssl-allow no; set cmd:fail-exit yes; set ftp:sync-mode off;'


def client_lines(family, dialed):
    """Name and shell line of each real client."""
    host = f'[{dialed}]' if family is V6 else dialed
    url, got = f'ftp://{host}/file', WORK + '/got'
    lines = [('curl EPSV', f'curl -sS -o {got} {url}'), ('curl EPRT', f'curl -sS -P - -o {got} {url}'),
             ('curl upload', f'curl -sS -T {WORK}/ftp/file ftp://{host}/in/up'),
             ('lftp passive', f'lftp -c "{LFTP} set ftp:passive-mode on; get1 -o {got} {url}"'),
             ('lftp active', f'lftp -c "{LFTP} set ftp:passive-mode off; get1 -o {got} {url}"')]
    if family is V4:
        lines += [('curl PASV', f'curl -sS --disable-epsv -o {got} {url}'), ('curl PORT', f'curl -sS -P - --disable-eprt -o {got} {url}')]
    return lines


def digest(path):
    if not os.path.exists(path):
        return None
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def failed_transfers(family, dialed):
    """Runs every real client once; what went wrong."""
    wrong = []
    for name, line in client_lines(family, dialed):
        target = WORK + ('/ftp/in/up' if 'upload' in name else '/got')
        if os.path.exists(target):
            os.remove(target)
        code, output = run(line, CLIENT)
        if code or digest(target) != digest(WORK + '/ftp/file'):
            wrong.append(f'{family} {name}: exit {code} {" ".join(output.split())[-160:]}')
    return wrong
