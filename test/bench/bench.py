#!/usr/bin/env python3
"""What a proxied request costs, side by side with nginx and HAProxy.

Every proxy is pinned to one CPU with one worker, the load generator and the
upstream to the other. Runs alternate between the proxies; the median of the
rounds is reported. The figure that counts is CPU time of the proxy's processes
per request (schedstat, all threads), not throughput. Everything stays on
loopback and is bounded in count and time.

  test/bench/bench.py --gatehouse build/gatehouse --scenarios get,post,gw,big
"""
import argparse, glob, json, os, re, shlex, shutil, signal, socket, statistics, subprocess, sys, time

import gatehouse, tokens

HERE = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument('--gatehouse', default='build/gatehouse', help='the binary to measure')
ap.add_argument('--build', default='build/bench', help='where tools, configurations and data go')
ap.add_argument('--scenarios', default='get,cluster,post,gw,gwv,http,cached,jwt,jwtcold,big')
ap.add_argument('--rounds', type=int, default=5)
ap.add_argument('--secs', type=float, default=1.5, help='aimed length of one run')
ap.add_argument('--conns', type=int, default=64)
ap.add_argument('--routes', type=int, default=1000)
ap.add_argument('--cpus', default='0,1', help='CPU of the proxy, CPU of load and upstream')
ap.add_argument('--flags', default='', help='further flags for gatehouse serve')
ap.add_argument('--variants', default='', help='instead of the peers, Gatehouse with other flags: "none=--access-log off --trace-size 0;all=--access-log groups"')
ap.add_argument('--floor', action='store_true', help='also a forwarder in C that looks at nothing: what the kernel alone charges')
ap.add_argument('--out', default='build/bench.json')
A = ap.parse_args()
PROXY_CPU, LOAD_CPU = A.cpus.split(',')
BUILD = os.path.abspath(A.build)
BIN, CFG = BUILD + '/bin', BUILD + '/cfg'
UPSTREAM, PEERS, API, LISTEN, ADMIN, ISSUER, FLOOR = 9000, 8200, 8310, 8300, 8320, 8330, 8440
PORTS = {'plain': {'nginx': PEERS, 'haproxy': PEERS + 3}, 'gw': {'nginx': PEERS + 1, 'haproxy': PEERS + 4}, 'jwt': {'nginx': PEERS, 'haproxy': PEERS + 5}}
LOAD = {
    'get': ['-P', '/bench'], 'post': ['-P', '/bench', '-b', '1024'], 'big': ['-P', '/big', '-c', '16'],
    'gw': ['-R', str(A.routes), '-H', 'X-Api-Key: key-0500-0123456789abcdef'],
}
LOAD['gwv'] = LOAD['gw']  # gw with a request validator; nginx and HAProxy do what they do for gw
LOAD['http'] = LOAD['gw']  # an HTTP API: it looks at no key, which the others go on to do
LOAD['cluster'] = LOAD['get']  # Gatehouse with two endpoints, health checks, breaker, ejection, least requests and retries; the others do nothing of it
LOAD['cached'] = LOAD['get']  # Gatehouse answers from the stage's cache what the others proxy
running = []


def start(cmd, cpu, log):
    p = subprocess.Popen(['taskset', '-c', cpu] + shlex.split(cmd), stdout=open(log, 'a'), stderr=subprocess.STDOUT, start_new_session=True)
    running.append(p)
    return p


def stop(p):
    try:
        os.killpg(p.pid, signal.SIGTERM)
        p.wait(5)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        try:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
        except ProcessLookupError:
            pass
    running.remove(p)


def up(port, secs=60):
    """Waits until something listens on port."""
    for _ in range(int(secs * 20)):
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(.05)
    raise SystemExit(f'nothing listens on {port}')


def tree(pid):
    kids = {}
    for f in glob.glob('/proc/[0-9]*/stat'):
        try:
            kids.setdefault(int(open(f).read().rsplit(')', 1)[1].split()[1]), []).append(int(f.split('/')[2]))
        except OSError:
            continue
    out, todo = [], [pid]
    while todo:
        x = todo.pop()
        out.append(x)
        todo += kids.get(x, [])
    return out


def cpu_ns(pid):
    total = 0
    for q in tree(pid):
        for f in glob.glob(f'/proc/{q}/task/*/schedstat'):
            try:
                total += int(open(f).read().split()[0])
            except (OSError, ValueError):
                pass
    return total


def rss_mib(pid):
    total = 0
    for q in tree(pid):
        try:
            total += int(re.search(r'Pss:\s+(\d+)', open(f'/proc/{q}/smaps_rollup').read()).group(1))
        except (OSError, AttributeError):
            pass
    return total / 1024


def load(port, n, scenario):
    c = ['taskset', '-c', LOAD_CPU, BIN + '/load', '-p', str(port), '-c', str(A.conns), '-n', str(n), '-w', str(n // 10)] + LOAD[scenario]
    r = subprocess.run(c, capture_output=True, text=True, timeout=150)
    try:
        return json.loads(r.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise SystemExit(f'load failed on {port}: {r.stdout} {r.stderr}')


def serve(kind, api, copy='', nth=0):
    """The command that serves the data directory of one kind, or a copy. Its access log is a file, as those of the others are."""
    return (f'{A.gatehouse} serve --dev --data {BUILD}/data-{kind}{copy} --api 127.0.0.1:{api + 40 * nth} --listen 127.0.0.1:{LISTEN + 40 * nth} '
            f'--admin 127.0.0.1:{ADMIN + 40 * nth} --config {BUILD}/gatehouse.yaml --access-log {BUILD}/gatehouse-access.log {A.flags}')


def kind_of(scenario):
    """What kind of API a scenario calls."""
    return scenario if scenario in ('cluster', 'gw', 'gwv', 'http', 'cached', 'jwt', 'jwtcold') else 'plain'


def variants(kind):
    """Gatehouse with other flags, each on a copy of the data. The first is the one that others are compared with."""
    who = {}
    for nth, variant in enumerate(A.variants.split(';'), 1):
        name, flags = variant.split('=', 1)
        shutil.rmtree(f'{BUILD}/data-{kind}-{name}', ignore_errors=True)
        shutil.copytree(f'{BUILD}/data-{kind}', f'{BUILD}/data-{kind}-{name}')
        who[name.strip()] = (f'{serve(kind, API, "-" + name, nth)} {flags}', LISTEN + 40 * nth)
    return who


def contestants(scenario):
    kind = kind_of(scenario)
    if A.variants:
        return variants(kind)
    peers = {'gw': 'gw', 'gwv': 'gw', 'http': 'gw', 'jwt': 'jwt', 'jwtcold': 'jwt'}.get(kind, 'plain')
    conf = 'nginx-gw.conf' if peers == 'gw' else 'nginx.conf'
    who = {'nginx': (f'nginx -c {CFG}/{conf}', PORTS[peers]['nginx']),
           'haproxy': (f'haproxy -f {CFG}/haproxy.cfg', PORTS[peers]['haproxy']),
           'gatehouse': (serve(kind, API), LISTEN)}
    if A.floor:
        who['floor'] = (f'{BIN}/floor {FLOOR} {UPSTREAM}', FLOOR)
    return who


def measure(scenario):
    procs, count = {}, {}
    for name, (cmd, port) in contestants(scenario).items():
        procs[name] = (start(cmd, PROXY_CPU, f'{BUILD}/{name}.log'), port)
        up(port)
    for name, (_, port) in procs.items():  # calibrate and warm
        k = 150 if scenario == 'big' else 3000
        for _ in range(2):
            r = load(port, k, scenario)
        count[name] = int(max(k, min(200000, r['rps'] * A.secs)))
    us = {n: [] for n in procs}
    rps = {n: [] for n in procs}
    bad = dict.fromkeys(procs, 0)
    for i in range(A.rounds):
        print(f'{scenario}: round {i + 1} of {A.rounds}', file=sys.stderr, flush=True)
        for name, (p, port) in procs.items():
            before = cpu_ns(p.pid)
            r = load(port, count[name], scenario)
            us[name].append((cpu_ns(p.pid) - before) / 1e3 / (count[name] + count[name] // 10))
            rps[name].append(r['rps'])
            bad[name] += r['bad'] + r['errs']
    mem = {n: rss_mib(p.pid) for n, (p, _) in procs.items()}
    for p, _ in procs.values():
        stop(p)
    first = us[next(iter(us))]
    base = statistics.median(first)
    rows = []
    for name in sorted(us, key=lambda n: statistics.median(us[n])):
        m = statistics.median(us[name])
        ratio = statistics.median(a / b for a, b in zip(us[name], first)) if A.variants else m / base  # of one round each: less noise
        rows.append({'scenario': scenario, 'gateway': name, 'cpu_us': round(m, 2), 'vs_nginx': round(ratio, 3),
                     'cpu_us_min': round(min(us[name]), 2), 'cpu_us_max': round(max(us[name]), 2),
                     'rps': round(statistics.median(rps[name])), 'rss_mib': round(mem[name], 1), 'not_2xx': bad[name]})
    return rows


def show(rows):
    print(f"\n### {rows[0]['scenario']} ({A.rounds} alternating rounds, medians)\n")
    print('| gateway | CPU µs/request | spread | × first | requests/s on one CPU | RSS MiB | not 2xx |')
    print('|---|--:|---|--:|--:|--:|--:|')
    for r in rows:
        print(f"| {r['gateway']} | {r['cpu_us']:.1f} | {r['cpu_us_min']:.1f}–{r['cpu_us_max']:.1f} | {r['vs_nginx']:.2f} | "
              f"{r['rps']:,} | {r['rss_mib']:.0f} | {r['not_2xx']} |", flush=True)


def main():
    subprocess.run([HERE + '/peers.sh', BIN], check=True)
    os.makedirs(CFG, exist_ok=True)
    issuer = tokens.Issuer(CFG, ISSUER)
    LOAD['jwt'] = LOAD['jwtcold'] = LOAD['get'] + ['-H', 'Authorization: Bearer ' + issuer.token]  # nginx verifies nothing
    subprocess.run([HERE + '/peers-config.sh', CFG, str(UPSTREAM), str(PEERS), str(A.routes)], check=True)
    with open(BUILD + '/gatehouse.yaml', 'w') as f:
        f.write('resources-per-api: 5000\nroutes-per-api: 5000\nintegrations-per-api: 5000\n')
        f.write(f'clusters:\n  bench:\n    endpoints: ["127.0.0.1:{UPSTREAM}", "localhost:{UPSTREAM}"]\n    balance: least-request\n'
                '    health: {path: /bench, interval: 2s}\n    breaker: {}\n    retries: {attempts: 2}\n')
        f.write(f'user_pools:\n  {tokens.POOL}: {issuer.url}\n')
    scenarios = A.scenarios.split(',')
    out = []
    try:
        start(f'{BIN}/upstream {UPSTREAM}', LOAD_CPU, BUILD + '/upstream.log')
        up(UPSTREAM)
        for kind in sorted({kind_of(s) for s in scenarios}):
            print(f'setting up {kind} through the AWS API', file=sys.stderr, flush=True)
            shutil.rmtree(f'{BUILD}/data-{kind}', ignore_errors=True)
            gatehouse.prepare(shlex.split(serve(kind, API)), API, up, kind, A.routes, UPSTREAM)
        for s in scenarios:
            rows = measure(s)
            show(rows)
            out += rows
        with open(A.out, 'w') as f:
            json.dump(out, f, indent=1)
    finally:
        for p in list(running):
            stop(p)


main()
