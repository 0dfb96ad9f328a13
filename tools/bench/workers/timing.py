"""What the workers in Python do alike; the same statistics as figures.mjs."""

import json
import time

WARM_UP_WINDOWS = 50
STRETCH = 20
LONGEST_S = 8


def first():
    print('{"first":true}', flush=True)


def quantile(times, q):
    return sorted(times)[min(len(times) - 1, int(q * len(times)))]


def figures(run, windows, stage):
    """Times `run(i)`; prints the median of the quietest stretch, the 99th percentile, CPU time and memory."""
    warm_up = min(WARM_UP_WINDOWS, windows // 4)
    for i in range(warm_up):
        run(i)
    times = []
    longest = time.perf_counter() + LONGEST_S
    cpu = time.process_time()
    while len(times) < windows and (time.perf_counter() < longest or len(times) < STRETCH):
        begin = time.perf_counter()
        run(len(times))
        times.append((time.perf_counter() - begin) * 1000)
    cpu_ms = (time.process_time() - cpu) * 1000 / len(times)
    stretches = [times[at : at + STRETCH] for at in range(0, len(times) - STRETCH + 1, STRETCH)]
    result = {"p50": min(quantile(stretch, 0.5) for stretch in stretches), "p99": quantile(times, 0.99)}
    with open("/proc/self/status") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    print(
        json.dumps({stage: result, "wholeMs": result, "cpuMs": cpu_ms, "residentMb": resident * 1024 / 1e6}),
        flush=True,
    )
